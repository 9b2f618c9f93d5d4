"""`ostree:name[:tag][@/repository]`: images in an OSTree repository, by the program `ostree`.

Names and metadata are those of containers/image: the branch `ociimage/<name>` has the
manifest, and `ociimage/<hex digits of the digest>` a blob. Every blob is written as one file,
as containers/image writes configs: so all digests are kept, and it can read the images. What
it writes itself, layers unpacked into files beside the notes of tar-split, is read as well;
such layers are plain, and the manifest is another one than the image came with. The grammar
is that of containers-transports(5).
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from regcopy.errors import InvalidReference
from regcopy.model.reference import ImageName, is_tag
from regcopy.text import printable

if TYPE_CHECKING:
    from regcopy.transports.base import Context, ImageDestination, ImageSource, Transport

DEFAULT_REPOSITORY: Final = "/ostree/repo"
BRANCHES: Final = "ociimage"
_PLAIN: Final = re.compile(r"[^A-Za-z0-9.-]")


@dataclass(frozen=True, slots=True)
class OstreeReference:
    """One image of a repository.

    Attributes:
        image: its name as it was written, with a tag or a digest.
        repository: absolute folder of the OSTree repository.

    Raises:
        InvalidReference: this is no name, has no tag, or the folder cannot be one.
    """

    image: str
    repository: str = DEFAULT_REPOSITORY

    def __post_init__(self) -> None:
        name = ImageName.parse(self.image)
        shown = f"{self.image}@{printable(self.repository, limit=300)}"
        if not name.tag and not name.digest:
            raise InvalidReference(f"Invalid OSTree reference {shown}: there is no tag")
        if ":" in self.repository:
            raise InvalidReference(f"Invalid OSTree reference {shown}: its path contains a colon")
        if not self.repository.startswith("/") or "\0" in self.repository:
            raise InvalidReference(f"Invalid OSTree reference {shown}: its path is not absolute")

    @property
    def transport(self) -> str:
        """`ostree`."""
        return "ostree"

    @property
    def branch(self) -> str:
        """Branch of the image: its name, with all but the plainest characters written as `_2F`."""
        encoded = _PLAIN.sub(lambda found: f"_{ord(found[0]):02X}", self.image)
        return f"{BRANCHES}/{encoded}"

    @property
    def policy_identity(self) -> str:
        """`/repository:name:tag` (containers-policy.json(5)); the folder without links."""
        return f"{os.path.realpath(self.repository)}:{self.image}"

    @property
    def policy_namespaces(self) -> Sequence[str]:
        """The name without its tag, and what is above it in the repository."""
        place = os.path.realpath(self.repository)
        parts = self.image.partition(":")[0].split("/")
        return tuple(f"{place}:{'/'.join(parts[:end])}" for end in range(len(parts), 0, -1))

    def open_source(self, context: Context, /) -> ImageSource:
        """Read the manifest.

        Raises:
            NotFound: there is no such image.
            TransportUnavailable: the program ostree is not installed.
            StorageFailed: the repository cannot be opened.
            ContentError: what is stored is broken.
        """
        from regcopy.transports.ostree.source import OstreeSource

        return OstreeSource(self, context)

    def open_destination(self, context: Context, /) -> ImageDestination:
        """Look whether the repository is there; nothing is written yet.

        Raises:
            TransportUnavailable: the program ostree is not installed.
            StorageFailed: there is no such repository, or no place for temporary files.
        """
        from regcopy.transports.ostree.destination import OstreeDestination

        return OstreeDestination(self, context)

    def with_tag(self, tag: str, /) -> OstreeReference:
        """Give the reference of another name in the same repository.

        Args:
            tag: a whole name with its tag, or a tag alone for this name.

        Raises:
            InvalidReference: this can be no name here.
        """
        if is_tag(tag):
            before = self.image.partition("@")[0]
            head, slash, last = before.rpartition("/")
            return replace(self, image=f"{head}{slash}{last.partition(':')[0]}:{tag}")
        return replace(self, image=_with_tag(tag))

    def __str__(self) -> str:
        return f"ostree:{self.image}@{self.repository}"


@dataclass(frozen=True, slots=True)
class OstreeTransport:
    """The transport `ostree`."""

    @property
    def name(self) -> str:
        """`ostree`."""
        return "ostree"

    def parse(self, text: str, /) -> OstreeReference:
        """Parse `name[:tag|@digest][@/repository]`; the default tag is `latest`.

        Raises:
            InvalidReference: anything else.
        """
        image, at, folder = text.partition("@/")
        return OstreeReference(_with_tag(image), f"/{folder}" if at else DEFAULT_REPOSITORY)


def _with_tag(image: str) -> str:
    name = ImageName.parse(image)
    return image if name.tag or name.digest else f"{image}:latest"


TRANSPORT: Final[Transport] = OstreeTransport()
