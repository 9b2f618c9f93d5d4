"""Reading one image of a store, and the manifest that fits its plain layers."""

from __future__ import annotations

import io
from types import TracebackType
from typing import TYPE_CHECKING, Self

from regcopy.errors import ManifestUnsupported, NotFound
from regcopy.model.descriptor import Descriptor
from regcopy.model.manifest import (
    MAX_MANIFEST_BYTES,
    ImageIndex,
    ImageManifest,
    ParsedManifest,
    RawManifest,
    media_type_of,
    parse_manifest,
)
from regcopy.model.mediatypes import DOCKER_LAYER_GZIP, SCHEMA1
from regcopy.streams.blob import Readable
from regcopy.transports.containers_storage.spec import find_folders
from regcopy.transports.containers_storage.store import (
    MANIFEST_KEY,
    Store,
    StoredLayer,
)
from regcopy.transports.plain_layers import PlainLayer, with_plain_layers

if TYPE_CHECKING:
    from regcopy.transports.base import Context
    from regcopy.transports.containers_storage import StorageReference


class StorageSource:
    """One image of a store; which one is settled when it is opened."""

    def __init__(self, reference: StorageReference, context: Context) -> None:
        """Find the image and make its manifest. Errors as `StorageReference.open_source`."""
        self._store = Store(find_folders(reference.store, context.environment))
        self._image = self._store.find(reference.name, reference.id, may_be_id=reference.may_be_id)
        self._named = self._named_manifest(reference)
        self._stored, parsed = self._image_manifest()
        if parsed.media_type in SCHEMA1:
            raise ManifestUnsupported(
                "the store holds this image as Docker schema 1, which is not read from stores",
                hint="push it with podman push --format v2s2, and copy it from there",
            )
        if not isinstance(parsed, ImageManifest) or parsed.config is None:
            raise ManifestUnsupported("the store holds an index or artifact under this name")
        self._config = parsed.config
        layers = self._store.layers_of(self._image)
        self._layers = {layer.diff_id: layer for layer in layers if layer.diff_id}
        plain = [_plain(layer) for layer in layers]
        # The type that other tools have for it, too, so that digests agree with theirs.
        self._manifest = with_plain_layers(
            self._stored, parsed, plain, docker_type=DOCKER_LAYER_GZIP
        )

    def _named_manifest(self, reference: StorageReference) -> RawManifest:
        """Read what the reference names: the image's manifest, or the index it came from."""
        digest = reference.name.digest if reference.name else None
        if digest is None or f"manifest-{digest}" not in self._image.digests:
            raw = self._read_manifest(MANIFEST_KEY)
        else:
            raw = self._read_manifest(f"manifest-{digest}")
        if digest is not None:
            raw.check(digest)
        return raw

    def _image_manifest(self) -> tuple[RawManifest, ParsedManifest]:
        """Read the manifest of the image, of which a store has one for each."""
        parsed = parse_manifest(self._named)
        if not isinstance(parsed, ImageIndex):
            return self._named, parsed
        raw = self._read_manifest(MANIFEST_KEY)
        if raw.digest not in {entry.digest for entry in parsed.manifests}:
            return self._named, parsed  # an index that was made here
        return raw, parse_manifest(raw)

    def _read_manifest(self, key: str) -> RawManifest:
        content = self._store.content(self._image, key, limit=MAX_MANIFEST_BYTES)
        return RawManifest(content, media_type_of(content))

    @property
    def max_parallel(self) -> int:
        """Threads that may call it at once."""
        return 8

    @property
    def layers_are_plain(self) -> bool:
        """Yes; Docker's manifests have no name for that, and call them gzipped."""
        return True

    def get_manifest(self, instance: Descriptor | None = None, /) -> RawManifest:
        """Give the manifest; there is no other.

        Raises:
            NotFound: another one was asked for.
        """
        if instance is not None and instance.digest != self._manifest.digest:
            raise NotFound(f"the store has no manifest {instance.digest} for this image")
        return self._manifest

    def original_manifest(self, instance: Descriptor | None = None, /) -> RawManifest:
        """Give what was named as it is stored, or the image's manifest that it names.

        Raises:
            NotFound: another one was asked for.
        """
        if instance is None:
            return self._named
        if instance.digest != self._stored.digest:
            raise NotFound(f"the store has no manifest {instance.digest} for this image")
        return self._stored

    def open_blob(self, blob: Descriptor, /, *, offset: int = 0) -> Readable:
        """Open the config, or a layer as a plain tar file, from `offset` bytes on.

        Raises:
            NotFound: the image has no such blob, or what is needed for it is missing.
            StorageFailed: it cannot be read.
        """
        layer = self._layers.get(blob.digest)
        if layer is not None:
            return self._store.open_layer(layer, offset=offset)
        if blob.digest == self._config.digest:
            key = str(self._config.digest)
            content = self._store.content(self._image, key, limit=MAX_MANIFEST_BYTES)
            return io.BytesIO(content[offset:])
        raise NotFound(f"the image has no blob {blob.digest}")

    def close(self) -> None:
        """Nothing is open."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        self.close()


def _plain(layer: StoredLayer) -> PlainLayer:
    if layer.diff_id is None:
        raise ManifestUnsupported(
            f"the store does not know the diff ID of layer {layer.id}",
            hint="podman save --format oci-archive exports such an image",
        )
    return PlainLayer(layer.diff_id, layer.size)
