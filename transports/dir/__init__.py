"""`dir:folder`: one image in a folder of plain files, as containers-transports(5) has it.

version                 the text "Directory Transport Version: 1.1" and a line feed
manifest.json           the top manifest; it alone makes the folder an image
<hex>                   each layer and config, under the hex digits of its digest
<hex>.manifest.json     each manifest that an index names
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from regcopy.errors import InvalidReference
from regcopy.text import printable
from regcopy.transports.paths import folders_around

if TYPE_CHECKING:
    from regcopy.transports.base import Context, ImageDestination, ImageSource, Transport


@dataclass(frozen=True, slots=True)
class DirReference:
    """The image in a folder.

    Attributes:
        path: the folder, as it was written.

    Raises:
        InvalidReference: no path, or one that no file system has.
    """

    path: str

    def __post_init__(self) -> None:
        if not self.path:
            raise InvalidReference("no folder", hint="write dir:. for the current folder")
        if "\0" in self.path:
            raise InvalidReference(f'invalid folder "{printable(self.path, limit=300)}"')

    @property
    def transport(self) -> str:
        """`dir`."""
        return "dir"

    @property
    def policy_identity(self) -> str:
        """The folder, absolute and without symbolic links."""
        return os.path.realpath(self.path)

    @property
    def policy_namespaces(self) -> Sequence[str]:
        """The folders around it, without `/`."""
        return folders_around(self.policy_identity)

    def open_source(self, _context: Context, /) -> ImageSource:
        """Open the folder for reading, and read its manifest.

        Raises:
            NotFound: no such folder, or no image in it.
            ManifestInvalid, LimitExceeded: what is there is no manifest.
            StorageFailed: it cannot be read.
        """
        from regcopy.transports.dir.source import DirSource

        return DirSource(self)

    def open_destination(self, context: Context, /) -> ImageDestination:
        """Look at the folder, if there is one; nothing is written yet.

        Raises:
            UsageError: something other than an image is in it.
            StorageFailed: it cannot be used.
        """
        from regcopy.transports.dir.destination import DirDestination

        return DirDestination(self, context)

    def __str__(self) -> str:
        return f"dir:{self.path}"


class DirTransport:
    """The transport `dir`."""

    @property
    def name(self) -> str:
        """`dir`."""
        return "dir"

    def parse(self, text: str, /) -> DirReference:
        """Take the path of a folder, colons and all.

        Raises:
            InvalidReference: it is empty, or has a NUL in it.
        """
        return DirReference(text)


TRANSPORT: Final[Transport] = DirTransport()
