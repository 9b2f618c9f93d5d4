"""`oci-archive:file[:name]` and `oci-archive:file:@position`: an image layout in a tar file.

The layout is that of the image-spec, image-layout.md; the grammar is that of
containers-transports(5), `oci-archive:path[:{reference|@source-index}]`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from regcopy.errors import InvalidReference, NotFound
from regcopy.model.layout import check_image, check_name, split_image
from regcopy.text import printable
from regcopy.transports.paths import folders_around

if TYPE_CHECKING:
    from regcopy.model.digest import Digest
    from regcopy.transports.abilities import JointFile
    from regcopy.transports.base import Context, ImageDestination, ImageSource, Transport


@dataclass(frozen=True, slots=True)
class OciArchiveReference:
    """One image of an archive: by name, by its position in index.json, or the only one.

    Attributes:
        path: of the archive, as it was written; may be a pipe or `/dev/stdin`.
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
                f'invalid file "{printable(self.path, limit=300)}"',
                hint="write oci-archive:file.tar, and a name after a colon if you like",
            )
        check_image(self.name, self.position)

    @property
    def transport(self) -> str:
        """`oci-archive`."""
        return "oci-archive"

    @property
    def policy_identity(self) -> str:
        """The file; absolute and without symbolic links.

        Without the name: `file:name` and `file` may mean the same image.
        """
        return os.path.realpath(self.path)

    @property
    def policy_namespaces(self) -> Sequence[str]:
        """The folders around it, without `/`."""
        return folders_around(self.policy_identity)

    @property
    def file(self) -> str:
        """The archive; absolute and without symbolic links."""
        return os.path.realpath(self.path)

    @property
    def name_within(self) -> str:
        """Name of the image, "" where it has none."""
        return self.name

    def open_source(self, context: Context, /) -> ImageSource:
        """Open the archive for reading, and find the image in it.

        Raises:
            NotFound: no such file, or no such image in it.
            UsageError: there are several images, and none was chosen.
            ContentError: this is no tar file of a layout, or it is broken.
            StorageFailed: it cannot be read.
        """
        from regcopy.transports.oci_archive.source import OciArchiveSource

        return OciArchiveSource(self, context)

    def open_destination(self, context: Context, /) -> ImageDestination:
        """Look at the place; nothing is written yet. A file that is there will be replaced.

        Raises:
            UsageError: this reference is a position, or the place is a terminal.
            StorageFailed: there can be no file.
        """
        from regcopy.transports.oci_archive.destination import OciArchiveDestination

        return OciArchiveDestination(self, context)

    def current_digest(self, context: Context, /) -> Digest | None:
        """Digest that the image's manifest had when it was written; None where there is none.

        Raises:
            ContentError: what is there is no such archive, or it is broken.
            StorageFailed: it cannot be read.
        """
        from regcopy.transports.oci_archive.source import OciArchiveSource

        if not os.path.isfile(self.path):  # a pipe holds nothing
            return None
        try:
            with OciArchiveSource(self, context) as image:
                return image.get_manifest().digest
        except NotFound:
            return None

    def open_file(self, context: Context, /) -> JointFile:
        """Begin an archive of several images; errors as `open_destination`."""
        from regcopy.transports.joint_files import OpenedJointFile
        from regcopy.transports.oci_archive.growing import GrowingArchive

        return OpenedJointFile(context, self.file, GrowingArchive(self.path, context))

    def with_tag(self, tag: str, /) -> OciArchiveReference:
        """Give the reference of another name in the same archive.

        Raises:
            InvalidReference: this cannot be a name in a layout.
        """
        check_name(tag)
        return OciArchiveReference(self.path, tag)

    def __str__(self) -> str:
        if self.position is not None:
            return f"oci-archive:{self.path}:@{self.position}"
        return f"oci-archive:{self.path}:{self.name}" if self.name else f"oci-archive:{self.path}"


class OciArchiveTransport:
    """The transport `oci-archive`."""

    @property
    def name(self) -> str:
        """`oci-archive`."""
        return "oci-archive"

    def parse(self, text: str, /) -> OciArchiveReference:
        """Parse `file`, `file:name` or `file:@position`; the file has no colon.

        Raises:
            InvalidReference: anything else.
        """
        path, name, position = split_image(text)
        return OciArchiveReference(path, name, position)


TRANSPORT: Final[Transport] = OciArchiveTransport()
