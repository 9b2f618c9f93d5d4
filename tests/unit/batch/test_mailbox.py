"""The way of events from threads to whoever reads them."""

from __future__ import annotations

import threading

from regcopy.batch.events import LineAdvanced, LineEvent, LineStarted
from regcopy.batch.lines import Line
from regcopy.batch.mailbox import LineObserver, Mailbox
from regcopy.events import BlobAdvanced, BlobDone
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest

LINE = Line(1, "oci:a", "dir:b")
DIGEST = Digest.of(b"x")
DONE = BlobDone(Descriptor("text/plain", DIGEST, 1), "blob", "copied")


def filled(count: int, *, capacity: int) -> tuple[Mailbox, threading.Event]:
    cancelled = threading.Event()
    mailbox = Mailbox(cancelled, capacity=capacity)
    for _ in range(count):
        mailbox.put(LineStarted(LINE))
    return mailbox, cancelled


def drained(mailbox: Mailbox) -> list[object]:
    found: list[object] = []
    while (event := mailbox.get(wait=False)) is not None:
        found.append(event)
    return found


def test_events_come_out_as_they_went_in() -> None:
    mailbox, _ = filled(0, capacity=4)
    events: list[LineEvent] = [LineStarted(LINE), LineAdvanced(LINE, DONE)]
    for event in events:
        mailbox.put(event)
    assert drained(mailbox) == events


def test_an_offer_is_dropped_where_there_is_little_room() -> None:
    mailbox, _ = filled(2, capacity=4)
    mailbox.offer(LineAdvanced(LINE, DONE))
    assert len(drained(mailbox)) == 2


def test_who_puts_something_into_a_full_box_waits_for_room() -> None:
    mailbox, _ = filled(4, capacity=4)
    writer = threading.Thread(target=mailbox.put, args=(LineAdvanced(LINE, DONE),), daemon=True)
    writer.start()
    assert mailbox.get() == LineStarted(LINE)
    writer.join(20)
    assert not writer.is_alive()
    assert drained(mailbox)[-1] == LineAdvanced(LINE, DONE)


def test_nobody_waits_for_room_after_a_cancellation() -> None:
    mailbox, cancelled = filled(4, capacity=4)
    cancelled.set()
    mailbox.put(LineAdvanced(LINE, DONE))
    assert len(drained(mailbox)) == 5


def test_the_progress_of_a_blob_is_thinned_out() -> None:
    mailbox, _ = filled(0, capacity=1000)
    observer = LineObserver(LINE, mailbox)
    for position in range(500):
        observer.notify(BlobAdvanced(DIGEST, position))
    observer.notify(DONE)
    found = drained(mailbox)
    assert found[0] == LineAdvanced(LINE, BlobAdvanced(DIGEST, 0))
    assert found[-1] == LineAdvanced(LINE, DONE)
    assert len(found) < 100
