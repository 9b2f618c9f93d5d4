"""Files that are safe beside strangers' files, and safe to leave at any moment.

Every name is used relative to the descriptor of its folder and is never followed when it
is a symbolic link, so that nobody can swap a path between a check and its use. A file
appears under its name whole or not at all: temporary name, fsync, rename. Its name is
durable once its folder is synced.
"""

from __future__ import annotations

import errno
import io
import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Final, Self

from regcopy.errors import NotFound, StorageFailed
from regcopy.streams.blob import BLOCK_BYTES, read_limited
from regcopy.streams.temporary_names import is_temporary, new_name

_HINTS: Final = {
    errno.ENOSPC: "free space there, or write somewhere else",
    errno.EDQUOT: "the quota is used up: free space there, or write somewhere else",
    errno.EFBIG: "larger than files may be there: see ulimit -f",
    errno.EACCES: "check owner and permissions of that place",
    errno.EPERM: "check owner and permissions of that place",
    errno.EROFS: "that file system is read-only: write somewhere else",
    errno.EMFILE: "too many open files: see ulimit -n",
}
# What a file system answers that has no fsync of a folder (FUSE, CIFS).
_NO_FOLDER_SYNC: Final = frozenset({errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP})


@contextmanager
def storage_errors(doing: str, path: str) -> Iterator[None]:
    """Turn an OSError into StorageFailed: the one place where that is done.

    Only calls to the operating system belong inside: what a network library raises is an
    OSError as well.
    """
    try:
        yield
    except OSError as error:
        code = error.errno or 0
        why = error.strerror or type(error).__name__
        raise StorageFailed(f"{doing} {path}: {why}", hint=_HINTS.get(code, "")) from error


def write_all(fd: int, block: bytes) -> None:
    """Write a whole block, of which the system may take a part at a time. Raises OSError."""
    rest = memoryview(block)
    while rest:
        rest = rest[os.write(fd, rest) :]


class Folder:
    """An open folder; names in it are single names, never paths.

    Attributes:
        path: where it was when it was opened, for messages.
        fd: its descriptor.
    """

    def __init__(self, fd: int, path: str) -> None:
        self.fd = fd
        self.path = path

    @classmethod
    def open(cls, path: str) -> Self:
        """Open a folder that the user named; the path may lead through symbolic links.

        Raises:
            NotFound: there is nothing of that name.
            StorageFailed: it is no folder, or cannot be opened.
        """
        with storage_errors("opening", path):
            try:
                return cls(os.open(path, os.O_RDONLY | os.O_DIRECTORY), path)
            except FileNotFoundError:
                raise NotFound(f"{path} does not exist") from None

    def sub(self, name: str) -> Folder:
        """Open a folder inside this one; a symbolic link is refused.

        Raises:
            NotFound: there is nothing of that name.
            StorageFailed: it is no folder, or cannot be opened.
        """
        path = self.path_of(name)
        with storage_errors("opening", path):
            try:
                fd = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=self.fd)
            except FileNotFoundError:
                raise NotFound(f"{path} does not exist") from None
            except OSError as error:
                if error.errno in (errno.ELOOP, errno.ENOTDIR):
                    raise _not_plain(path, "folder") from None
                raise
        return Folder(fd, path)

    def make(self, name: str) -> bool:
        """Create a folder inside this one, unless there is something of that name.

        Returns:
            whether it was created.

        Raises:
            NotFound: this folder itself was removed since it was opened.
            StorageFailed: it cannot be created.
        """
        path = self.path_of(name)
        with storage_errors("creating", path):
            try:
                os.mkdir(name, 0o755, dir_fd=self.fd)
            except FileExistsError:
                return False
            except FileNotFoundError:
                raise NotFound(f"{self.path} has just gone") from None
        return True

    def size_of(self, name: str) -> int | None:
        """Size of a regular file in bytes; None where there is no such file."""
        path = self.path_of(name)
        with storage_errors("reading", path):
            try:
                found = os.stat(name, dir_fd=self.fd, follow_symlinks=False)
            except FileNotFoundError:
                return None
        return found.st_size if stat.S_ISREG(found.st_mode) else None

    def names(self) -> list[str]:
        """Names of everything in it, sorted."""
        with storage_errors("listing", self.path):
            return sorted(os.listdir(self.fd))

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        path = self.path_of(name)
        with storage_errors("removing", path), suppress(FileNotFoundError):
            os.unlink(name, dir_fd=self.fd)

    def remove_temporary_files(self, is_kept: Callable[[str], bool] = lambda _: False) -> None:
        """Remove what killed runs left; only while no other run can be writing here.

        Files of which `is_kept` says so stay.
        """
        for name in self.names():
            if is_temporary(name) and not is_kept(name):
                self.remove(name)

    def age(self, name: str) -> float:
        """Seconds since a file was written to."""
        with storage_errors("reading", self.path_of(name)):
            return time.time() - os.stat(name, dir_fd=self.fd, follow_symlinks=False).st_mtime

    def sync(self) -> None:
        """Make the names in it durable, where the file system can."""
        with storage_errors("writing to", self.path):
            try:
                os.fsync(self.fd)
            except OSError as error:
                if error.errno not in _NO_FOLDER_SYNC:
                    raise

    def is_in_place(self) -> bool:
        """Tell whether its path still leads to this very folder."""
        try:
            there, here = os.stat(self.path), os.fstat(self.fd)
        except OSError:
            return False
        return os.path.samestat(there, here)

    def path_of(self, name: str) -> str:
        """Path of a name in this folder, for messages.

        Raises:
            ValueError: not a single name.
        """
        if not name or name in (".", "..") or "/" in name or os.sep in name or "\0" in name:
            raise ValueError(f"not a single file name: {name!r}")
        return os.path.join(self.path, name)

    def close(self) -> None:
        """Close it, and release its lock; may be called twice."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        self.close()


class NewFile:
    """A file that nobody sees before `publish`, and that is gone when that is not reached."""

    def __init__(
        self, folder: Folder, *, mode: int = 0o644, begun: tuple[str, int] | None = None
    ) -> None:
        """Prepare a file in `folder`; `mode` is cut by the umask.

        `begun` is name and descriptor of a file that a run has begun, to go on with.
        """
        self._folder = folder
        self._name = begun[0] if begun else new_name()
        self._mode = mode
        self._fd = begun[1] if begun else -1
        self._begun = begun is not None
        self._stays = False

    def __enter__(self) -> Self:
        if self._begun:
            return self
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        try:
            with storage_errors("writing to", self._folder.path):
                self._fd = os.open(self._name, flags, self._mode, dir_fd=self._folder.fd)
        except BaseException:
            self._discard()
            raise
        return self

    def write(self, block: bytes) -> None:
        """Append bytes.

        Raises:
            StorageFailed: disk full, quota, …
        """
        with storage_errors("writing to", self._folder.path):
            write_all(self._fd, block)

    def write_at(self, offset: int, block: bytes) -> None:
        """Write over bytes that were written before. Raises StorageFailed."""
        with storage_errors("writing to", self._folder.path):
            os.pwrite(self._fd, block, offset)

    def cut(self, size: int) -> None:
        """Drop what was written after the first `size` bytes. Raises StorageFailed."""
        with storage_errors("writing to", self._folder.path):
            os.ftruncate(self._fd, size)
            os.lseek(self._fd, size, os.SEEK_SET)

    def publish(self, name: str, into: Folder | None = None) -> None:
        """Make the bytes durable and give the file its name, in place of what had that name.

        The name itself is durable after `Folder.sync`, once for many files.

        Args:
            name: a single name.
            into: another folder of the same file system, if not the one that it grew in.

        Raises:
            StorageFailed: disk full, a folder of that name, …
        """
        folder = into or self._folder
        with storage_errors("writing", folder.path_of(name)):
            os.fsync(self._fd)
            # Closed afterwards: nobody else may go on with a file that we had begun.
            os.replace(self._name, name, src_dir_fd=self._folder.fd, dst_dir_fd=folder.fd)
            self._stays = True
            self._close()

    def keep(self) -> bool:
        """Leave it for a later run to go on with; False where it is no such file."""
        self._stays = self._begun
        return self._stays

    def _close(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def _discard(self) -> None:
        if not self._stays:
            with suppress(OSError):
                os.unlink(self._name, dir_fd=self._folder.fd)
        with suppress(OSError):
            self._close()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        self._discard()


def write_file(folder: Folder, name: str, content: bytes, *, mode: int = 0o644) -> None:
    """Write a small whole file, or replace it, in one step, and make it durable.

    Raises:
        StorageFailed: it could not be written; what was there before still is.
    """
    with NewFile(folder, mode=mode) as file:
        file.write(content)
        file.publish(name)
    folder.sync()


class RegularFile:
    """A file that is read; a `Readable`."""

    def __init__(self, raw: io.FileIO, path: str, size: int) -> None:
        self._raw = raw
        self._path = path
        self.size = size

    def read(self, size: int = -1, /) -> bytes:
        """Give at most `size` bytes, b"" at the end.

        Raises:
            StorageFailed: the disk cannot read it.
        """
        with storage_errors("reading", self._path):
            return self._raw.read(BLOCK_BYTES if size < 0 else size) or b""

    def close(self) -> None:
        """Close it; may be called twice."""
        self._raw.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        self.close()


def open_regular(folder: Folder, name: str, *, offset: int = 0) -> RegularFile:
    """Open a regular file for reading, from `offset` bytes on.

    Raises:
        NotFound: there is nothing of that name.
        StorageFailed: it is a symbolic link, a pipe, a device, …, or cannot be opened.
    """
    path = folder.path_of(name)
    # Without O_NONBLOCK, opening a pipe would wait for somebody to write to it.
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
    with storage_errors("reading", path):
        try:
            fd = os.open(name, flags, dir_fd=folder.fd)
        except FileNotFoundError:
            raise NotFound(f"{path} does not exist") from None
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENXIO):
                raise _not_plain(path, "regular file") from None
            raise
        try:
            size = _regular_size(fd, path)
            os.lseek(fd, offset, os.SEEK_SET)
            return RegularFile(io.FileIO(fd), path, size)
        except BaseException:
            os.close(fd)
            raise


def _regular_size(fd: int, path: str) -> int:
    found = os.fstat(fd)
    if not stat.S_ISREG(found.st_mode):
        raise _not_plain(path, "regular file")
    return found.st_size


def read_file(folder: Folder, name: str, *, limit: int) -> bytes:
    """Read a small whole file.

    Raises:
        NotFound, StorageFailed: as `open_regular`.
        LimitExceeded: it has more than `limit` bytes.
    """
    with open_regular(folder, name) as file:
        return read_limited(file, limit, what=folder.path_of(name))


def _not_plain(path: str, kind: str) -> StorageFailed:
    return StorageFailed(
        f"opening {path}: this is no {kind}",
        hint="symbolic links, pipes and devices inside an image are not followed",
    )
