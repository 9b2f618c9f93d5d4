"""Files that several images of a session are written into, so that each image finds its file."""

from __future__ import annotations

import threading
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self, TypeVar

from regcopy.errors import RegcopyError, UsageError

if TYPE_CHECKING:
    from regcopy.transports.base import Context


class GrowingFile(Protocol):
    """A file that images are added to; nothing is seen of it before the end."""

    def publish(self) -> None:
        """Give it its name."""
        ...

    def close(self) -> None:
        """Close it; what was not published is gone. May be called twice."""
        ...


_File = TypeVar("_File", bound=GrowingFile)


class JointFiles:
    """What is being written at the moment, by its path; safe for use by several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[str, GrowingFile] = {}

    @classmethod
    def of(cls, context: Context) -> JointFiles:
        """Give those of a session."""
        return context.resources.get(cls, (), cls)

    def add(self, path: str, file: GrowingFile) -> None:
        """Let images find a file.

        Raises:
            UsageError: it is being written already.
        """
        with self._lock:
            if path in self._open:
                raise UsageError(f"{path} is being written already")
            self._open[path] = file

    def find(self, kind: type[_File], path: str) -> _File | None:
        """Give the file at a path, if it is being written.

        Raises:
            UsageError: it is being written as a file of another kind, and would be replaced.
        """
        with self._lock:
            found = self._open.get(path)
        if found is not None and not isinstance(found, kind):
            raise UsageError(
                f"{path} is being written as another kind of archive",
                hint="choose another file for one of the two",
            )
        return found

    def remove(self, path: str, file: GrowingFile) -> None:
        """Let nobody find a file any more; nothing happens where it is not there."""
        with self._lock:
            if self._open.get(path) is file:
                del self._open[path]

    def close(self) -> None:
        """Nothing is held open here: who has opened a file closes it."""


class OpenedJointFile:
    """The `abilities.JointFile` of any growing file."""

    def __init__(self, context: Context, path: str, file: GrowingFile) -> None:
        """Let the images of the context's session find the file under its path.

        Raises:
            UsageError: it is being written already.
        """
        self._files = JointFiles.of(context)
        self._path = path
        self._file = file
        self._files.add(path, file)

    def publish(self) -> None:
        """Make the file visible. Raises StorageFailed."""
        self._file.publish()

    def close(self) -> None:
        """Close; what was not published is gone. May be called twice."""
        self._files.remove(self._path, self._file)
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        if error is None:
            self.close()
            return
        with suppress(RegcopyError):  # the error that ended the run is the one to show
            self.close()
