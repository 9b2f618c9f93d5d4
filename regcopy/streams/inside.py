"""Opening a file below a folder, whose links never lead out of it."""

from __future__ import annotations

import errno
import os
from collections import deque
from typing import Final

from regcopy.errors import NotFound, StorageFailed
from regcopy.streams.files import Folder, RegularFile, open_regular, storage_errors
from regcopy.text import printable

_MAX_LINKS: Final = 40


def open_inside(root: Folder, name: str, *, offset: int = 0) -> RegularFile:
    """Open a regular file by its name in a layer.

    Links on the way are followed as if `root` was the root of the file system; the file
    itself must be none.

    Args:
        root: folder of the layer's files; stays open.
        name: as it stands in a tar file.
        offset: in bytes.

    Raises:
        NotFound: there is no such file.
        StorageFailed: it is no regular file, or cannot be read.
    """
    parts = deque(part for part in name.split("/") if part not in ("", "."))
    if not parts or "\0" in name:
        raise NotFound(f"{root.path} has no file {printable(name, limit=200)}")
    walk = _Walk(root, name)
    try:
        while len(parts) > 1:
            walk.enter(parts)
        return open_regular(walk.here, _last(parts, name), offset=offset)
    finally:
        walk.close()


def _last(parts: deque[str], name: str) -> str:
    last = parts.pop()
    if last == "..":
        raise NotFound(f"{printable(name, limit=200)} is no name of a file")
    return last


class _Walk:
    """The folders on the way, all of them open."""

    def __init__(self, root: Folder, name: str) -> None:
        self._root = root
        self._name = name
        self._below: list[Folder] = []
        self._links = 0

    @property
    def here(self) -> Folder:
        """The folder that was reached."""
        return self._below[-1] if self._below else self._root

    def enter(self, parts: deque[str]) -> None:
        """Take one step; where it is a link, put what it names in its place."""
        part = parts.popleft()
        if part == "..":
            if self._below:
                self._below.pop().close()
            return
        try:
            self._below.append(self.here.sub(part))
        except StorageFailed:
            target = self._link(part)
            if target is None:
                raise
            if target.startswith("/"):
                self.close()
            parts.extendleft(reversed([p for p in target.split("/") if p not in ("", ".")]))

    def _link(self, part: str) -> str | None:
        path = self.here.path_of(part)
        with storage_errors("reading", path):
            try:
                target = os.readlink(part, dir_fd=self.here.fd)
            except OSError as error:
                if error.errno == errno.EINVAL:  # no link
                    return None
                raise
        self._links += 1
        if self._links > _MAX_LINKS:
            raise StorageFailed(f"opening {printable(self._name, limit=200)}: links in a circle")
        return target

    def close(self) -> None:
        """Close all of them but the root."""
        while self._below:
            self._below.pop().close()
