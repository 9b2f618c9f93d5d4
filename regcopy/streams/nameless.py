"""Files that have no name while they grow, so that nothing is left when the program is killed."""

from __future__ import annotations

import os
from contextlib import suppress

from regcopy.streams.files import Folder, NewFile, storage_errors
from regcopy.streams.temporary_names import new_name

_USUAL_MODE = 0o644


class NamelessFile:
    """A file in a folder that gets its name at the end (open(2), O_TMPFILE).

    Where the file system has no such files, it has a temporary name meanwhile.

    Attributes:
        file: to write to, and to leave at the end; `publish` only by this.
    """

    def __init__(self, folder: Folder, *, mode: int | None = None) -> None:
        """Create it.

        Args:
            folder: where it is to be.
            mode: its permissions; those of any new file by default.

        Raises:
            StorageFailed: it cannot be created.
        """
        self._folder = folder
        self._name = new_name()
        usual = _USUAL_MODE if mode is None else mode
        fd = _open_nameless(folder, self._name, usual)
        self._is_nameless = fd is not None
        self._fd = _open_named(folder, self._name, usual) if fd is None else fd
        self.file = NewFile(folder, begun=(self._name, self._fd))
        if mode is not None:
            with suppress(OSError):  # not every file system has permissions
                os.fchmod(self._fd, mode)  # as the umask does not want it

    def publish(self, name: str) -> None:
        """Make the bytes durable and give it its name. Errors as `NewFile.publish`."""
        if self._is_nameless:
            with storage_errors("writing", self._folder.path_of(name)):
                _link(self._fd, self._folder, self._name)
        self.file.publish(name)


def _open_nameless(folder: Folder, name: str, mode: int) -> int | None:
    """Open it if it can be given a name as well, which is tried with another one; else None."""
    flags = os.O_WRONLY | os.O_TMPFILE
    try:
        trial = os.open(".", flags, mode, dir_fd=folder.fd)
        try:
            _link(trial, folder, name)
            os.unlink(name, dir_fd=folder.fd)
        finally:
            os.close(trial)
        return os.open(".", flags, mode, dir_fd=folder.fd)
    except OSError:  # what it is depends on the system; a file with a name tells more
        return None


def _link(fd: int, folder: Folder, name: str) -> None:
    os.link(f"/proc/self/fd/{fd}", name, dst_dir_fd=folder.fd, follow_symlinks=True)


def _open_named(folder: Folder, name: str, mode: int) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with storage_errors("writing to", folder.path):
        return os.open(name, flags, mode, dir_fd=folder.fd)
