from __future__ import annotations

import threading

from regcopy.cli.progress_heartbeat import Heartbeat, heartbeat_text
from regcopy.cli.progress_tally import ProgressTally, Standing
from regcopy.cli.pulse import beating
from regcopy.events import BlobAdvanced, BlobDone, BlobStarted, CopyStarted, Event
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from tests.command_line import log_lines, make_screens

MIB = 1024 * 1024


def blob(name: str, size: int = 10 * MIB) -> Descriptor:
    return Descriptor("application/octet-stream", Digest.of(name.encode()), size)


def standing_after(*events: Event) -> Standing:
    tally = ProgressTally()
    for event in events:
        tally.notify(event)
    return tally.standing()


def started(*blobs: Descriptor) -> tuple[Event, ...]:
    plan = CopyStarted(1, 1, False, len(blobs), sum(one.size for one in blobs))
    return (plan, *(BlobStarted(one, "layer") for one in blobs))


def test_before_the_plan_manifests_are_being_read() -> None:
    assert heartbeat_text(standing_after(), 0.0) == "reading manifests"


def test_the_line_has_bytes_share_rate_and_blobs() -> None:
    one, two = blob("one"), blob("two")
    standing = standing_after(
        *started(one, two), BlobDone(one, "layer", "copied"), BlobAdvanced(two.digest, 5 * MIB)
    )
    assert heartbeat_text(standing, 1.5 * MIB) == (
        "15.0 MiB of 20.0 MiB (75%) are there, 1.5 MiB/s, 1 of 2 blobs done, "
        f"under way: sha256:{two.digest.hex[:12]} 50% of 10.0 MiB"
    )


def test_of_many_blobs_under_way_the_largest_are_named() -> None:
    blobs = [blob(str(n), n * MIB) for n in range(1, 6)]
    text = heartbeat_text(standing_after(*started(*blobs)), 0.0)
    assert text.endswith("2 more")
    assert blobs[4].digest.hex[:12] in text
    assert blobs[0].digest.hex[:12] not in text


def test_what_was_there_already_counts_as_done_but_not_as_moved() -> None:
    one, two = blob("one"), blob("two")
    standing = standing_after(
        *started(one, two), BlobDone(one, "layer", "reused"), BlobDone(two, "layer", "copied")
    )
    assert (standing.done_bytes, standing.moved_bytes) == (20 * MIB, 10 * MIB)


def test_a_position_never_goes_over_the_size() -> None:
    one = blob("one", 100)
    standing = standing_after(*started(one), BlobAdvanced(one.digest, 500))
    assert standing.done_bytes == 100


def test_blobs_without_bytes_are_no_division_by_zero() -> None:
    text = heartbeat_text(standing_after(*started(blob("empty", 0))), 0.0)
    assert text.startswith("0 B of 0 B are there")


def test_the_rate_is_that_of_the_last_interval() -> None:
    screens, tally, one = make_screens(), ProgressTally(), blob("one")
    heartbeat = Heartbeat(screens.console, tally, interval_seconds=10.0)
    for event in (*started(one), BlobAdvanced(one.digest, 5 * MIB)):
        tally.notify(event)
    heartbeat.beat()
    heartbeat.beat()
    first, second = (line.message for line in log_lines(screens.err.text))
    assert "512.0 KiB/s" in first
    assert " 0 B/s" in second


def test_it_beats_by_itself_until_the_copy_ends() -> None:
    beaten = threading.Event()

    class Tally(ProgressTally):
        def standing(self) -> Standing:
            beaten.set()
            return super().standing()

    screens = make_screens()
    with beating(Heartbeat(screens.console, Tally()), interval_seconds=0.001):
        assert beaten.wait(10)
    assert {line.message for line in log_lines(screens.err.text)} == {"reading manifests"}
