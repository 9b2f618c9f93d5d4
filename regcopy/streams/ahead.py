"""Bytes that another thread reads a little ahead."""

from __future__ import annotations

import threading
from collections import deque
from typing import Final

from regcopy.streams.blob import BLOCK_BYTES, Readable

_BLOCKS: Final = 2
_PATIENCE_SECONDS: Final = 5.0


class ReadAhead:
    """Another reader's bytes, read in a thread of their own, two blocks ahead at most.

    Hashing, compressing and waiting all let other threads run. So where one layer passes
    through two stages of such work they go on at the same time. Measured on two cores, one
    layer of 300 MiB: packing a plain one takes 30 % less time, unpacking and packing one 40 %
    (from gzip to zstd 25 %). Unpacking one alone, for an archive that takes one layer at a time,
    takes 15 to 20 % less.
    """

    def __init__(self, raw: Readable) -> None:
        """Begin to read `raw`, which from now on belongs to the thread, and is closed by it."""
        self._raw = raw
        self._ready: deque[bytes] = deque()
        self._error: BaseException | None = None
        self._is_over = False
        self._is_closed = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="regcopy-ahead", daemon=True)
        self._thread.start()

    def read(self, size: int = -1, /) -> bytes:
        """Give the next bytes, b"" at the end; there may be fewer than asked for.

        Raises:
            BaseException: what the other reader raised, once all before it was given.
        """
        with self._changed:
            if size == 0 or self._is_closed:
                return b""
            self._changed.wait_for(lambda: self._ready or self._is_over)
            if self._ready:
                return self._next(size)
            if self._error is not None:
                raise self._error
            return b""

    def _next(self, size: int) -> bytes:
        block = self._ready.popleft()
        if 0 < size < len(block):
            self._ready.appendleft(block[size:])
            block = block[:size]
        self._changed.notify_all()
        return block

    def _run(self) -> None:
        error: BaseException | None = None
        try:
            try:
                self._fill()
            finally:
                self._raw.close()
        except BaseException as raised:  # noqa: BLE001 — raised again in the reader's thread
            error = raised
        with self._changed:
            self._error, self._is_over = error, True
            self._changed.notify_all()

    def _fill(self) -> None:
        while self._has_room() and (block := self._raw.read(BLOCK_BYTES)):
            with self._changed:
                self._ready.append(block)
                self._changed.notify_all()

    def _has_room(self) -> bool:
        """Wait until a block is wanted; False where none will be any more."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_closed or len(self._ready) < _BLOCKS)
            return not self._is_closed

    def close(self) -> None:
        """End the thread, which closes the other reader; may be called twice.

        It waits for a read under way, a few seconds at most.
        """
        with self._changed:
            self._is_closed = True
            self._ready.clear()
            self._changed.notify_all()
        self._thread.join(_PATIENCE_SECONDS)
