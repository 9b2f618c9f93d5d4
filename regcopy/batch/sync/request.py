"""What a sync is asked to do, and what it finds to be copied."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from regcopy.batch.sync.pattern import TagPattern
from regcopy.errors import UsageError
from regcopy.model.digest import Digest
from regcopy.model.reference import ImageName
from regcopy.model.referrers import is_attachment_tag
from regcopy.session import Access

SourceKind = Literal["docker", "dir", "yaml"]
DestinationKind = Literal["docker", "dir"]
Level = Literal["info", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Note:
    """Something that skopeo would log, in its words."""

    level: Level
    message: str
    fields: Mapping[str, str] = field(default_factory=dict)


Tell = Callable[[Note], None]


@dataclass(frozen=True, slots=True)
class TagFilter:
    """Which tags of a repository are wanted.

    Attributes:
        include: one of them must match, where there are any.
        exclude: none of them may match.
        attachments: tags that stand for what is kept beside another image, such as a signature;
            not where they travel with that image.
    """

    include: tuple[TagPattern, ...] = ()
    exclude: tuple[TagPattern, ...] = ()
    attachments: bool = True

    def allows(self, tag: str) -> bool:
        """Tell whether a tag is wanted."""
        if not self.attachments and is_attachment_tag(tag):
            return False
        if self.include and not any(pattern.matches(tag) for pattern in self.include):
            return False
        return not any(pattern.matches(tag) for pattern in self.exclude)


@dataclass(frozen=True, slots=True)
class SyncRequest:
    """A sync, as skopeo-sync(1) describes it, and what goes beyond.

    Attributes:
        source_kind: what `source` names: a repository or image, a folder, or a YAML file.
        destination_kind: what `destination` names: a registry with folders, or a folder.
        scoped: destinations have the whole name of the source, and not its last part.
        suffix: what is appended to each destination.
        tags: which tags of repositories that are copied as a whole.
        skip_existing: leave out what has its name at the destination, whatever it is.
        delete: afterwards, delete tags at the destination that the source has no more.
        source_access: how the source is reached, as far as a YAML file does not say it.
        destination_access: how the destination is reached.
        jobs: repositories that are listed at once.

    Raises:
        UsageError: this cannot be done.
    """

    source_kind: SourceKind
    destination_kind: DestinationKind
    source: str
    destination: str
    scoped: bool = False
    suffix: str = ""
    tags: TagFilter = field(default_factory=TagFilter)
    skip_existing: bool = False
    delete: bool = False
    source_access: Access = field(default_factory=Access)
    destination_access: Access = field(default_factory=Access)
    jobs: int = 16

    def __post_init__(self) -> None:
        if (self.source_kind, self.destination_kind) == ("dir", "dir"):
            raise UsageError(
                "sync from 'dir' to 'dir' not implemented, consider using rsync instead"
            )
        if self.delete and (self.source_kind == "dir" or self.destination_kind == "dir"):
            raise UsageError("only tags can be deleted, so both sides must be registries")

    def destination_of(self, name: str) -> str:
        """Name the destination of an image, as skopeo does.

        Args:
            name: of the source: its complete name, or its path below the folder.

        Returns:
            `transport:reference`.
        """
        kept = name if self.scoped else posixpath.basename(name.rstrip("/"))
        place = f"{joined(self.destination, kept)}{self.suffix}"
        return f"docker://{place}" if self.destination_kind == "docker" else f"dir:{place}"


@dataclass(frozen=True, slots=True)
class SyncImage:
    """One copy.

    Attributes:
        source: `transport:reference`, in the short form that skopeo shows.
        destination: the same of the other side.
        access: how this source is reached.
        number: which one it is of those that were found together, from 1.
        count: how many were found together.
    """

    source: str
    destination: str
    access: Access
    number: int = 1
    count: int = 1


@dataclass(frozen=True, slots=True)
class Managed:
    """A repository of the source, and what of it must stay at the destination.

    Attributes:
        source: the repository.
        tags: all tags that it has; those that are copied, where they are named one by one.
        wants: whether a tag of that name would be copied, where the repository is copied as a
            whole or by a rule: what it has not is not wanted. None where it is not.
        digests: of images that are copied by their digests.
    """

    source: ImageName
    tags: frozenset[str]
    wants: Callable[[str], bool] | None = None
    digests: frozenset[Digest] = frozenset()


@dataclass(frozen=True, slots=True)
class SyncPlan:
    """What there is to be copied.

    Attributes:
        images: in the order in which they are begun.
        sources: how many repositories, images or folders were looked at.
        managed: what may be deleted from.
        failed: something that was asked for could not be looked at, and was told.
    """

    images: tuple[SyncImage, ...] = ()
    sources: int = 0
    managed: tuple[Managed, ...] = ()
    failed: bool = False


def joined(*parts: str) -> str:
    """Join parts of a path as Go's `path.Join` does: without empty parts, `.`, `..` and `//`."""
    text = "/".join(part for part in parts if part)
    if not text:
        return ""
    clean = posixpath.normpath(text)
    return f"/{clean.lstrip('/')}" if clean.startswith("/") else clean
