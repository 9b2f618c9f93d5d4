"""Where an archive goes: a file that appears whole or not at all, or a pipe.

A file gets its name at the end. While it grows it has none, or a temporary one beside its own
where the file system cannot have it otherwise. What is named by a descriptor of this process,
such as `/dev/stdout`, is written where it is.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, Self

from regcopy.errors import NotFound, StorageFailed, UsageError
from regcopy.streams.files import Folder, storage_errors, write_all
from regcopy.streams.nameless import NamelessFile
from regcopy.streams.tar_pipes import PipeWriter, descriptor_of, open_to_write


class TarOutput(Protocol):
    """Bytes on their way out."""

    @property
    def can_seek(self) -> bool:
        """Whether `write_at` and `cut` can be called."""
        ...

    def write(self, block: bytes, /) -> None:
        """Append. Raises StorageFailed."""
        ...

    def write_at(self, offset: int, block: bytes, /) -> None:
        """Write over bytes that were written before. Raises StorageFailed."""
        ...

    def cut(self, size: int, /) -> None:
        """Drop what was written after the first `size` bytes. Raises StorageFailed."""
        ...

    def publish(self) -> None:
        """Make what was written durable, and visible under its name. Raises StorageFailed."""
        ...

    def close(self) -> None:
        """Close it; what was not published is gone, as far as it can be. May be called twice."""
        ...


@dataclass(frozen=True, slots=True)
class TarTarget:
    """A place for an archive, as it was found; nothing is there yet that was not before.

    Attributes:
        path: as the user wrote it.
        is_pipe: bytes go there in their order, and nothing can be taken back.
        has_content: it is a file that is not empty.
        mode: permissions of the file that is there; None for those that new files get.
    """

    path: str
    is_pipe: bool
    has_content: bool
    mode: int | None = None

    @classmethod
    def look(cls, path: str) -> Self:
        """Find out what is there.

        Raises:
            UsageError: it is a terminal.
            StorageFailed: it is a folder, or in one that is not there.
        """
        try:
            with storage_errors("opening", path):
                there = os.stat(path)
        except StorageFailed as error:
            if not isinstance(error.__cause__, FileNotFoundError):
                raise
            _open_folder(path).close()
            return cls(path, is_pipe=False, has_content=False)
        if stat.S_ISDIR(there.st_mode):
            raise StorageFailed(f"opening {path}: this is a folder, not a file")
        if stat.S_ISCHR(there.st_mode) and _is_terminal(path):
            raise UsageError(
                f"{path} is a terminal, and an archive is no text",
                hint=f"send it on: > file, or | docker load; or name a file instead of {path}",
            )
        is_file = stat.S_ISREG(there.st_mode)
        has_content = is_file and there.st_size > 0
        return cls(path, not is_file, has_content, stat.S_IMODE(there.st_mode) & 0o777)

    def open(
        self,
        *,
        sleep: Callable[[float], None],
        check_cancelled: Callable[[], None],
        replaces: bool = False,
    ) -> TarOutput:
        """Begin to write.

        Args:
            sleep: waits for some seconds, and raises where the run was cancelled.
            check_cancelled: raises to stop.
            replaces: take the place of what is there at the end, and do not refuse it.

        Raises:
            StorageFailed: it cannot be opened.
        """
        if not self.is_pipe and descriptor_of(self.path) is None:
            return _NewArchive(self.path, replaces=replaces, mode=self.mode)
        fd = open_to_write(self.path, sleep)
        if self.is_pipe:
            return _Pipe(fd, self.path, check_cancelled)
        output = _InPlace(fd, self.path)
        output.cut(0)
        return output


def _is_terminal(path: str) -> bool:
    try:
        fd = os.open(path, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        return os.isatty(fd)
    finally:
        os.close(fd)


def _open_folder(path: str) -> Folder:
    folder = os.path.dirname(os.path.realpath(path))
    try:
        return Folder.open(folder)
    except NotFound:
        raise StorageFailed(
            f"opening {path}: there is no folder {folder}", hint="create the folder first"
        ) from None


class _NewArchive:
    """A file that gets its name at the end."""

    def __init__(self, path: str, *, replaces: bool, mode: int | None) -> None:
        # Through links, as the user may have made them; other programs do the same.
        self._path = path
        self._replaces = replaces
        self._name = os.path.basename(os.path.realpath(path))
        self._folder = _open_folder(path)
        try:
            self._new = NamelessFile(self._folder, mode=mode)
        except BaseException:
            self._folder.close()
            raise
        self._file = self._new.file

    @property
    def can_seek(self) -> bool:
        return True

    def write(self, block: bytes, /) -> None:
        self._file.write(block)

    def write_at(self, offset: int, block: bytes, /) -> None:
        self._file.write_at(offset, block)

    def cut(self, size: int, /) -> None:
        self._file.cut(size)

    def publish(self) -> None:
        if not self._replaces and self._folder.size_of(self._name):
            raise StorageFailed(
                f"writing {self._path}: somebody else has created it meanwhile",
                hint="remove it, or choose another file",
            )
        self._new.publish(self._name)
        self._folder.sync()

    def close(self) -> None:
        self._file.__exit__(None, None, None)
        self._folder.close()


class _InPlace:
    """A file that somebody else has opened for us; emptied again where we fail."""

    def __init__(self, fd: int, path: str) -> None:
        self._fd = fd
        self._path = path
        self._published = False

    @property
    def can_seek(self) -> bool:
        return True

    def write(self, block: bytes, /) -> None:
        with storage_errors("writing to", self._path):
            write_all(self._fd, block)

    def write_at(self, offset: int, block: bytes, /) -> None:
        with storage_errors("writing to", self._path):
            os.pwrite(self._fd, block, offset)

    def cut(self, size: int, /) -> None:
        with storage_errors("writing to", self._path):
            os.ftruncate(self._fd, size)
            os.lseek(self._fd, size, os.SEEK_SET)

    def publish(self) -> None:
        with storage_errors("writing to", self._path):
            os.fsync(self._fd)
        self._published = True

    def close(self) -> None:
        if self._fd < 0:
            return
        fd, self._fd = self._fd, -1
        try:
            if not self._published:
                with storage_errors("writing to", self._path):
                    os.ftruncate(fd, 0)
        finally:
            os.close(fd)


class _Pipe:
    """A pipe or device; what was not finished there is cut off for its reader to see."""

    def __init__(self, fd: int, path: str, check_cancelled: Callable[[], None]) -> None:
        self._writer = PipeWriter(fd, path, check_cancelled)

    @property
    def can_seek(self) -> bool:
        return False

    def write(self, block: bytes, /) -> None:
        self._writer.write(block)

    def write_at(self, offset: int, block: bytes, /) -> None:
        raise RuntimeError(f"a pipe cannot go back to {offset} for {len(block)} bytes")

    def cut(self, size: int, /) -> None:
        raise RuntimeError(f"a pipe cannot be cut at {size} bytes")

    def publish(self) -> None:
        """All has been handed over already."""

    def close(self) -> None:
        self._writer.close()
