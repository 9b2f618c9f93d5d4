"""Files that are safe beside strangers' files, and safe to leave at any moment.

Every name is used relative to the descriptor of its folder and is never followed when it
is a symbolic link, so that nobody can swap a path between a check and its use. A file
appears under its name whole or not at all: temporary name, fsync, rename, fsync of the
folder. Locks are flock(2) locks on the folder itself, so that no lock file stays behind.
"""

from __future__ import annotations

import errno
import io
import os
import secrets
import stat
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Final, Literal, Self

from regcopy.errors import NotFound, StorageFailed
from regcopy.streams.blob import BLOCK_BYTES, read_limited

if sys.platform != "win32":
    import fcntl

TEMP_PREFIX: Final = ".regcopy-"
TEMP_SUFFIX: Final = ".tmp"
LOCK_SECONDS: Final = 60.0
_POLL_SECONDS: Final = 0.05

# Not everywhere (Windows): the module can still be imported there.
_NOFOLLOW: Final = getattr(os, "O_NOFOLLOW", 0)
_NONBLOCK: Final = getattr(os, "O_NONBLOCK", 0)
_DIRECTORY: Final = getattr(os, "O_DIRECTORY", 0)
_BINARY: Final = getattr(os, "O_BINARY", 0)

_HINTS: Final = {
    errno.ENOSPC: "free space there, or write somewhere else",
    errno.EDQUOT: "the quota is used up: free space there, or write somewhere else",
    errno.EFBIG: "larger than files may be there: see ulimit -f",
    errno.EACCES: "check owner and permissions of that place",
    errno.EPERM: "check owner and permissions of that place",
    errno.EROFS: "that file system is read-only: write somewhere else",
    errno.EMFILE: "too many open files: see ulimit -n",
}
# What a file system answers that has no such thing: fsync of a folder (FUSE, CIFS), flock
# of a folder (NFS needs a descriptor that is open for writing, which no folder can be).
_NOT_THERE: Final = frozenset(
    {errno.EINVAL, errno.EBADF, errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}
)


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
        if os.open not in os.supports_dir_fd:
            raise StorageFailed(f"opening {path}: this system cannot open files by folder")
        with storage_errors("opening", path):
            try:
                return cls(os.open(path, os.O_RDONLY | _DIRECTORY), path)
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
                fd = os.open(name, os.O_RDONLY | _DIRECTORY | _NOFOLLOW, dir_fd=self.fd)
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
        """
        path = self.path_of(name)
        with storage_errors("creating", path):
            try:
                os.mkdir(name, 0o755, dir_fd=self.fd)
            except FileExistsError:
                return False
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

    def remove_temporary_files(self) -> None:
        """Remove what killed runs left; only while no other run can be writing here."""
        for name in self.names():
            if name.startswith(TEMP_PREFIX) and name.endswith(TEMP_SUFFIX):
                self.remove(name)

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

    def __init__(self, folder: Folder, *, mode: int = 0o644) -> None:
        """Prepare a file in `folder`; `mode` is cut by the umask."""
        self._folder = folder
        self._name = f"{TEMP_PREFIX}{secrets.token_hex(8)}{TEMP_SUFFIX}"
        self._mode = mode
        self._fd = -1

    def __enter__(self) -> Self:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NOFOLLOW | _BINARY
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
        rest = memoryview(block)
        with storage_errors("writing to", self._folder.path):
            while rest:
                rest = rest[os.write(self._fd, rest) :]

    def publish(self, name: str) -> None:
        """Make the file durable and give it its name, in place of what had that name.

        Raises:
            StorageFailed: disk full, a folder of that name, …
        """
        path = self._folder.path_of(name)
        with storage_errors("writing", path):
            os.fsync(self._fd)
            self._close()
            here = self._folder.fd
            os.replace(self._name, name, src_dir_fd=here, dst_dir_fd=here)
            _sync_folder(here)

    def _close(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def _discard(self) -> None:
        # Once published, nothing has the temporary name any more.
        with suppress(OSError):
            self._close()
        with suppress(OSError):
            os.unlink(self._name, dir_fd=self._folder.fd)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        self._discard()


def write_file(folder: Folder, name: str, content: bytes, *, mode: int = 0o644) -> None:
    """Write a small whole file, or replace it, in one step.

    Raises:
        StorageFailed: it could not be written; what was there before still is.
    """
    with NewFile(folder, mode=mode) as file:
        file.write(content)
        file.publish(name)


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
    flags = os.O_RDONLY | _NOFOLLOW | _NONBLOCK | _BINARY
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
            found = os.fstat(fd)
            if not stat.S_ISREG(found.st_mode):
                raise _not_plain(path, "regular file")
            os.lseek(fd, offset, os.SEEK_SET)
            return RegularFile(io.FileIO(fd), path, found.st_size)
        except BaseException:
            os.close(fd)
            raise


def read_file(folder: Folder, name: str, *, limit: int) -> bytes:
    """Read a small whole file.

    Raises:
        NotFound, StorageFailed: as `open_regular`.
        LimitExceeded: it has more than `limit` bytes.
    """
    with open_regular(folder, name) as file:
        return read_limited(file, limit, what=folder.path_of(name))


LockState = Literal["held", "busy", "none"]
"""A lock was got; others have it; there are no locks on this file system."""


def try_lock(folder: Folder, *, shared: bool = False) -> LockState:
    """Lock a folder without waiting. A lock that was held before may be lost on "busy"."""
    if sys.platform == "win32":
        return "none"
    try:
        fcntl.flock(folder.fd, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return "busy"
    except OSError as error:
        if error.errno in _NOT_THERE:
            return "none"
        raise StorageFailed(f"locking {folder.path}: {error.strerror}") from error
    return "held"


def lock(
    folder: Folder,
    *,
    shared: bool = False,
    timeout_seconds: float = LOCK_SECONDS,
    sleep: Callable[[float], None] = time.sleep,
) -> bool:
    """Lock a folder, waiting for others; False where the file system has no locks.

    Args:
        folder: held until it is closed.
        shared: several may have a shared lock at once.
        timeout_seconds: how long others are waited for.
        sleep: waits for some seconds, and raises where the run was cancelled.

    Raises:
        StorageFailed: others held the lock all that time.
    """
    deadline = time.monotonic() + timeout_seconds
    while (state := try_lock(folder, shared=shared)) == "busy":
        if time.monotonic() >= deadline:
            raise StorageFailed(
                f"{folder.path} was in use by another process for {timeout_seconds:g} s",
                hint="wait for it to end, and try again",
            )
        sleep(_POLL_SECONDS)
    return state == "held"


@contextmanager
def locked(
    folder: Folder,
    *,
    shared: bool = False,
    timeout_seconds: float = LOCK_SECONDS,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[bool]:
    """Hold a lock for a while; arguments and errors as `lock`."""
    held = lock(folder, shared=shared, timeout_seconds=timeout_seconds, sleep=sleep)
    try:
        yield held
    finally:
        if held and sys.platform != "win32":
            fcntl.flock(folder.fd, fcntl.LOCK_UN)


def _sync_folder(fd: int) -> None:
    try:
        os.fsync(fd)
    except OSError as error:
        if error.errno not in _NOT_THERE:
            raise


def _not_plain(path: str, kind: str) -> StorageFailed:
    return StorageFailed(
        f"opening {path}: this is no {kind}",
        hint="symbolic links, pipes and devices inside an image are not followed",
    )
