"""`oci:folder[:name]` and `oci:folder:@position`: images in an OCI image layout.

The layout is that of the image-spec, image-layout.md; the grammar is that of
containers-transports(5), `oci:path[:{reference|@source-index}]`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from regcopy.errors import InvalidReference
from regcopy.model.layout import check_image, check_name, split_image
from regcopy.text import printable
from regcopy.transports.paths import folders_around

if TYPE_CHECKING:
    from regcopy.transports.base import Context, ImageDestination, ImageSource, Transport


@dataclass(frozen=True, slots=True)
class OciReference:
    """One image of a layout: by name, by its position in index.json, or the only one.

    Attributes:
        path: folder of the layout, as it was written.
        name: value of the annotation `org.opencontainers.image.ref.name`, or "".
        position: place in index.json, counted from 0; only to read from.

    Raises:
        InvalidReference: a name outside its grammar, or name and position at once.
    """

    path: str
    name: str = ""
    position: int | None = None

    def __post_init__(self) -> None:
        if not self.path or "\0" in self.path or ":" in self.path:
            raise InvalidReference(
                f'invalid folder "{printable(self.path, limit=300)}"',
                hint="" if self.path else "write oci:. for the current folder",
            )
        check_image(self.name, self.position)

    @property
    def transport(self) -> str:
        """`oci`."""
        return "oci"

    @property
    def policy_identity(self) -> str:
        """`folder:name`, or the folder; absolute and without symbolic links.

        This is the form that containers-policy.json(5) gives; containers/image itself only
        ever looks for the folder, which is the first of our namespaces.
        """
        folder = os.path.realpath(self.path)
        return f"{folder}:{self.name}" if self.name else folder

    @property
    def policy_namespaces(self) -> Sequence[str]:
        """The folder and those around it, without `/`."""
        folder = os.path.realpath(self.path)
        around = folders_around(folder)
        return (folder, *around) if self.name else around

    def open_source(self, context: Context, /) -> ImageSource:
        """Open the layout for reading, and find the image in it.

        Raises:
            NotFound: no such folder, or no such image in it.
            UsageError: there are several images, and none was chosen.
            ManifestInvalid: index.json is broken.
            StorageFailed: it cannot be read.
        """
        from regcopy.transports.oci.source import OciSource

        return OciSource(self, context)

    def open_destination(self, context: Context, /) -> ImageDestination:
        """Look at the layout, if there is one; nothing is written yet.

        Raises:
            UsageError: this reference is a position.
            ManifestInvalid: the index.json that is there is broken.
            StorageFailed: the folder cannot be used, or its `blobs` is a symbolic link.
        """
        from regcopy.transports.oci.destination import OciDestination

        return OciDestination(self, context)

    def with_tag(self, tag: str, /) -> OciReference:
        """Give the reference of another name in the same layout.

        Raises:
            InvalidReference: this cannot be a name in a layout.
        """
        check_name(tag)
        return OciReference(self.path, tag)

    def delete_image(self, context: Context, /) -> None:
        """Remove the image from index.json, and the blobs that no other image needs.

        Raises:
            NotFound, UsageError, ManifestInvalid: as `open_source`.
            StorageFailed: it cannot be written, or others are writing all the time.
        """
        from regcopy.transports.oci.delete import delete_image

        delete_image(self, context)

    def __str__(self) -> str:
        if self.position is not None:
            return f"oci:{self.path}:@{self.position}"
        return f"oci:{self.path}:{self.name}" if self.name else f"oci:{self.path}"


class OciTransport:
    """The transport `oci`."""

    @property
    def name(self) -> str:
        """`oci`."""
        return "oci"

    def parse(self, text: str, /) -> OciReference:
        """Parse `folder`, `folder:name` or `folder:@position`; the folder has no colon.

        Raises:
            InvalidReference: anything else.
        """
        path, name, position = split_image(text)
        return OciReference(path, name, position)


TRANSPORT: Final[Transport] = OciTransport()
