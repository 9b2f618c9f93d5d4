"""How two images differ: manifests, config, layers and files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from regcopy.checking.files import FileEntry, FileTree, LayerEntry, read_layer
from regcopy.checking.opening import OpenedImage, Reading, open_image
from regcopy.copying.choice import choose_image
from regcopy.copying.sizes import measured
from regcopy.copying.tree import Node
from regcopy.errors import ManifestInvalid, located
from regcopy.model._json import load_object
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.image_config import read_diff_ids
from regcopy.model.manifest import ImageIndex, ImageManifest, RawManifest, parse_manifest
from regcopy.model.mediatypes import compression_of
from regcopy.model.platform import Platform

FileAspect = Literal["kind", "content", "size", "mode", "target"]
_ASPECTS: Final[tuple[FileAspect, ...]] = ("kind", "content", "size", "mode", "target")


@dataclass(frozen=True, slots=True)
class ValueChange:
    """A value that differs; None where there is none."""

    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class FileChange:
    """A file that differs; None where there is none.

    Attributes:
        aspects: what differs, where both have it.
    """

    path: str
    before: FileEntry | None
    after: FileEntry | None
    aspects: tuple[FileAspect, ...] = ()


@dataclass(frozen=True)
class ImageDifference:
    """How two images differ. Values are as JSON texts.

    Attributes:
        digests: of the two top manifests.
        platforms: digests of the images of an index, where one of both is one.
        manifest: type and annotations of the image that was looked at.
        config: members of its config.
        shared_layers: how many layers both have.
        removed_layers: those of the first only, in order.
        added_layers: those of the second only, in order.
        files: files that differ; None where nobody asked.
    """

    digests: tuple[Digest, Digest]
    platforms: tuple[ValueChange, ...] = ()
    manifest: tuple[ValueChange, ...] = ()
    config: tuple[ValueChange, ...] = ()
    shared_layers: int = 0
    removed_layers: tuple[Descriptor, ...] = ()
    added_layers: tuple[Descriptor, ...] = ()
    files: tuple[FileChange, ...] | None = None

    @property
    def is_same(self) -> bool:
        """Whether both are the same image, byte for byte."""
        return self.digests[0] == self.digests[1]


def diff_images(
    first: str,
    second: str,
    *,
    platform: Platform | None = None,
    files: bool = True,
    readings: tuple[Reading, Reading] | None = None,
) -> ImageDifference:
    """Compare two images; of an index, the image for a platform is looked into.

    Args:
        first: `transport:reference`.
        second: the same.
        platform: which image of an index; this machine's platform by default.
        files: read the layers, and compare the files.
        readings: how both are reached.

    Raises:
        NotFound: one of them does not exist.
        ManifestUnsupported: an index has no image for the platform.
        RegcopyError: one cannot be read, or is not what its digest says.
    """
    how = readings or (Reading(), Reading())
    with open_image(first, how[0]) as before, open_image(second, how[1]) as after:
        return _Comparison(before, after, platform or Platform.local()).run(files=files)


@dataclass(frozen=True)
class _Side:
    image: OpenedImage
    top: RawManifest
    manifest: ImageManifest
    config: bytes

    @classmethod
    def read(cls, image: OpenedImage, top: RawManifest, platform: Platform) -> _Side:
        with located(reference=image.reference):
            raw = choose_image(image.source, top, platform).read(image.source)
            manifest = parse_manifest(raw)
            if isinstance(manifest, ImageIndex):
                raise ManifestInvalid("the manifest is an index, where an image was announced")
            config = image.read_config(manifest.config) if manifest.config else b""
            sized = measured(Node(raw, manifest), image.source, image.pool).image
            return cls(image, top, sized, config)


class _Comparison:
    def __init__(self, before: OpenedImage, after: OpenedImage, platform: Platform) -> None:
        self._images = (before, after)
        self._platform = platform
        self._layers: dict[Digest, list[LayerEntry]] = {}

    def run(self, *, files: bool) -> ImageDifference:
        tops = [_top(image) for image in self._images]
        digests = (tops[0].digest, tops[1].digest)
        if digests[0] == digests[1]:
            return ImageDifference(digests, files=() if files else None)
        before, after = (
            _Side.read(image, top, self._platform)
            for image, top in zip(self._images, tops, strict=True)
        )
        old, new = before.manifest.layers, after.manifest.layers
        shared = {layer.digest for layer in old} & {layer.digest for layer in new}
        return ImageDifference(
            digests,
            platforms=_changes(_platforms(before.top), _platforms(after.top)),
            manifest=_changes(_about(before.manifest), _about(after.manifest)),
            config=_changes(_flat(before.config), _flat(after.config)),
            shared_layers=len(shared),
            removed_layers=tuple(layer for layer in old if layer.digest not in shared),
            added_layers=tuple(layer for layer in new if layer.digest not in shared),
            files=self._files(before, after) if files else None,
        )

    def _files(self, before: _Side, after: _Side) -> tuple[FileChange, ...]:
        if _has_same_files(before, after):
            return ()
        trees = [dict(self._tree(side).files()) for side in (before, after)]
        paths = sorted(trees[0].keys() | trees[1].keys())
        changes = (_file_change(path, trees[0].get(path), trees[1].get(path)) for path in paths)
        return tuple(change for change in changes if change is not None)

    def _tree(self, side: _Side) -> FileTree:
        # Layers of other kinds (of artifacts) have no files.
        layers = [
            layer for layer in side.manifest.layers if compression_of(layer.media_type) is not None
        ]
        unread = {one.digest: one for one in layers if one.digest not in self._layers}
        with located(reference=side.image.reference):
            lists = side.image.pool.map(lambda one: _list(side.image, one), list(unread.values()))
            self._layers.update(zip(unread, lists, strict=True))
            tree = FileTree()
            for layer in layers:
                tree.lay(self._layers[layer.digest])
        return tree


def _top(image: OpenedImage) -> RawManifest:
    with located(reference=image.reference):
        return image.source.get_manifest()


def _list(image: OpenedImage, layer: Descriptor) -> list[LayerEntry]:
    what = f"layer {layer.digest}"
    with image.stream(layer) as stream:
        return read_layer(stream, what=what, check_cancelled=image.check_cancelled)


def _has_same_files(before: _Side, after: _Side) -> bool:
    """Tell whether the layers are the same, as they are or unpacked; then nothing is read."""
    old, new = before.manifest, after.manifest
    if [layer.digest for layer in old.layers] == [layer.digest for layer in new.layers]:
        return True
    if not (before.config and after.config and len(old.layers) == len(new.layers)):
        return False
    ids = read_diff_ids(before.config)
    return len(ids) == len(old.layers) and ids == read_diff_ids(after.config)


def _platforms(top: RawManifest) -> dict[str, str]:
    parsed = parse_manifest(top)
    if not isinstance(parsed, ImageIndex):
        return {}
    return {
        str(entry.platform or entry.artifact_type or f"manifest {number}"): str(entry.digest)
        for number, entry in enumerate(parsed.manifests)
    }


def _about(manifest: ImageManifest) -> dict[str, str]:
    known = {"mediaType": manifest.media_type, "artifactType": manifest.artifact_type}
    if manifest.config is not None:
        known["config.mediaType"] = manifest.config.media_type
    notes = {f"annotations.{name}": value for name, value in manifest.annotations.items()}
    return {name: value for name, value in known.items() if value} | notes


def _flat(config: bytes) -> dict[str, str]:
    """Give each value of a config under its path, as JSON."""
    found: dict[str, str] = {}
    waiting: list[tuple[str, object]] = [("", load_object(config, what="config"))] if config else []
    while waiting:
        path, value = waiting.pop()
        members = list(_members(value))
        waiting += [(f"{path}{name}", one) for name, one in members]
        if not members and path:
            found[path.lstrip(".")] = json.dumps(value, ensure_ascii=False)
    return found


def _members(value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        yield from ((f".{name}", one) for name, one in value.items())
    elif isinstance(value, list):
        yield from ((f"[{number}]", one) for number, one in enumerate(value))


def _changes(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[ValueChange, ...]:
    names = sorted(before.keys() | after.keys())
    pairs = ((name, before.get(name), after.get(name)) for name in names)
    return tuple(ValueChange(name, old, new) for name, old, new in pairs if old != new)


def _file_change(path: str, before: FileEntry | None, after: FileEntry | None) -> FileChange | None:
    if before is None or after is None:
        return FileChange(path, before, after)
    differs = tuple(
        aspect for aspect in _ASPECTS if getattr(before, aspect) != getattr(after, aspect)
    )
    return FileChange(path, before, after, differs) if differs else None
