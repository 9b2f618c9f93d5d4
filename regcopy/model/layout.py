"""index.json of an image layout as a value, and the names of what a layout is made of.

The layout is that of the image-spec, image-layout.md. It lies in a folder or in a tar file;
the names and the index are the same in both.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from heapq import heappop, heappush
from typing import Final, Self

from regcopy.errors import InvalidReference, ManifestUnsupported, NotFound, UsageError
from regcopy.model._json import JsonObject, dump_object, load_object
from regcopy.model.descriptor import Descriptor
from regcopy.model.mediatypes import (
    IMAGE_MANIFESTS,
    INDEXES,
    OCI_ARTIFACT,
    OCI_INDEX,
    OCI_MANIFEST,
)
from regcopy.text import printable

INDEX_FILE: Final = "index.json"
LAYOUT_FILE: Final = "oci-layout"
BLOBS_FOLDER: Final = "blobs"
LAYOUT_CONTENT: Final = b'{"imageLayoutVersion":"1.0.0"}'
REF_NAME: Final = "org.opencontainers.image.ref.name"
LAYOUT_MANIFESTS: Final = frozenset({OCI_MANIFEST, OCI_INDEX, OCI_ARTIFACT})
# A layout has no limit of its own; this is about 100,000 images.
MAX_INDEX_BYTES: Final = 32 * 1024 * 1024
_NAMES_SHOWN: Final = 20
_KNOWN: Final = frozenset(
    {"schemaVersion", "mediaType", "artifactType", "manifests", "subject", "annotations"}
)
_USABLE: Final = IMAGE_MANIFESTS | INDEXES | {OCI_ARTIFACT}

_MAX_NAME: Final = 1024
# The grammar of org.opencontainers.image.ref.name (image-spec annotations.md).
_COMPONENT: Final = r"[A-Za-z0-9]+(?:(?:[-._:@+]|--)[A-Za-z0-9]+)*"
_NAME: Final = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_POSITION: Final = re.compile(r"\+?[0-9]{1,18}")


def check_name(name: str) -> None:
    """Raise InvalidReference unless `name` may be the name of an image in a layout."""
    if len(name) > _MAX_NAME or _NAME.fullmatch(name) is None:
        raise InvalidReference(f"Invalid image {printable(name, limit=200) or '(empty name)'}")


def check_image(name: str, position: int | None) -> None:
    """Raise InvalidReference unless these name an image: by its name, its position, or neither."""
    if name:
        check_name(name)
    if position is not None and (name or position < 0):
        raise InvalidReference(
            f"invalid source index @{position}: "
            + ("there is a name as well" if name else "must not be negative")
        )


def check_destination(position: int | None) -> None:
    """Raise UsageError where an image is to be written that has a position in place of a name."""
    if position is not None:
        raise UsageError(f"Destination reference must not contain a manifest index @{position}")


def check_manifest_type(media_type: str) -> None:
    """Raise ManifestUnsupported unless a layout can hold a manifest of this type."""
    if media_type not in LAYOUT_MANIFESTS:
        raise ManifestUnsupported(
            f'a layout cannot hold a manifest of type "{media_type}"',
            hint="convert it with --format oci",
        )


def split_image(text: str) -> tuple[str, str, int | None]:
    """Split `path`, `path:name` or `path:@position` into path, name and position.

    Raises:
        InvalidReference: the position is not a number from 0 on.
    """
    path, _, name = text.partition(":")
    if not name.startswith("@"):
        return path, name, None
    if name.startswith("@-"):
        raise InvalidReference(
            f"Invalid source index {printable(name, limit=50)}: must not be negative"
        )
    if _POSITION.fullmatch(name, 1) is None:
        raise InvalidReference(f"Invalid source index {printable(name, limit=50)}: not an integer")
    return path, "", int(name[1:])


@dataclass(frozen=True)
class LayoutIndex:
    """index.json: the images of a layout. Members that mean nothing to us are kept."""

    members: Mapping[str, object]
    entries: tuple[JsonObject, ...]

    @classmethod
    def empty(cls) -> Self:
        """Index of a layout without images."""
        return cls({"schemaVersion": 2, "manifests": []}, ())

    @classmethod
    def parse(cls, content: bytes) -> Self:
        """Read index.json; of its entries only the name is looked at.

        Raises:
            ManifestInvalid: it is broken, or could be read in two ways.
        """
        document = JsonObject(load_object(content, what=INDEX_FILE))
        document.refuse_lookalikes(_KNOWN)
        if document.integer("schemaVersion") != 2:
            document.fail("schemaVersion", "is not 2")
        entries = document.children("manifests")
        for entry in entries:
            entry.string_map("annotations")
        return cls(document.members, entries)

    def names(self) -> tuple[str, ...]:
        """Names of the images, in order; those without one are left out."""
        return tuple(name for name in map(_name_of, self.entries) if name)

    def name_of(self, position: int) -> str:
        """Name of one image, "" where it has none."""
        return _name_of(self.entries[position])

    def descriptor(self, position: int) -> Descriptor:
        """Give one entry. Raises ManifestInvalid where it is broken."""
        return Descriptor.from_json(self.entries[position])

    def find(self, name: str = "", position: int | None = None) -> int:
        """Find an image by name, by position, or the only one; gives its position.

        Raises:
            NotFound: there is no such image.
            ManifestUnsupported: the name is that of something else.
            UsageError: there are several, and none was chosen.
        """
        if position is not None:
            if position >= len(self.entries):
                raise NotFound(
                    f"index {position} is too large, only {len(self.entries)} entries available"
                )
            return position
        if name:
            return self._find_name(name)
        if len(self.entries) > 1:
            raise UsageError("more than one image in oci, choose an image", hint=self._choices())
        if not self.entries:
            raise NotFound("there is no image in this layout")
        return 0

    def _find_name(self, name: str) -> int:
        found = self._positions.get(name, ())
        for position in found:
            if self.entries[position].string("mediaType") in _USABLE:
                return position
        if found:
            kind = printable(self.entries[found[0]].string("mediaType"), limit=100)
            raise ManifestUnsupported(
                f'reference "{name}" matches unsupported manifest type "{kind}"'
            )
        raise NotFound(f'no descriptor found for reference "{name}"', hint=self._choices())

    @cached_property
    def _positions(self) -> Mapping[str, list[int]]:
        """Where the images of a name are; archives are asked for thousands of names."""
        positions: dict[str, list[int]] = {}
        for position, entry in enumerate(self.entries):
            positions.setdefault(_name_of(entry), []).append(position)
        return positions

    def _choices(self) -> str:
        names = list(dict.fromkeys(printable(name, limit=100) for name in self.names()))
        more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
        if not self.entries:
            return "there is no image in this layout"
        if not names and len(self.entries) == 1:
            return "its only image has no name: leave the name out"
        if not names:
            return f"no image has a name: choose by position, :@0 to :@{len(self.entries) - 1}"
        return f"it has: {', '.join(names[:_NAMES_SHOWN])}{more}"

    def with_image(self, manifest: Descriptor, name: str) -> Self:
        """Add an image as containers/image does: its index.json and ours are the same bytes.

        What had the name before stays without it; an entry of the same digest that has no
        name is replaced.
        """
        return self.with_images([(manifest, name)])

    def with_images(self, images: Iterable[tuple[Descriptor, str]]) -> Self:
        """Add images with their names one after another, each as `with_image` does."""
        entries = _Entries(self.entries)
        for manifest, name in images:
            entries.add(manifest, name)
        return replace(self, entries=tuple(entries.all))

    def without(self, position: int) -> Self:
        """Take one image out."""
        return replace(self, entries=tuple(e for i, e in enumerate(self.entries) if i != position))

    def to_bytes(self) -> bytes:
        """Encode, with the order of members that was found."""
        entries = [dict(entry.members) for entry in self.entries]
        return dump_object({**self.members, "manifests": entries})


class _Entries:
    """Entries that images are added to, none of which is looked at for each image."""

    def __init__(self, entries: Iterable[JsonObject]) -> None:
        self.all: list[JsonObject] = []
        self._named: dict[str, list[int]] = {}
        # By digest; the first one that has no name is on top of its heap.
        self._nameless: dict[str, list[int]] = {}
        for entry in entries:
            self._put(len(self.all), entry)

    def add(self, manifest: Descriptor, name: str) -> None:
        """Add an image, as `LayoutIndex.with_image` does."""
        for position in self._named.pop(name, ()):
            self._put(position, _without_name(self.all[position]))
        annotations = {REF_NAME: name} if name else {}
        entry = JsonObject(replace(manifest, platform=None, annotations=annotations).to_json())
        replaced = self._nameless.get(str(manifest.digest))
        self._put(heappop(replaced) if replaced else len(self.all), entry)

    def _put(self, position: int, entry: JsonObject) -> None:
        self.all[position : position + 1] = [entry]
        name = _name_of(entry)
        if name:
            self._named.setdefault(name, []).append(position)
        else:
            heappush(self._nameless.setdefault(entry.string("digest"), []), position)


def _name_of(entry: JsonObject) -> str:
    return entry.string_map("annotations").get(REF_NAME, "")


def _without_name(entry: JsonObject) -> JsonObject:
    kept = {k: v for k, v in entry.string_map("annotations").items() if k != REF_NAME}
    members = {k: v for k, v in entry.members.items() if k != "annotations" or kept}
    return JsonObject({**members, "annotations": kept} if kept else members, entry.path)
