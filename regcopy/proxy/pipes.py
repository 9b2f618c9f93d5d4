"""Pipes to the client, each filled by a thread of its own.

The client reads to the end of what it expects, then calls FinishPipe: only then is the pipe
closed, so that a client cannot miss that something was wrong with the bytes.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Final, Protocol

from regcopy.errors import Cancelled
from regcopy.proxy.protocol import ProxyError, error_object

# A thread and two descriptors each; clients read a few layers at once.
MAX_PIPES: Final = 256
_POLL_SECONDS: Final = 0.25


class Blocks(Protocol):
    """Bytes, block after block."""

    def __iter__(self) -> Iterator[bytes]:
        """Give the blocks."""
        ...

    def close(self) -> None:
        """Close what is behind them."""
        ...


@dataclass(frozen=True, slots=True)
class Whole:
    """Bytes that are there already."""

    content: bytes

    def __iter__(self) -> Iterator[bytes]:
        yield self.content

    def close(self) -> None:
        """Nothing is behind them."""


class _Pipe:
    """One pipe that is being filled; `error` is what stopped it."""

    def __init__(self, writing: int) -> None:
        self.writing = writing
        self.done = threading.Event()
        self.error: Exception | None = None


class Pipes:
    """All pipes of one client.

    Args:
        cancelled: ends waiting for the client.
    """

    def __init__(self, cancelled: threading.Event) -> None:
        self._cancelled = cancelled
        self._open: dict[int, _Pipe] = {}
        self._last = 0
        self._lock = threading.Lock()
        self._raw = 0

    def start(self, blocks: Blocks) -> tuple[int, int]:
        """Begin to fill a new pipe; `blocks` is closed in any case.

        Returns:
            the number of the pipe, and the descriptor of its reading end.

        Raises:
            ProxyError: there are too many pipes.
        """
        self._check_count(blocks)
        reading, writing = os.pipe()
        pipe = _Pipe(writing)
        self._last += 1
        self._open[self._last] = pipe

        def fill() -> None:
            try:
                _write_all(writing, blocks)
            except Exception as error:  # noqa: BLE001 — told by `finish`
                pipe.error = error
            finally:
                pipe.done.set()

        threading.Thread(target=fill, name=f"pipe {self._last}", daemon=True).start()
        return self._last, reading

    def finish(self, number: int) -> None:
        """Wait until all was written, and close the pipe.

        Raises:
            ProxyError: there is no such pipe.
            RegcopyError, OSError: the bytes could not be had, or were the wrong ones.
        """
        pipe = self._open.get(number)
        if pipe is None:
            raise ProxyError(f"finishpipe: no active pipe {number}")
        while not pipe.done.wait(_POLL_SECONDS):
            if self._cancelled.is_set():
                raise Cancelled("cancelled")
        del self._open[number]
        os.close(pipe.writing)
        if pipe.error is not None:
            raise pipe.error

    def start_raw(self, blocks: Blocks) -> tuple[int, int]:
        """Begin to fill a pipe that ends by itself, with a second one for what goes wrong.

        Returns:
            the reading ends of both.

        Raises:
            ProxyError: there are too many pipes.
        """
        self._check_count(blocks)
        reading, writing = os.pipe()
        reading_errors, writing_errors = os.pipe()
        with self._lock:
            self._raw += 1

        def fill() -> None:
            try:
                _write_all(writing, blocks)
            except Exception as error:  # noqa: BLE001 — told through the second pipe
                with suppress(OSError):
                    os.write(writing_errors, error_object(error))
            finally:
                # The errors' pipe first: whoever has seen the end of the bytes finds them all.
                os.close(writing_errors)
                os.close(writing)
                with self._lock:
                    self._raw -= 1

        threading.Thread(target=fill, name="raw pipe", daemon=True).start()
        return reading, reading_errors

    def _check_count(self, blocks: Blocks) -> None:
        with self._lock:
            count = len(self._open) + self._raw
        if count >= MAX_PIPES:
            blocks.close()
            raise ProxyError(f"there are {count} pipes open; finish some first")

    def close(self) -> None:
        """Forget all pipes; those that are still being filled end with the process."""
        for pipe in self._open.values():
            if pipe.done.is_set():
                os.close(pipe.writing)
        self._open.clear()


def _write_all(descriptor: int, blocks: Blocks) -> None:
    with closing(blocks):
        for block in blocks:
            rest = memoryview(block)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
