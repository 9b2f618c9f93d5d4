"""Something that is told every so often, from a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Protocol, TypeVar

INTERVAL_SECONDS: Final = 30.0


class Beating(Protocol):
    """Something with a heartbeat."""

    def beat(self) -> None:
        """Tell how far it is; called from another thread."""
        ...


_Beating = TypeVar("_Beating", bound=Beating)


@contextmanager
def beating(
    something: _Beating, *, interval_seconds: float = INTERVAL_SECONDS
) -> Iterator[_Beating]:
    """Let something beat once an interval while a `with` block lasts, first after an interval."""
    over = threading.Event()

    def run() -> None:
        while not over.wait(interval_seconds):
            something.beat()

    thread = threading.Thread(target=run, name="regcopy-heartbeat", daemon=True)
    thread.start()
    try:
        yield something
    finally:
        over.set()
        # It may hang in a write to a pipe that nobody reads; it is a daemon, so let it.
        thread.join(1.0)


class Rate:
    """Bytes a second, from beat to beat."""

    def __init__(self, interval_seconds: float = INTERVAL_SECONDS) -> None:
        self._interval = interval_seconds
        self._moved_before = 0

    def since_last(self, moved_bytes: int) -> float:
        """Give the rate since this was last asked, an interval ago; `moved_bytes` so far."""
        rate = (moved_bytes - self._moved_before) / self._interval
        self._moved_before = moved_bytes
        return rate
