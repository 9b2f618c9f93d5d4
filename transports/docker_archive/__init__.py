"""`docker-archive:file[:name[:tag]]` and `docker-archive:file:@position`: what `docker load` takes.

One tar file with one or more images, as `docker save` writes it; the grammar is that of
containers-transports(5). `docker-tar:` is the same under its old name. Layers are plain tar
files, and the only manifest is a table of contents: a Docker manifest is made up of it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from regcopy.errors import InvalidReference, NotFound
from regcopy.model.reference import ImageName, is_tag
from regcopy.text import printable

if TYPE_CHECKING:
    from regcopy.model.digest import Digest
    from regcopy.transports.abilities import JointFile
    from regcopy.transports.base import Context, ImageDestination, ImageSource, Transport

_POSITION: Final = re.compile(r"[+-]?[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class DockerArchiveReference:
    """One image of an archive: by name, by its position, or the only one.

    Attributes:
        path: of the archive, as it was written; may be a pipe or `/dev/stdin`.
        name: with a tag; None for an image that has no name, or is the only one.
        position: place in the archive, counted from 0; only to read from.
        transport: `docker-archive`, or `docker-tar`.

    Raises:
        InvalidReference: no path, or one with a colon; a name without a tag or with a digest;
            name and position at once.
    """

    path: str
    name: ImageName | None = None
    position: int | None = None
    transport: str = "docker-archive"

    def __post_init__(self) -> None:
        if not self.path or "\0" in self.path:
            raise InvalidReference(
                f"{self.transport} reference {printable(self.path, limit=300)} isn't of the form "
                "<path>[:<reference>]"
            )
        if ":" in self.path:
            shown = printable(self.path, limit=300)
            raise self._invalid(f'colon in path "{shown}" is not supported')
        if self.name is not None and self.name.digest is not None:
            raise InvalidReference(
                f"{self.transport} doesn't support digest references: {self.name}"
                if self.name.tag
                else f"reference does not include a tag: {self.name}",
                hint="name the image by a tag, or by its position such as :@0",
            )
        if self.name is not None and not self.name.tag:
            raise self._invalid(f"{self.name} has no tag")
        if self.position is not None and self.name is not None:
            raise self._invalid("cannot use both a tag and a source index")
        if self.position is not None and self.position < 0:
            raise InvalidReference(f"Invalid source index @{self.position}: must not be negative")

    def _invalid(self, problem: str) -> InvalidReference:
        return InvalidReference(f"Invalid {self.transport}: reference: {problem}")

    @property
    def policy_identity(self) -> str:
        """None: policy.json knows no scopes here but the default."""
        return ""

    @property
    def policy_namespaces(self) -> Sequence[str]:
        """None."""
        return ()

    @property
    def spans_repositories(self) -> bool:
        """Yes: an archive holds images of any repository."""
        return True

    @property
    def repository_name(self) -> str:
        """Repository of the name, "" where there is none."""
        return self.name.name if self.name else ""

    @property
    def file(self) -> str:
        """The archive; absolute and without symbolic links."""
        return os.path.realpath(self.path)

    @property
    def name_within(self) -> str:
        """Name of the image, "" where it has none."""
        return str(self.name or "")

    def open_source(self, context: Context, /) -> ImageSource:
        """Open the archive, find the image in it, and make its manifest.

        Raises:
            NotFound: no such file, or no such image in it.
            UsageError: there are several images, and none was chosen.
            ContentError: this is no such archive, or it is broken.
            StorageFailed: it cannot be read.
        """
        from regcopy.transports.docker_archive.source import DockerArchiveSource

        return DockerArchiveSource(self, context)

    def open_destination(self, context: Context, /) -> ImageDestination:
        """Look at the place; nothing is written yet.

        Raises:
            UsageError: this reference is a position, or there is an archive already.
            StorageFailed: there can be no file.
        """
        from regcopy.transports.docker_archive.destination import DockerArchiveDestination

        return DockerArchiveDestination(self, context)

    def current_digest(self, context: Context, /) -> Digest | None:
        """Digest that the image's manifest had when it was written; None where there is none.

        Raises:
            ContentError: what is there is no such archive, or it is broken.
            StorageFailed: it cannot be read.
        """
        from regcopy.transports.docker_archive.source import DockerArchiveSource

        if not os.path.isfile(self.path):  # a pipe holds nothing
            return None
        try:
            with DockerArchiveSource(self, context) as image:
                return image.written_digest()
        except NotFound:
            return None

    def open_file(self, context: Context, /) -> JointFile:
        """Begin an archive of several images; errors as `open_destination`."""
        from regcopy.transports.docker_archive.destination import new_archive
        from regcopy.transports.joint_files import OpenedJointFile

        return OpenedJointFile(context, self.file, new_archive(self, context))

    def with_tag(self, tag: str, /) -> DockerArchiveReference:
        """Give the reference of another name in the same archive.

        Args:
            tag: a whole name with its tag, or a tag alone for the repository of this name.

        Raises:
            InvalidReference: this can be no name here.
        """
        if self.name is not None and is_tag(tag):
            return replace(self, name=self.name.with_tag(tag))
        name = ImageName.parse(tag)
        if not name.tag or name.digest:
            raise InvalidReference(
                f"additional-tag '{printable(tag, limit=200)}' must be a tagged reference"
            )
        return replace(self, name=name)

    def list_tags(self, context: Context, /) -> Iterator[str]:
        """Give the names of all images as the archive has them; `@position` for one without.

        Raises:
            NotFound: no such file.
            ContentError: this is no such archive, or it is broken.
            StorageFailed: it cannot be read.
        """
        from regcopy.transports.docker_archive.source import list_tags

        return list_tags(self, context)

    def __str__(self) -> str:
        if self.position is not None:
            return f"{self.transport}:{self.path}:@{self.position}"
        place = f"{self.transport}:{self.path}"
        return f"{place}:{self.name}" if self.name else place


@dataclass(frozen=True, slots=True)
class DockerArchiveTransport:
    """The transport `docker-archive`, also under its old name.

    Attributes:
        name: what stands before the first colon.
    """

    name: str = "docker-archive"

    def parse(self, text: str, /) -> DockerArchiveReference:
        """Parse `file`, `file:name[:tag]` or `file:@position`; the file has no colon.

        Raises:
            InvalidReference: anything else.
        """
        path, colon, rest = text.partition(":")
        if not colon:
            return DockerArchiveReference(path, transport=self.name)
        if rest.startswith("@"):
            return DockerArchiveReference(path, None, _position(rest), self.name)
        try:
            name = ImageName.parse(rest).with_default_tag()
        except InvalidReference as error:
            raise InvalidReference(f"{self.name} parsing reference: {error.message}") from None
        return DockerArchiveReference(path, name, None, self.name)


def _position(text: str) -> int:
    if _POSITION.fullmatch(text, 1) is None:
        raise InvalidReference(
            f"Invalid source index {printable(text, limit=50)}: not an integer",
            hint="images are counted from @0",
        )
    return int(text[1:])


TRANSPORT: Final[Transport] = DockerArchiveTransport()
DOCKER_TAR: Final[Transport] = DockerArchiveTransport("docker-tar")
