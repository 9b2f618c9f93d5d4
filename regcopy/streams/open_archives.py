"""Archives that are open for reading: each once, however many images are read out of it.

To find the members of an archive takes reading all of it, and one that is packed or comes out of
a pipe is kept in a temporary file besides. The images of a list often come from one archive.
"""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import TypeVar

from regcopy.errors import RegcopyError, StorageFailed
from regcopy.streams.resources import Resources
from regcopy.streams.tar_index import TarIndex
from regcopy.streams.tar_storage import TarStorage, open_storage

_Table = TypeVar("_Table")


@dataclass(slots=True, eq=False)
class _Archive:
    """One archive; `lock` is held while it is opened, and `problem` says why it cannot be."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    opened: OpenedArchive | None = None
    problem: str = ""
    readers: int = 0

    def open(self, path: str, folder: str, check_cancelled: Callable[[], None]) -> OpenedArchive:
        if self.problem:
            raise StorageFailed(f"reading {path}, of which nothing is left: {self.problem}")
        if self.opened is None:
            storage = open_storage(path, folder=folder, check_cancelled=check_cancelled)
            self.opened = read_archive(storage, path, check_cancelled)
        return self.opened


class OpenArchives:
    """The archives of one side of a session; safe for use by several threads.

    As many as `Resources.kept` says stay open while nobody reads them. What came out of a pipe
    is there only once: if any is kept, it is.
    """

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._lock = threading.Lock()
        self._archives: dict[Hashable, _Archive] = {}
        self._closed = False

    @classmethod
    def of(cls, resources: Resources) -> OpenArchives:
        """Give those that belong to `resources`."""
        return resources.get(cls, (), lambda: cls(resources))

    def open(self, path: str, *, folder: str, check_cancelled: Callable[[], None]) -> OpenedArchive:
        """Open an archive, or take part in one that is open already.

        Args:
            path: the user's own, and what messages call it.
            folder: for a copy, where one is needed.
            check_cancelled: raises to stop.

        Raises:
            NotFound: there is nothing of that name.
            ContentError: this is no tar file, or it is broken.
            StorageFailed: it cannot be opened or read.
        """
        key = _identity(path)
        with self._lock:
            archive = self._archives.setdefault(key, _Archive())
            archive.readers += 1
        try:
            with archive.lock:
                opened = archive.open(path, folder, check_cancelled)
                return opened.for_another(lambda: self._leave(key, archive))
        except BaseException as error:
            if _is_pipe(key) and isinstance(error, RegcopyError):
                # Whoever opens it once more would wait for bytes that do not come.
                archive.problem = archive.problem or str(error)
            self._leave(key, archive)
            raise

    def _leave(self, key: Hashable, archive: _Archive) -> None:
        """One reader less: what is no longer read is closed, as far as it is not kept."""
        with self._lock:
            archive.readers -= 1
            closing = [] if archive.readers else self._surplus(key, archive)
        for one in closing:
            _close(one)

    def _surplus(self, key: Hashable, archive: _Archive) -> list[_Archive]:
        is_known = self._archives.pop(key, None) is not None
        if not is_known or (archive.opened is None and not archive.problem):
            return [archive]
        kept = self._resources.kept
        if self._closed or not kept:
            return [archive]
        self._archives[key] = archive  # the last one to be closed
        idle = [one for one, known in self._archives.items() if not known.readers]
        return [
            self._archives.pop(one) for one in idle[: max(0, len(idle) - kept)] if not _is_pipe(one)
        ]

    def close(self) -> None:
        """Close all that nobody reads, and the others when their readers leave."""
        with self._lock:
            self._closed = True
            idle = [key for key, archive in self._archives.items() if not archive.readers]
            closing = [self._archives.pop(key) for key in idle]
        for archive in closing:
            _close(archive)


@dataclass(slots=True, eq=False)
class _Tables:
    """Tables of contents by their classes; `lock` is held while one is read."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    found: dict[type, object] = field(default_factory=dict)


class OpenedArchive:
    """An archive, for one reader.

    Attributes:
        index: its members.
    """

    def __init__(
        self, index: TarIndex, leave: Callable[[], None], tables: _Tables | None = None
    ) -> None:
        self.index = index
        self._leave: Callable[[], None] | None = leave
        self._tables = tables or _Tables()

    def for_another(self, leave: Callable[[], None]) -> OpenedArchive:
        """Give the same archive for one more reader, who calls `leave` at the end."""
        return OpenedArchive(self.index, leave, self._tables)

    def table(self, kind: type[_Table], read: Callable[[TarIndex], _Table]) -> _Table:
        """Give a table of contents, which is read once for all readers.

        Args:
            kind: class of the table.
            read: reads it; what it raises is raised here.
        """
        with self._tables.lock:
            found = self._tables.found.get(kind)
            if not isinstance(found, kind):
                found = self._tables.found[kind] = read(self.index)
            return found

    def close(self) -> None:
        """Leave it; may be called twice."""
        leave, self._leave = self._leave, None
        if leave is not None:
            leave()


def read_archive(
    storage: TarStorage, path: str, check_cancelled: Callable[[], None]
) -> OpenedArchive:
    """Find the members of an archive that only one reader has; closed with what this gives.

    Raises:
        ContentError: this is no tar file, or it is broken; `storage` is closed.
        StorageFailed: it cannot be read.
    """
    try:
        index = TarIndex.read(storage.read_at, what=path, check_cancelled=check_cancelled)
        storage.finish()
    except BaseException:
        storage.close()
        raise
    return OpenedArchive(index, storage.close)


def _close(archive: _Archive) -> None:
    if archive.opened is not None:
        archive.opened.close()


def _identity(path: str) -> Hashable:
    """What two names of one archive have in common, and one that was replaced has not."""
    try:
        there = os.stat(path)
    except OSError:
        return path  # opening it says why
    if stat.S_ISREG(there.st_mode):
        return there.st_dev, there.st_ino, there.st_size, there.st_mtime_ns
    return there.st_dev, there.st_ino


def _is_pipe(key: Hashable) -> bool:
    return isinstance(key, tuple) and len(key) == 2
