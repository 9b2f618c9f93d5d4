"""Images in a tree of folders, for `sync --src dir`."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator
from typing import Final

from regcopy.batch.sync.request import joined
from regcopy.errors import LimitExceeded, StorageFailed
from regcopy.text import printable

_MANIFEST: Final = "manifest.json"
_MAX_FOLDERS: Final = 1_000_000
_MAX_DEPTH: Final = 200


def find_folders(root: str) -> list[tuple[str, str]]:
    """Find the folders that hold an image; links to folders are not followed.

    Returns:
        the path of each folder, and what its destination is named after.

    Raises:
        StorageFailed: something cannot be read.
        LimitExceeded: there are too many folders.
    """
    try:
        os.stat(root)
    except (OSError, ValueError) as error:
        why = (error.strerror if isinstance(error, OSError) else "") or "no possible path"
        shown = printable(root, limit=300)
        raise StorageFailed(
            f"Invalid source directory specified: stat {shown}: {why.lower()}"
        ) from None
    return [(path, _name(path, root)) for path in _Walk(root).images(joined(root), 0)]


def _name(path: str, root: str) -> str:
    # As skopeo: the path as it was found, without the text that was given for the root.
    return path.removeprefix(root) or posixpath.basename(root.rstrip("/"))


class _Walk:
    """One way through all folders, in the order of their names."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._folders = 0

    def images(self, folder: str, depth: int) -> Iterator[str]:
        """Give the folders below (and this one) that have a manifest."""
        self._folders += 1
        if self._folders > _MAX_FOLDERS or depth > _MAX_DEPTH:
            raise LimitExceeded(f"{printable(self._root, limit=300)} has too many folders")
        try:
            with os.scandir(folder) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError as error:
            raise StorageFailed(
                f'Error walking the path "{printable(self._root, limit=300)}": open '
                f"{printable(folder, limit=300)}: {(error.strerror or 'failed').lower()}"
            ) from None
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from self.images(joined(folder, entry.name), depth + 1)
            elif entry.name == _MANIFEST:
                yield folder
                return  # what lies beside a manifest belongs to its image
