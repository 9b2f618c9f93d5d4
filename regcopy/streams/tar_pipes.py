"""Pipes and devices as ends of a copy: waits that can be cancelled, and nothing ever sought.

`/dev/stdin` and `/dev/stdout` are opened anew where the system allows it, so that a flag set
here is not seen by other programs that share them.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import select
import stat
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from regcopy.errors import NotFound, StorageFailed
from regcopy.streams.blob import BLOCK_BYTES
from regcopy.streams.files import storage_errors

_STANDARD: Final = {"/dev/stdin": 0, "/dev/stdout": 1, "/dev/stderr": 2}
_DESCRIPTOR: Final = re.compile(r"/(?:dev/fd|proc/self/fd)/([0-9]{1,6})")
_POLL_MILLISECONDS: Final = 200
_POLL_SECONDS: Final = 0.05
_QUIET_MILLISECONDS: Final = 1000
# The largest that Linux gives to everybody (pipe(7)); the default of 64 KiB is slow.
_PIPE_BYTES: Final = 1024 * 1024
# What poll(2) promises that a write takes at once.
_SURE_BYTES: Final = select.PIPE_BUF
# No reader yet at a named pipe; /dev/stdout that is a socket, or a pipe of another user.
_CANNOT_REOPEN: Final = frozenset({errno.EACCES, errno.ENXIO, errno.EPERM})


def descriptor_of(path: str) -> int | None:
    """Number of the descriptor that a path such as `/dev/stdout` names; None for others."""
    found = _DESCRIPTOR.fullmatch(path)
    return int(found[1]) if found else _STANDARD.get(path)


def open_to_read(path: str) -> int:
    """Open a file, pipe or device for reading; a named pipe without waiting for a writer.

    Raises:
        NotFound: there is nothing of that name.
        StorageFailed: it is a folder, or cannot be opened.
    """
    with storage_errors("opening", path):
        try:
            fd = _reopen(path, os.O_RDONLY)
        except FileNotFoundError:
            raise NotFound(f"{path} does not exist") from None
    if stat.S_ISDIR(os.fstat(fd).st_mode):
        os.close(fd)
        raise StorageFailed(f"opening {path}: this is a folder, not a file")
    return fd


def open_to_write(path: str, sleep: Callable[[float], None]) -> int:
    """Open a pipe or device for writing; at a named pipe a reader is waited for.

    Args:
        path: must be there.
        sleep: waits for some seconds, and raises where the run was cancelled.

    Raises:
        StorageFailed: it cannot be opened.
    """
    with storage_errors("opening", path):
        while True:
            try:
                return _reopen(path, os.O_WRONLY)
            except OSError as error:
                if error.errno != errno.ENXIO or not stat.S_ISFIFO(os.stat(path).st_mode):
                    raise
            sleep(_POLL_SECONDS)


def _reopen(path: str, flags: int) -> int:
    try:
        return os.open(path, flags | os.O_NONBLOCK)
    except OSError as error:
        number = descriptor_of(path)
        if number is None or error.errno not in _CANNOT_REOPEN:
            raise
        return os.dup(number)


class PipeReader:
    """What comes out of a pipe or device."""

    def __init__(self, fd: int, path: str, check_cancelled: Callable[[], None]) -> None:
        """Read from `fd`, which is closed with this."""
        self._fd = fd
        self._path = path
        self._check_cancelled = check_cancelled
        self._poll = select.poll()
        self._poll.register(fd, select.POLLIN)

    def read(self, size: int = -1, /) -> bytes:
        """Give what is there, at most `size` bytes; b"" at the end. Raises StorageFailed."""
        while True:
            self._check_cancelled()
            # Before anybody has opened a named pipe for writing, only poll can tell that
            # from its end.
            if not self._poll.poll(_POLL_MILLISECONDS):
                continue
            with storage_errors("reading", self._path), suppress(BlockingIOError):
                return os.read(self._fd, BLOCK_BYTES if size < 0 else size)

    def drain(self, limit: int) -> None:
        """Throw away what is left, so that whoever writes it can come to its end.

        No more than `limit` bytes, and no longer than something comes.
        """
        with suppress(OSError):
            while limit > 0 and self._poll.poll(_QUIET_MILLISECONDS):
                block = os.read(self._fd, BLOCK_BYTES)
                if not block:
                    return
                limit -= len(block)

    def close(self) -> None:
        """Close it; may be called twice."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class PipeWriter:
    """What goes into a pipe or device."""

    def __init__(self, fd: int, path: str, check_cancelled: Callable[[], None]) -> None:
        """Write to `fd`, which is closed with this."""
        self._fd = fd
        self._path = path
        self._check_cancelled = check_cancelled
        self._poll = select.poll()
        self._poll.register(fd, select.POLLOUT)
        flags = fcntl.fcntl(fd, fcntl.F_GETFL)
        self._at_once = BLOCK_BYTES if flags & os.O_NONBLOCK else _SURE_BYTES
        with suppress(OSError):  # no pipe, or its owner's share of pipe memory is used up
            fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)

    def write(self, block: bytes) -> None:
        """Write all of it, as fast as it is taken.

        Raises:
            StorageFailed: whoever should read it has gone, disk full, …
        """
        rest = memoryview(block)
        while rest:
            self._check_cancelled()
            if not self._poll.poll(_POLL_MILLISECONDS):
                continue
            try:
                with storage_errors("writing to", self._path), suppress(BlockingIOError):
                    rest = rest[os.write(self._fd, rest[: self._at_once]) :]
            except StorageFailed as failure:
                if isinstance(failure.__cause__, BrokenPipeError):
                    failure.hint = "the program that reads it has ended: see what it says"
                raise

    def close(self) -> None:
        """Close it; may be called twice."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
