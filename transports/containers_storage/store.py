"""A store on disk (containers/storage): its images, their layers, and the files of a layer.

Nothing is locked and nothing is changed. What is there is replaced whole by those who write
it, and what is read is verified by its digest; an image that is removed meanwhile ends the
reading with an error.
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from regcopy.errors import ContentError, InvalidReference, NotFound, StorageFailed
from regcopy.model._json import JsonObject, load_object
from regcopy.model.digest import Digest
from regcopy.model.manifest import MAX_LAYERS
from regcopy.model.reference import ImageName
from regcopy.streams.blob import Readable
from regcopy.streams.decompress import Unpacked
from regcopy.streams.files import Folder, open_regular, read_file
from regcopy.streams.inside import open_inside
from regcopy.streams.tar_split import Assembled
from regcopy.transports.containers_storage.spec import StoreFolders

# A store with tens of thousands of layers.
_MAX_LIST_BYTES: Final = 64 * 1024 * 1024
MANIFEST_KEY: Final = "manifest"
_HEX: Final = frozenset("0123456789abcdef")
_PLAIN_KEY: Final = re.compile(r"[a-z0-9.]+")


@dataclass(frozen=True, slots=True)
class StoredImage:
    """One image of a store.

    Attributes:
        root: the store's folder.
        id: 64 hex digits, mostly those of the config's digest.
        layer: ID of the topmost layer, "" for an image without layers.
        names: full names.
        digests: what is stored beside it by key, such as manifests and the config.
    """

    root: str
    id: str
    layer: str
    names: tuple[str, ...]
    digests: dict[str, Digest]

    @property
    def manifest_digest(self) -> Digest | None:
        """Digest of its manifest."""
        return self.digests.get(MANIFEST_KEY)


@dataclass(frozen=True, slots=True)
class StoredLayer:
    """One layer of a store.

    Attributes:
        root: the store's folder.
        id: name of its folder.
        parent: ID of the layer below, "" for the lowest.
        diff_id: digest of the plain tar file, None where nobody has computed it.
        size: bytes of the plain tar file.
        packed: digest and size as it was received, None where that is not known.
    """

    root: str
    id: str
    parent: str
    diff_id: Digest | None
    size: int
    packed: tuple[Digest, int] | None


class Store:
    """The images and layers of a store, as they were when they were first asked for."""

    def __init__(self, folders: StoreFolders) -> None:
        """Read nothing yet."""
        self._folders = folders
        self._layers: dict[str, StoredLayer] | None = None

    @property
    def shown(self) -> str:
        """The store, for messages."""
        return f"[{self._folders.driver}@{self._folders.roots[0]}]"

    def find(self, name: ImageName | None, image_id: str, *, may_be_id: str = "") -> StoredImage:
        """Find an image by its name, its ID, or both.

        Args:
            name: with a tag or a digest, or None.
            image_id: ID or its beginning, or "".
            may_be_id: beginning of an ID that counts before the name, "" for none.

        Raises:
            NotFound: there is none.
            InvalidReference: several IDs begin so.
            ManifestInvalid, StorageFailed: the store cannot be read.
        """
        found: StoredImage | None = None
        if image_id or may_be_id:
            found = self._by_id(image_id or may_be_id)
        if image_id and found and name and name.name not in map(_repository, found.names):
            found = None
        if not image_id and not found and name is not None:
            found = self._by_name(name) or self._by_digest(name)
        if found is None:
            wanted = f"{name or ''}{f'@{image_id}' if image_id else ''}"
            raise NotFound(
                f'reference "{self.shown}{wanted}" does not resolve to an image ID',
                hint="podman images lists those that are there",
            )
        return found

    def _by_id(self, prefix: str) -> StoredImage | None:
        found = {image.id: image for image in self.images() if image.id.startswith(prefix)}
        if len(found) > 1:
            raise InvalidReference(f"several images have an ID that begins with {prefix}")
        return next(iter(found.values()), None)

    def _by_name(self, name: ImageName) -> StoredImage | None:
        return next((image for image in self.images() if str(name) in image.names), None)

    def _by_digest(self, name: ImageName) -> StoredImage | None:
        if name.digest is None:
            return None
        for image in self.images():
            if name.digest in image.digests.values() and any(
                _repository(one) == name.name for one in image.names
            ):
                return image
        return None

    def images(self) -> Iterator[StoredImage]:
        """Give all images, those of additional stores last.

        Raises:
            ManifestInvalid, StorageFailed: a list of images cannot be read.
        """
        for root in self._folders.roots:
            for entry in self._entries(root, "images"):
                digests = entry.string_map("big-data-digests")
                yield StoredImage(
                    root,
                    _checked_id(entry, "id"),
                    _checked_id(entry, "layer") if entry.string("layer") else "",
                    entry.strings("names"),
                    {key: Digest.parse(value) for key, value in digests.items()},
                )

    def _entries(self, root: str, kind: str) -> Iterator[JsonObject]:
        folder = f"{root}/{self._folders.driver}-{kind}"
        what = f"{folder}/{kind}.json"
        try:
            with Folder.open(folder) as opened:
                content = read_file(opened, f"{kind}.json", limit=_MAX_LIST_BYTES)
        except NotFound:
            return
        document = JsonObject(load_object(b'{"all":' + content + b"}", what=what), what=what)
        yield from document.children("all")

    def layers_of(self, image: StoredImage) -> tuple[StoredLayer, ...]:
        """Give the layers of an image, the lowest first.

        Raises:
            NotFound: one of them is not in the store.
            ContentError: they never end.
        """
        known = self._all_layers()
        found: list[StoredLayer] = []
        at = image.layer
        while at:
            layer = known.get(at)
            if layer is None:
                raise NotFound(f"layer {at} of image {image.id} is not in the store {self.shown}")
            found.append(layer)
            if len(found) > MAX_LAYERS:
                raise ContentError(f"image {image.id} has more than {MAX_LAYERS} layers")
            at = layer.parent
        return tuple(reversed(found))

    def has_layer(self, digest: Digest, size: int) -> bool:
        """Tell whether there is a layer that is, or was received as, this blob."""
        return any(
            (layer.diff_id, layer.size) == (digest, size) or layer.packed == (digest, size)
            for layer in self._all_layers().values()
        )

    def _all_layers(self) -> dict[str, StoredLayer]:
        if self._layers is None:
            found: dict[str, StoredLayer] = {}
            for root in self._folders.roots:
                for entry in self._entries(root, "layers"):
                    layer = _layer(root, entry)
                    found.setdefault(layer.id, layer)
            self._layers = found
        return self._layers

    def content(self, image: StoredImage, key: str, *, limit: int) -> bytes:
        """Read something that is stored beside an image: its manifest, its config.

        Raises:
            NotFound: there is no such thing.
            LimitExceeded: it has more than `limit` bytes.
            StorageFailed: it cannot be read.
        """
        folder = f"{image.root}/{self._folders.driver}-images/{image.id}"
        with Folder.open(folder) as opened:
            return read_file(opened, _file_name(key), limit=limit)

    def open_layer(self, layer: StoredLayer, *, offset: int = 0) -> Readable:
        """Open a layer as the plain tar file that it was made of, from `offset` on.

        Raises:
            NotFound: the notes that are needed for it are missing.
            StorageFailed: it cannot be read; then mostly by lack of rights.
        """
        notes = self._open_notes(layer)
        try:
            files = Folder.open(self._files_path(layer))
        except BaseException:
            notes.close()
            raise
        what = f"layer {layer.id}"
        unpacked = Unpacked(notes, "gzip", what=f"the notes on {what}")
        return _Layer(
            Assembled(
                unpacked,
                lambda name, start: open_inside(files, name, offset=start),
                offset=offset,
                what=what,
            ),
            files,
        )

    def _open_notes(self, layer: StoredLayer) -> Readable:
        with Folder.open(f"{layer.root}/{self._folders.driver}-layers") as folder:
            try:
                return open_regular(folder, f"{layer.id}.tar-split.gz")
            except NotFound as error:
                error.hint = (
                    "layers that were pulled in parts or built here can lack it; podman save "
                    "--format oci-archive exports such an image"
                )
                raise

    def _files_path(self, layer: StoredLayer) -> str:
        if self._folders.driver == "vfs":
            return f"{layer.root}/vfs/dir/{layer.id}"
        return f"{layer.root}/overlay/{layer.id}/diff"


class _Layer:
    """A layer that is put together, with the folder of its files."""

    def __init__(self, raw: Assembled, files: Folder) -> None:
        self._raw = raw
        self._files = files

    def read(self, size: int = -1, /) -> bytes:
        try:
            return self._raw.read(size)
        except StorageFailed as error:
            if isinstance(error.__cause__, PermissionError):
                error.hint = "files of other users are in it: run this inside `podman unshare`"
            raise

    def close(self) -> None:
        self._raw.close()
        self._files.close()


def _checked_id(entry: JsonObject, key: str) -> str:
    # It becomes part of a path.
    found = entry.string(key)
    if not found or not _HEX.issuperset(found.lower()):
        entry.fail(key, "is no ID")
    return found


def _layer(root: str, entry: JsonObject) -> StoredLayer:
    diff_id = entry.digest("diff-digest") if entry.string("diff-digest") else None
    packed = None
    if entry.string("compressed-diff-digest") and "compressed-size" in entry.members:
        packed = entry.digest("compressed-diff-digest"), entry.integer("compressed-size")
    return StoredLayer(
        root,
        _checked_id(entry, "id"),
        _checked_id(entry, "parent") if entry.string("parent") else "",
        diff_id,
        entry.integer("diff-size") if "diff-size" in entry.members else 0,
        packed,
    )


def _repository(name: str) -> str:
    try:
        return ImageName.parse(name).name
    except InvalidReference:
        return ""


def _file_name(key: str) -> str:
    """Name of the file for a key: the key, or encoded (containers/storage, bigDataBaseName)."""
    if _PLAIN_KEY.fullmatch(key):
        return key
    return "=" + base64.b64encode(os.fsencode(key)).decode()
