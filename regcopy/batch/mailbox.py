"""Events on their way from worker threads to whoever iterates over them."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Final, Protocol

from regcopy.batch.events import LineAdvanced, LineEvent
from regcopy.batch.lines import Line
from regcopy.events import BlobAdvanced, Event
from regcopy.model.digest import Digest

CAPACITY: Final = 4096
_POLL_SECONDS: Final = 0.25
# Bars are drawn ten times a second; nobody sees more.
_PAUSE_SECONDS: Final = 0.1


class Mailbox:
    """A queue that never grows without bound.

    Progress of blobs is left out while the reader is behind; for everything else the
    writer waits, so that no line ends unseen.
    """

    def __init__(self, cancelled: threading.Event, *, capacity: int = CAPACITY) -> None:
        self._cancelled = cancelled
        self._capacity = capacity
        self._events: deque[LineEvent] = deque()
        self._changed = threading.Condition()

    def offer(self, event: LineEvent) -> None:
        """Put an event in, or leave it out where there is little room."""
        with self._changed:
            if len(self._events) < self._capacity // 2:
                self._append(event)

    def put(self, event: LineEvent) -> None:
        """Put an event in, once there is room; after a cancellation at once."""
        with self._changed:
            while len(self._events) >= self._capacity and not self._cancelled.is_set():
                self._changed.wait(_POLL_SECONDS)
            self._append(event)

    def _append(self, event: LineEvent) -> None:
        self._events.append(event)
        self._changed.notify_all()

    def get(self, *, wait: bool = True) -> LineEvent | None:
        """Take the oldest event out; None where there is none, with `wait` for a moment."""
        with self._changed:
            if wait and not self._events:
                self._changed.wait(_POLL_SECONDS)
            if not self._events:
                return None
            event = self._events.popleft()
            self._changed.notify_all()
            return event

    def wake(self) -> None:
        """Make a reader that waits look again."""
        with self._changed:
            self._changed.notify_all()


class TakesEvents(Protocol):
    """A mailbox, or whatever else events are given to."""

    def put(self, event: LineEvent, /) -> None:
        """Take an event that must not be lost."""
        ...

    def offer(self, event: LineEvent, /) -> None:
        """Take an event, or leave it out."""
        ...


class LineObserver:
    """Puts what happens in the copy of one line into the mailbox.

    Calls come one at a time (see `regcopy.events`), so it needs no lock.
    """

    def __init__(self, line: Line, mailbox: TakesEvents) -> None:
        self._line = line
        self._mailbox = mailbox
        self._last: dict[Digest, float] = {}

    def notify(self, event: Event, /) -> None:
        """Pass an event on; the progress of a blob only now and then."""
        advanced = LineAdvanced(self._line, event)
        if not isinstance(event, BlobAdvanced):
            self._mailbox.put(advanced)
            return
        now = time.monotonic()
        if now - self._last.get(event.digest, 0.0) >= _PAUSE_SECONDS:
            self._last[event.digest] = now
            self._mailbox.offer(advanced)
