"""`containers-storage:[store]name[:tag][@id]`: images in the store of Podman, Buildah and CRI-O.

Read from the files of the store, without any engine: layers are put together again exactly
as they were before they were unpacked, so that their diff IDs hold. A store keeps no
compressed layers, so an image whose layers came compressed is read with another manifest
than the one it came with; its config, and with it the image's ID, is the same.

Written by the program `podman`, out of a temporary folder: manifest and config arrive as
they are, whatever the compression of the layers, so that the store knows the image by the
digest it had. The grammar is that of containers-transports(5).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from regcopy.errors import InvalidDigest, InvalidReference
from regcopy.model.digest import Digest
from regcopy.model.reference import ImageName, is_tag
from regcopy.text import printable
from regcopy.transports.containers_storage.spec import StoreSpec, split_spec

if TYPE_CHECKING:
    from regcopy.transports.base import Context, ImageDestination, ImageSource, Transport

_ID_LENGTH: Final = 64
_SHORTEST_ID: Final = 3
_HEX: Final = frozenset("0123456789abcdef")


@dataclass(frozen=True, slots=True)
class StorageReference:
    """One image of a store, by name, by ID, or by both.

    Attributes:
        name: with a tag or a digest; None where there is only an ID.
        id: hex digits of its ID, or the first few of them; "" for none.
        store: which store is meant.
        may_be_id: the whole text, where it may be the beginning of an ID as well as a name.

    Raises:
        InvalidReference: neither name nor ID, or what can be none.
    """

    name: ImageName | None = None
    id: str = ""
    store: StoreSpec = field(default_factory=StoreSpec)
    may_be_id: str = ""

    def __post_init__(self) -> None:
        if self.name is None and not self.id:
            raise InvalidReference("containers-storage: a name or an ID is needed")
        if self.id and not _is_id(self.id):
            shown = printable(self.id, limit=100)
            raise InvalidReference(f'"{shown}" does not look like an image ID or digest')
        if self.name is not None and not self.name.tag and not self.name.digest:
            raise InvalidReference(f'"{self.name}" has neither a tag nor a digest')

    @property
    def transport(self) -> str:
        """`containers-storage`."""
        return "containers-storage"

    @property
    def repository_name(self) -> str:
        """Repository of the name, "" where there is only an ID."""
        return self.name.name if self.name else ""

    @property
    def policy_identity(self) -> str:
        """`[driver@graphroot]name:tag@id` (containers-policy.json(5))."""
        return f"{self._place(driver=True)}{self._within}"

    @property
    def policy_namespaces(self) -> Sequence[str]:
        """The repository and the folders above it, the host, then the store, then its folder."""
        place = self._place(driver=True)
        namespaces: list[str] = []
        if self.name is not None:
            if self.id:
                namespaces.append(f"{place}{self.name}")
            parts = self.name.name.split("/")
            namespaces += [place + "/".join(parts[:end]) for end in range(len(parts), 0, -1)]
        return (*namespaces, place, self._place(driver=False))

    def _place(self, *, driver: bool) -> str:
        from regcopy.config.environment import Environment
        from regcopy.transports.containers_storage.spec import find_folders

        # Policies name the store, also where a reference leaves it to be looked up.
        folders = find_folders(self.store, Environment.of_process())
        return f"[{folders.driver}@{folders.roots[0]}]" if driver else f"[{folders.roots[0]}]"

    @property
    def _within(self) -> str:
        return f"{self.name or ''}{f'@{self.id}' if self.id else ''}"

    def open_source(self, context: Context, /) -> ImageSource:
        """Find the image in the store, and make the manifest that its plain layers have.

        Raises:
            NotFound: there is no such image.
            ConfigurationError: the store cannot be found, or is of a kind that is not read here.
            ContentError: the store is broken.
            StorageFailed: it cannot be read.
        """
        from regcopy.transports.containers_storage.source import StorageSource

        return StorageSource(self, context)

    def open_destination(self, context: Context, /) -> ImageDestination:
        """Look for podman; nothing is written yet.

        Raises:
            InvalidReference: this is no name with a tag.
            TransportUnavailable: podman is not installed.
            StorageFailed: there is no place for temporary files.
        """
        from regcopy.transports.containers_storage.destination import StorageDestination

        return StorageDestination(self, context)

    def delete_image(self, context: Context, /) -> None:
        """Delete the image with all its names, through podman.

        Raises:
            NotFound: there is no such image.
            Refused: a container uses it, or podman failed.
            TransportUnavailable: podman is not installed.
            ConfigurationError: the store cannot be found, or is of a kind that is not read here.
        """
        from regcopy.transports.containers_storage.podman import delete_image

        delete_image(self, context)

    def with_tag(self, tag: str, /) -> StorageReference:
        """Give the reference of another name in the same store.

        Args:
            tag: a whole name with its tag, or a tag alone for the repository of this name.

        Raises:
            InvalidReference: this can be no name here.
        """
        if self.name is not None and is_tag(tag):
            return replace(self, name=self.name.with_tag(tag), id="", may_be_id="")
        return replace(self, name=ImageName.parse(tag).with_default_tag(), id="", may_be_id="")

    def __str__(self) -> str:
        return f"containers-storage:{self.store}{self._within}"


@dataclass(frozen=True, slots=True)
class StorageTransport:
    """The transport `containers-storage`."""

    @property
    def name(self) -> str:
        """`containers-storage`."""
        return "containers-storage"

    def parse(self, text: str, /) -> StorageReference:
        """Parse `[store]name[:tag]`, `[store]name@digest` or `[store][name[:tag]]@id`.

        An ID that is cut short stands alone: `containers-storage:2d0a`.

        Raises:
            InvalidReference: anything else.
        """
        store, rest = split_spec(text)
        if not rest:
            shown = printable(text, limit=300)
            raise InvalidReference(f'"{shown}" is an empty reference: invalid reference')
        before, at, last = rest.rpartition("@")
        if at and not last:
            raise InvalidReference(f'empty trailing digest or ID in "{printable(rest, limit=300)}"')
        if at and not _is_digest(last):
            name = ImageName.parse(before).with_default_tag() if before else None
            return StorageReference(name, last, store)
        if len(rest) == _ID_LENGTH and _is_id(rest):
            return StorageReference(None, rest, store)
        name = ImageName.parse(rest).with_default_tag()
        return StorageReference(name, "", store, rest if _is_id(rest) else "")


def _is_id(text: str) -> bool:
    return _SHORTEST_ID <= len(text) <= _ID_LENGTH and _HEX.issuperset(text)


def _is_digest(text: str) -> bool:
    try:
        Digest.parse(text)
    except InvalidDigest:
        return False
    return True


TRANSPORT: Final[Transport] = StorageTransport()
