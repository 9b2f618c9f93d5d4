"""Images whose layers are compressed in one way and say, perhaps, another; made by hand."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal

from regcopy.model.digest import Digest
from regcopy.model.manifest import ImageManifest, RawManifest, parse_manifest
from regcopy.model.mediatypes import (
    DOCKER_LAYER,
    DOCKER_LAYER_GZIP,
    DOCKER_LAYER_ZSTD,
    OCI_INDEX,
    OCI_LAYER,
    OCI_LAYER_GZIP,
    OCI_LAYER_ZSTD,
    Compression,
    Format,
)
from regcopy.streams.decompress import Unpacked
from regcopy.streams.zstd import ZstdCompressor
from regcopy.testing.samples import FOUR_PLATFORMS, SampleImage, image_of_layers, make_layer

Packing = Compression | Literal["bzip2", "xz"]

COMPRESSIONS: Final[Sequence[Compression]] = ("none", "gzip", "zstd")
TYPES: Final[Mapping[Format, Mapping[Packing, str]]] = {
    "oci": {"none": OCI_LAYER, "gzip": OCI_LAYER_GZIP, "zstd": OCI_LAYER_ZSTD},
    "v2s2": {"none": DOCKER_LAYER, "gzip": DOCKER_LAYER_GZIP, "zstd": DOCKER_LAYER_ZSTD},
}


def zstd(content: bytes) -> bytes:
    compressor = ZstdCompressor()
    return compressor.compress(content) + compressor.flush()


PACK: Final[Mapping[Packing, Callable[[bytes], bytes]]] = {
    "none": lambda content: content,
    "gzip": lambda content: gzip.compress(content, mtime=0),
    "zstd": zstd,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
}


def unpacked(stored: bytes) -> bytes:
    """The plain bytes of a layer, whatever it is compressed with."""
    if stored.startswith(b"\x1f\x8b"):
        return gzip.decompress(stored)
    if stored.startswith(b"\x28\xb5\x2f\xfd"):
        frames = Unpacked(io.BytesIO(stored), "zstd")
        return b"".join(iter(frames.read, b""))
    return stored


def tars(count: int = 2) -> list[bytes]:
    return [make_layer(f"layer-{number}", 5000) for number in range(count)]


def image_with(
    compression: Packing,
    *,
    says: Compression | None = None,
    family: Format = "oci",
    layers: Sequence[bytes] = (),
) -> SampleImage:
    """Make an image.

    Args:
        compression: of the bytes of its layers.
        says: compression that their media types tell, if another.
        family: of its manifest.
        layers: their tar files.
    """
    plain = list(layers) or tars()
    stored = [PACK[compression](tar) for tar in plain]
    told = TYPES[family][says or compression]
    base = image_of_layers(plain, platform=FOUR_PLATFORMS[0], family=family, plain=True)
    document = json.loads(base.top.content)
    document["layers"] = [
        {"mediaType": told, "digest": str(Digest.of(b)), "size": len(b)} for b in stored
    ]
    return with_manifest(base, document, stored)


def with_manifest(
    base: SampleImage, document: Mapping[str, object], stored: Sequence[bytes] = ()
) -> SampleImage:
    """Give the same image another manifest, and more blobs."""
    raw = RawManifest(json.dumps(document, separators=(",", ":")).encode(), base.top.media_type)
    return SampleImage(raw, (), {**base.blobs, **{Digest.of(blob): blob for blob in stored}})


def layers_of(raw: RawManifest, blobs: Mapping[Digest, bytes]) -> list[tuple[str, bytes]]:
    """Media type and bytes of each layer of an image."""
    parsed = parse_manifest(raw)
    if not isinstance(parsed, ImageManifest):
        raise TypeError("an index is no image")
    return [(layer.media_type, blobs[layer.digest]) for layer in parsed.layers]


def index_of(*images: SampleImage, media_type: str = OCI_INDEX) -> SampleImage:
    """Make an index of images, each for an architecture of its own."""
    entries = [
        {
            "mediaType": image.top.media_type,
            "digest": str(image.digest),
            "size": image.top.size,
            "platform": {"architecture": f"a{number}", "os": "linux"},
        }
        for number, image in enumerate(images)
    ]
    blobs = {digest: blob for image in images for digest, blob in image.blobs.items()}
    document = {"schemaVersion": 2, "mediaType": media_type, "manifests": entries}
    top = RawManifest(json.dumps(document).encode(), media_type)
    return SampleImage(top, tuple(image.top for image in images), blobs)


def layer_digests(image: SampleImage) -> list[Digest]:
    document = json.loads(image.top.content)
    return [Digest.parse(layer["digest"]) for layer in document["layers"]]


def with_config(image: SampleImage, **rootfs: object) -> SampleImage:
    """Give the same image a config with another `rootfs`."""
    document = json.loads(image.top.content)
    digest = Digest.parse(document["config"]["digest"])
    config = json.loads(image.blobs[digest])
    content = json.dumps({**config, "rootfs": {"type": "layers", **rootfs}}).encode()
    document["config"].update(digest=str(Digest.of(content)), size=len(content))
    return with_manifest(image, document, [content])
