"""Who listens to a copy: calls come one at a time, and what they say is counted."""

from __future__ import annotations

import threading

from regcopy.events import Event, Observer, Retrying


class Tally:
    """Passes events on to an observer, one at a time, and counts repeated requests."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._lock = threading.Lock()
        self._retries = 0

    @property
    def retries(self) -> int:
        """Requests that had to be repeated until now."""
        return self._retries

    def notify(self, event: Event, /) -> None:
        """Take an event from any thread."""
        with self._lock:
            if isinstance(event, Retrying):
                self._retries += 1
            self._observer.notify(event)
