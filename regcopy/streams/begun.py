"""Large blobs that a run has begun to write, and a later run goes on with.

A killed run leaves the file that it wrote a blob to; a run that lost its connection for good
leaves it on purpose. It is named by the digest, so the next run finds it, hashes what is there
and asks the source for the rest only. Nothing of it is believed before the whole is verified.
"""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Callable, Iterable
from typing import Final

from regcopy.errors import DigestMismatch, SizeMismatch
from regcopy.model.descriptor import Descriptor
from regcopy.streams.blob import BLOCK_BYTES, BlobStream
from regcopy.streams.files import Folder, NewFile, storage_errors
from regcopy.streams.temporary_names import begun_digits, begun_name

# A smaller one is there again sooner than anybody notices.
LARGE_BYTES: Final = 8 * 1024 * 1024
KEPT_SECONDS: Final = 7 * 24 * 3600.0
_OPEN: Final = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK


def can_be_gone_on_with(folder: Folder, name: str, *, blobs: Iterable[Folder]) -> bool:
    """Tell whether a later run may well go on with a file.

    Args:
        folder: that it is in.
        name: of any file.
        blobs: where the blob itself is by now, if another run has written it.
    """
    digits = begun_digits(name)
    if not digits or folder.age(name) >= KEPT_SECONDS:
        return False
    return all(place.size_of(digits) is None for place in blobs)


class BlobFile:
    """The file that a blob is written to; use it as the context of the file it gives."""

    def __init__(self, folder: Folder, expected: Descriptor | None) -> None:
        """Find or create it.

        Args:
            folder: where the blob is to be.
            expected: what it must turn out to be; None where that is not known before.

        Raises:
            StorageFailed: it cannot be opened.
        """
        self._bytes = 0
        begun = None
        if expected is not None and expected.size >= LARGE_BYTES:
            begun = _open_begun(folder, begun_name(expected.digest))
        if begun is not None and expected is not None:
            # The last byte is always asked for, so that the source has an end to show.
            self._bytes = min(os.fstat(begun[1]).st_size, expected.size - 1)
        self._fd = begun[1] if begun else -1
        self._path = folder.path
        self.file = NewFile(folder, begun=begun)

    def fill(self, stream: BlobStream, check_cancelled: Callable[[], None]) -> None:
        """Write all bytes of a blob, those that are there already excepted.

        Raises:
            StorageFailed: they could not be written.
            ContentError: the bytes are not those that were promised.
        """
        if self._bytes:
            try:
                while block := self._read_at(stream.position):
                    stream.take_over(block)
                    check_cancelled()
                self.file.cut(stream.position)
                self._pass(stream, check_cancelled)
            except (DigestMismatch, SizeMismatch):
                # After a power failure a file can have holes: all of it once more.
                stream.restart(0)
                self.file.cut(0)
            else:
                return
        self._pass(stream, check_cancelled)

    def _read_at(self, offset: int) -> bytes:
        with storage_errors("reading", self._path):
            return os.pread(self._fd, min(BLOCK_BYTES, self._bytes - offset), offset)

    def _pass(self, stream: BlobStream, check_cancelled: Callable[[], None]) -> None:
        while block := stream.read(BLOCK_BYTES):
            self.file.write(block)
            check_cancelled()


def _open_begun(folder: Folder, name: str) -> tuple[str, int] | None:
    """Open a file to go on with, or a new one of that name; None where that cannot be safe."""
    with storage_errors("writing to", folder.path):
        try:
            fd = os.open(name, _OPEN, 0o644, dir_fd=folder.fd)
        except OSError:
            # A link, a pipe, a file of another user: not of our making. What else there can be
            # in the way is told by whoever creates another file.
            return None
        try:
            if _is_ours(fd, folder, name):
                return name, fd
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)
        return None


def _is_ours(fd: int, folder: Folder, name: str) -> bool:
    """Tell whether nobody else writes the file, and it is no other file under another name."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False  # another run writes it
    except OSError:
        folder.remove(name)  # there are no locks here, so nobody can go on with anything
        return False
    here = os.fstat(fd)
    if not stat.S_ISREG(here.st_mode) or here.st_nlink != 1 or here.st_uid != os.geteuid():
        return False
    try:
        # Whoever had the lock before may have given the file another name.
        there = os.stat(name, dir_fd=folder.fd, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return os.path.samestat(here, there)
