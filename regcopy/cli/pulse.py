"""Something that is told every so often, from a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

INTERVAL_SECONDS: Final = 30.0


class Pulse:
    """Calls `beat` once an interval, from `start` to `stop`."""

    def __init__(
        self, beat: Callable[[], None], *, interval_seconds: float = INTERVAL_SECONDS
    ) -> None:
        self._beat = beat
        self._interval = interval_seconds
        self._moved_before = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="regcopy-heartbeat", daemon=True)

    def start(self) -> None:
        """Begin; the first beat comes after an interval."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._over.set()
        # It may hang in a write to a pipe that nobody reads; it is a daemon, so let it.
        self._thread.join(1.0)

    def rate(self, moved_bytes: int) -> float:
        """Bytes a second since this was last asked, an interval ago; `moved_bytes` so far."""
        rate = (moved_bytes - self._moved_before) / self._interval
        self._moved_before = moved_bytes
        return rate

    def _run(self) -> None:
        while not self._over.wait(self._interval):
            self._beat()
