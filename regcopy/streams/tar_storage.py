"""Where the bytes of an archive are: in the user's file, or in a copy that is gone afterwards.

A plain file is read where it lies, at any offset and by several threads. What is compressed
or comes out of a pipe is written once into a temporary file that has no name, as far as its
reader asks for it: nobody can be made to unpack what follows the end of a tar file.
"""

from __future__ import annotations

import os
import stat
import tempfile
import threading
from collections.abc import Callable
from typing import BinaryIO, Final, Protocol

from regcopy.errors import LimitExceeded, StorageFailed
from regcopy.streams.blob import BLOCK_BYTES, Readable
from regcopy.streams.decompress import HEAD_BYTES, Peeked, Unpacked, packing_of
from regcopy.streams.files import storage_errors, write_all
from regcopy.streams.tar_pipes import PipeReader, open_to_read

# As skopeo has it: the place for large files that need not survive (hier(7)).
_LARGE_FILES: Final = "/var/tmp"  # noqa: S108 — a file without a name cannot be swapped
# What may follow the end of the tar file in a pipe: the zeros of a last record, and more.
_MAX_REST_BYTES: Final = 64 * 1024 * 1024
# Zeros pack a thousand to one with gzip; whole archives, with all their holes, far less.
_BOMB_BYTES: Final = 1024 * 1024 * 1024
_BOMB_RATIO: Final = 500


class TarStorage(Protocol):
    """Bytes at offsets; may be read by several threads."""

    def read_at(self, offset: int, size: int, /) -> bytes:
        """Give so many bytes, fewer only at the end. Raises StorageFailed or ContentError."""
        ...

    def finish(self) -> None:
        """Take no more from where it comes from: all headers have been read."""
        ...

    def close(self) -> None:
        """Give everything back; may be called twice."""
        ...


def temporary_folder(tmpdir: str) -> str:
    """Folder for large temporary files.

    Args:
        tmpdir: value of TMPDIR, "" where it is not set.
    """
    if tmpdir:
        return tmpdir
    return _LARGE_FILES if os.access(_LARGE_FILES, os.W_OK) else tempfile.gettempdir()


def new_temporary_file(folder: str) -> BinaryIO:
    """Create a file without a name; it is gone when it is closed. Raises StorageFailed."""
    with storage_errors("creating a temporary file in", folder):
        return tempfile.TemporaryFile(dir=folder, buffering=0)


def copy_into(file: BinaryIO, raw: Readable, folder: str) -> None:
    """Copy all that is left of `raw` into a temporary file in `folder`. Raises StorageFailed."""
    while block := raw.read(BLOCK_BYTES):
        _keep(file, block, folder)


def _keep(file: BinaryIO, block: bytes, folder: str) -> None:
    with storage_errors("writing a temporary file in", folder):
        write_all(file.fileno(), block)


def open_storage(path: str, *, folder: str, check_cancelled: Callable[[], None]) -> TarStorage:
    """Open an archive for reading.

    Args:
        path: the user's own: a file, a pipe or a device, gzipped or not.
        folder: for a copy, where one is needed.
        check_cancelled: raises to stop.

    Raises:
        NotFound: there is nothing of that name.
        StorageFailed: it is a folder, or cannot be opened or read.
    """
    fd = open_to_read(path)
    pipe = PipeReader(fd, path, check_cancelled)
    try:
        is_file = stat.S_ISREG(os.fstat(fd).st_mode)
        if is_file and packing_of(_read_at(fd, 0, HEAD_BYTES, path)) is None:
            return FileStorage(fd, path)
        counted = Counted(pipe)
        peeked = Peeked(counted)
        packing = packing_of(peeked.head)
        content = peeked if packing is None else Unpacked(peeked, packing, what=path)
        return SpooledStorage(content, folder, path, packed=counted, pipe=None if is_file else pipe)
    except BaseException:
        pipe.close()
        raise


class Counted:
    """Bytes as they come, which are counted.

    Attributes:
        taken: how many there were.
    """

    def __init__(self, raw: Readable) -> None:
        """Count what comes from `raw`, which is closed with this."""
        self._raw = raw
        self.taken = 0

    def read(self, size: int = -1, /) -> bytes:
        """Give the next bytes, b"" at the end."""
        block = self._raw.read(size)
        self.taken += len(block)
        return block

    def close(self) -> None:
        """Close what is below; may be called twice."""
        self._raw.close()


class FileStorage:
    """A plain file."""

    def __init__(self, fd: int, path: str) -> None:
        """Read from `fd`, which is closed with this."""
        self._fd = fd
        self._path = path

    def read_at(self, offset: int, size: int, /) -> bytes:
        """Give so many bytes, fewer only at the end. Raises StorageFailed."""
        return _read_at(self._fd, offset, size, self._path)

    def finish(self) -> None:
        """Nothing to end."""

    def close(self) -> None:
        """Close the file; may be called twice."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class SpooledStorage:
    """A copy of what can be read only once, made as far as it was asked for."""

    def __init__(
        self,
        content: Readable,
        folder: str,
        path: str,
        *,
        packed: Counted | None = None,
        pipe: PipeReader | None = None,
    ) -> None:
        """Copy `content` into a temporary file in `folder`.

        Args:
            content: the bytes of the tar file; closed with this, and by `finish`.
            folder: must be there.
            path: what messages call it.
            packed: counts the compressed bytes that `content` is unpacked from.
            pipe: what is left in it is thrown away at the end.

        Raises:
            StorageFailed: the temporary file cannot be created; `content` is still open.
        """
        self._content = content
        self._packed = packed
        self._pipe = pipe
        self._folder = folder
        self._path = path
        self._file = new_temporary_file(folder)
        self._copied = 0
        self._ended = False
        self._lock = threading.Lock()

    def read_at(self, offset: int, size: int, /) -> bytes:
        """Give so many bytes, fewer only at the end.

        Raises:
            StorageFailed: it cannot be read, or there is no space for the copy.
            ContentError: what is compressed is broken.
        """
        with self._lock:
            self._copy_to(offset + size)
            fd = self._file.fileno()
        return _read_at(fd, offset, size, self._path)

    def _copy_to(self, end: int) -> None:
        while self._copied < end and not self._ended:
            block = self._content.read(BLOCK_BYTES)
            self._ended = not block
            _keep(self._file, block, self._folder)
            self._copied += len(block)
            self._check_ratio()

    def _check_ratio(self) -> None:
        if self._packed is None or self._copied <= _BOMB_BYTES:
            return
        if self._copied > _BOMB_RATIO * self._packed.taken:
            raise LimitExceeded(
                f"{self._path} unpacks to more than {_BOMB_RATIO} times its size",
                hint="if you trust it, unpack it first, and copy from the unpacked file",
            )

    def finish(self) -> None:
        """Take no more, and let whoever writes to our pipe come to its end."""
        self._ended = True
        if self._pipe is not None:
            self._pipe.drain(_MAX_REST_BYTES)
        self._content.close()

    def close(self) -> None:
        """Close both; the copy is gone. May be called twice."""
        self._content.close()
        self._file.close()


def _read_at(fd: int, offset: int, size: int, path: str) -> bytes:
    if fd < 0:
        raise StorageFailed(f"reading {path}: it is closed")
    with storage_errors("reading", path):
        return os.pread(fd, size, offset)
