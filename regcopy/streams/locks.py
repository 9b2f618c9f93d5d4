"""Locks between processes: flock(2) on a folder itself, so that no lock file stays behind."""

from __future__ import annotations

import errno
import fcntl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Literal

from regcopy.errors import StorageFailed
from regcopy.streams.files import Folder

LOCK_SECONDS: Final = 60.0
_POLL_SECONDS: Final = 0.05
# What a file system answers that has no locks on folders (NFS needs a descriptor that is
# open for writing, which no folder can be).
_NO_LOCKS: Final = frozenset(
    {errno.EINVAL, errno.EBADF, errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}
)

LockState = Literal["held", "busy", "none"]
"""A lock was got; others have it; there are no locks on this file system."""


def try_lock(folder: Folder, *, shared: bool = False) -> LockState:
    """Lock a folder without waiting. A lock that was held before may be lost on "busy"."""
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    try:
        fcntl.flock(folder.fd, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return "busy"
    except OSError as error:
        if error.errno in _NO_LOCKS:
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
    timeout_seconds: float = LOCK_SECONDS,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[bool]:
    """Hold the exclusive lock for a while; arguments and errors as `lock`."""
    held = lock(folder, timeout_seconds=timeout_seconds, sleep=sleep)
    try:
        yield held
    finally:
        if held:
            fcntl.flock(folder.fd, fcntl.LOCK_UN)
