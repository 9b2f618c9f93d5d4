"""manifest.json of an archive: which images are in it, under which names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from regcopy.errors import (
    ContentError,
    InvalidReference,
    ManifestInvalid,
    NotFound,
    UsageError,
)
from regcopy.model._json import JsonObject, dump_object, load_object
from regcopy.model.layout import MAX_INDEX_BYTES
from regcopy.model.manifest import MAX_LAYERS
from regcopy.model.reference import ImageName
from regcopy.streams.tar_index import TarIndex
from regcopy.text import printable

CONTENTS_FILE: Final = "manifest.json"
_KNOWN: Final = frozenset({"Config", "RepoTags", "Layers", "Parent", "LayerSources"})
# Names in one error message.
_SHOWN: Final = 10


@dataclass(frozen=True, slots=True)
class ArchivedImage:
    """One image of an archive.

    Attributes:
        config: name of the member that is its config.
        names: what it is called, as it stands there.
        layers: names of the members that are its layers, the lowest first.
    """

    config: str
    names: tuple[str, ...]
    layers: tuple[str, ...]


def read_contents(index: TarIndex, *, path: str) -> tuple[ArchivedImage, ...]:
    """Read what is in an archive.

    Args:
        index: of the archive.
        path: of the archive, for messages.

    Raises:
        ManifestInvalid: manifest.json is missing, broken, or there twice.
        LimitExceeded: it is over 32 MiB, the limit of a layout's index.
    """
    try:
        content = index.content(CONTENTS_FILE, limit=MAX_INDEX_BYTES)
    except NotFound:
        raise ManifestInvalid(
            f"{path} has no {CONTENTS_FILE}: it is no archive of docker save, or a very old one",
            hint=_what_else(index),
        ) from None
    return _parse(content)


def _what_else(index: TarIndex) -> str:
    if "oci-layout" in index:
        return "it holds an OCI layout: read it as oci-archive:"
    return "a tar file of a root file system is read as tarball:"


def _parse(content: bytes) -> tuple[ArchivedImage, ...]:
    # Our reader takes objects only; a document that is more than one array does not survive
    # being put into one.
    document = JsonObject(
        load_object(b'{"images":' + content + b"}", what=CONTENTS_FILE), what=CONTENTS_FILE
    )
    if set(document.members) != {"images"} or not isinstance(document.members["images"], list):
        raise ManifestInvalid(f"{CONTENTS_FILE} is no array")
    return tuple(_image(entry) for entry in document.children("images"))


def _image(entry: JsonObject) -> ArchivedImage:
    entry.refuse_lookalikes(_KNOWN)
    config = entry.string("Config")
    if not config:
        entry.fail("Config", "is missing")
    if entry.count("Layers") > MAX_LAYERS:
        entry.fail("Layers", f"has more than {MAX_LAYERS} entries")
    return ArchivedImage(config, entry.strings("RepoTags"), entry.strings("Layers"))


def write_contents(images: Sequence[ArchivedImage]) -> bytes:
    """Write manifest.json of an archive, as skopeo does."""
    documents = (
        {
            "Config": image.config,
            "RepoTags": list(image.names),
            "Layers": list(image.layers),
        }
        for image in images
    )
    return b"[" + b",".join(map(dump_object, documents)) + b"]"


@dataclass(frozen=True)
class TableOfContents:
    """The images of an archive, in their order."""

    images: tuple[ArchivedImage, ...]

    def choose(self, name: ImageName | None, position: int | None) -> ArchivedImage:
        """Find an image as `choose` does, but by name without a look at all of them."""
        found = self._by_name.get(str(name)) if name is not None else None
        return found or choose(self.images, name, position)

    @cached_property
    def _by_name(self) -> Mapping[str, ArchivedImage]:
        found: dict[str, ArchivedImage] = {}
        for image in self.images:
            for text in image.names:
                found.setdefault(_full_name(text), image)
        return found


def choose(
    images: Sequence[ArchivedImage], name: ImageName | None, position: int | None
) -> ArchivedImage:
    """Find the image that is meant.

    Args:
        images: what is there.
        name: one of its names, or None.
        position: its place, or None; with neither it must be the only one.

    Raises:
        NotFound: there is none.
        UsageError: none was named, and there are several.
    """
    if name is not None:
        return _by_name(images, name)
    if position is not None:
        if position >= len(images):
            raise NotFound(
                f"Invalid source index @{position}, only {len(images)} manifest items available"
            )
        return images[position]
    if not images:
        raise NotFound("the archive has no image in it")
    if len(images) > 1:
        raise UsageError(
            f"the archive has {len(images)} images, and none was chosen",
            hint=f"add one of {_choices(images)}",
        )
    return images[0]


def _by_name(images: Sequence[ArchivedImage], name: ImageName) -> ArchivedImage:
    for image in images:
        if any(_full_name(text) == str(name) for text in image.names):
            return image
    raise NotFound(
        f'Tag "{name}" not found',
        hint=f"the archive has {_choices(images)}" if images else "",
    )


def _full_name(text: str) -> str:
    try:
        return str(ImageName.parse(text))
    except InvalidReference:
        return ""


def listed_names(images: Sequence[ArchivedImage]) -> Iterator[str]:
    """Give the names of each image as they stand there, `@position` for one that has none.

    Raises:
        ContentError: one of them is no name.
    """
    for position, image in enumerate(images):
        for text in image.names:
            if not _full_name(text):
                shown = printable(text, limit=200)
                raise ContentError(f'Invalid tag "{shown}" in manifest item @{position}')
            yield text
        if not image.names:
            yield f"@{position}"


def _choices(images: Sequence[ArchivedImage]) -> str:
    names: list[str] = []
    for position, image in enumerate(images):
        names += [f":{printable(name, limit=100)}" for name in image.names] or [f":@{position}"]
    return ", ".join([*names[:_SHOWN], "…"] if len(names) > _SHOWN else names)
