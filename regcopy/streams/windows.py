"""A bound on the memory of zstd's large windows: those who unpack with one take turns.

A frame of zstd says in its header how far its data refer back (RFC 8878, section 3.1.1.1.2), and
whoever unpacks it holds as much. Usual levels stay at 8 MiB, which nobody waits for; the best
ones take 32 MiB.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from regcopy.streams.resources import Resources

# The longest header of a frame (RFC 8878, section 3.1.1.1).
FRAME_HEADER_BYTES: Final = 18
# What skopeo and buildah write at their best levels. The tool zstd stops at 8 MiB.
MAX_WINDOW_LOG: Final = 25

_MAGIC: Final = b"\x28\xb5\x2f\xfd"
_USUAL_BYTES: Final = 8 * 1024 * 1024
_MAX_BYTES: Final = 1 << MAX_WINDOW_LOG
_DICTIONARY_BYTES: Final = (0, 1, 2, 4)
_SIZE_BYTES: Final = (1, 2, 4, 8)
_POLL_SECONDS: Final = 0.25
# A layer of gigabytes may take as long as this; memory is not worth more.
_PATIENCE_SECONDS: Final = 900.0

Hold = Callable[[int], Callable[[], None]]
"""Waits until there is room for so many bytes, and gives what gives the room back."""


def window_bytes(head: bytes) -> int:
    """Tell how much memory the window of a frame takes.

    Args:
        head: the first `FRAME_HEADER_BYTES` bytes, or all that there are.

    Returns:
        Bytes; 0 where this is not the header of a frame, or not all of it.
    """
    if len(head) < 6 or not head.startswith(_MAGIC):
        return 0
    described = head[4]
    if not described & 0x20:
        exponent, mantissa = head[5] >> 3, head[5] & 7
        return (8 + mantissa) << (10 + exponent - 3)
    # There is no window: it is as large as the content, whose size follows.
    start = 5 + _DICTIONARY_BYTES[described & 3]
    field = head[start : start + _SIZE_BYTES[described >> 6]]
    return int.from_bytes(field, "little")


class WindowBudget:
    """Room for large windows, shared by all that unpack in a session; safe for several threads.

    Who comes first is served first. Nobody holds room for two windows at once, and who holds it
    waits only for bytes to come and go: so nobody waits for somebody who waits.

    Args:
        total: bytes.
        patience_seconds: who has waited so long goes on all the same.
    """

    def __init__(
        self, total: int = _MAX_BYTES, *, patience_seconds: float = _PATIENCE_SECONDS
    ) -> None:
        self._free = total
        self._patience = patience_seconds
        self._waiting: deque[object] = deque()
        self._changed = threading.Condition()

    def hold(self, size: int, check_stopped: Callable[[], None]) -> Callable[[], None]:
        """Wait until there is room for a window.

        Args:
            size: in bytes. One of a usual size is not waited for, nor is one that is too
                large to be unpacked at all.
            check_stopped: called while waiting; what it raises ends the wait.

        Returns:
            What gives the room back; to be called once.
        """
        if not _USUAL_BYTES < size <= _MAX_BYTES:
            return _nothing
        deadline = time.monotonic() + self._patience
        turn = object()
        with self._changed:
            self._waiting.append(turn)
            try:
                while not self._may_take(turn, size) and time.monotonic() < deadline:
                    check_stopped()
                    self._changed.wait(_POLL_SECONDS)
            finally:
                self._waiting.remove(turn)
                self._changed.notify_all()
            self._free -= size
        return lambda: self._give_back(size)

    def _may_take(self, turn: object, size: int) -> bool:
        return self._waiting[0] is turn and size <= self._free

    def _give_back(self, size: int) -> None:
        with self._changed:
            self._free += size
            self._changed.notify_all()

    def close(self) -> None:
        """Do nothing: there is nothing to give back."""


def hold_in(resources: Resources, check_stopped: Callable[[], None]) -> Hold:
    """Give the way to room that all have who share these resources.

    Args:
        resources: of the side that is read.
        check_stopped: see `WindowBudget.hold`.
    """
    budget = resources.get(WindowBudget, (), WindowBudget)
    return lambda size: budget.hold(size, check_stopped)


def _nothing() -> None:
    """Give back no room."""
