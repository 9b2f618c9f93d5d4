"""Images made out of nothing: small, valid, and the same bytes each time.

They are written without the engine and the transports, so that a test that copies one
compares with something that the code under test did not make.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from regcopy.model.digest import Digest
from regcopy.model.manifest import RawManifest
from regcopy.model.mediatypes import (
    DOCKER_CONFIG,
    DOCKER_LAYER,
    DOCKER_LAYER_GZIP,
    DOCKER_LIST,
    DOCKER_MANIFEST,
    OCI_CONFIG,
    OCI_INDEX,
    OCI_LAYER,
    OCI_LAYER_GZIP,
    OCI_MANIFEST,
    Format,
)
from regcopy.model.platform import Platform

FOUR_PLATFORMS: Final = (
    Platform("linux", "amd64"),
    Platform("linux", "arm64", "v8"),
    Platform("linux", "s390x"),
    Platform("linux", "ppc64le"),
)
_CREATED: Final = "2024-01-02T03:04:05Z"


@dataclass(frozen=True, slots=True)
class _Types:
    manifest: str
    index: str
    config: str
    plain: str
    gzipped: str


_TYPES: Final[Mapping[Format, _Types]] = {
    "oci": _Types(OCI_MANIFEST, OCI_INDEX, OCI_CONFIG, OCI_LAYER, OCI_LAYER_GZIP),
    "v2s2": _Types(DOCKER_MANIFEST, DOCKER_LIST, DOCKER_CONFIG, DOCKER_LAYER, DOCKER_LAYER_GZIP),
}


@dataclass(frozen=True, slots=True)
class SampleImage:
    """An image or an index, with everything that it names.

    Attributes:
        top: the manifest that a tag would name.
        children: manifests of the images of an index, in its order; empty for one image.
        blobs: layers and configs by digest.
    """

    top: RawManifest
    children: tuple[RawManifest, ...] = ()
    blobs: Mapping[Digest, bytes] = field(default_factory=dict, repr=False)

    @property
    def digest(self) -> Digest:
        """Digest of the top manifest."""
        return self.top.digest

    @property
    def manifests(self) -> tuple[RawManifest, ...]:
        """All manifests, children first."""
        return (*self.children, self.top)


def single_image(
    *,
    layers: int = 3,
    layer_bytes: int = 2000,
    platform: Platform = FOUR_PLATFORMS[0],
    family: Format = "oci",
    seed: str = "sample",
    plain: bool = False,
) -> SampleImage:
    """Make one image.

    Args:
        layers: how many layers it has.
        layer_bytes: size of the one file in each layer; its bytes do not compress.
        platform: what its config says.
        family: OCI or Docker schema 2 media types.
        seed: another text gives other layers.
        plain: layers are tar files that are not gzipped.
    """
    tars = [make_layer(f"{seed}-{n}", layer_bytes) for n in range(layers)]
    return image_of_layers(tars, platform=platform, family=family, plain=plain)


def multi_platform_image(
    *,
    platforms: Sequence[Platform] = FOUR_PLATFORMS,
    layers: int = 3,
    layer_bytes: int = 2000,
    family: Format = "oci",
    seed: str = "sample",
    shared_layers: int = 0,
) -> SampleImage:
    """Make an index with one image for each platform.

    Args:
        platforms: in the order of the index.
        layers: layers of each image.
        layer_bytes: size of the one file in each layer.
        family: OCI or Docker schema 2 media types.
        seed: another text gives other layers.
        shared_layers: how many of the layers are the same in all images.
    """
    common = [make_layer(f"{seed}-shared-{n}", layer_bytes) for n in range(shared_layers)]
    images: list[SampleImage] = []
    for platform in platforms:
        own = [
            make_layer(f"{seed}-{platform}-{n}", layer_bytes) for n in range(layers - shared_layers)
        ]
        images.append(image_of_layers([*common, *own], platform=platform, family=family))
    entries = [_entry(i.top, p) for i, p in zip(images, platforms, strict=True)]
    index = {
        "schemaVersion": 2,
        "mediaType": _TYPES[family].index,
        "manifests": entries,
    }
    blobs: dict[Digest, bytes] = {}
    for image in images:
        blobs.update(image.blobs)
    top = RawManifest(_json(index), _TYPES[family].index)
    return SampleImage(top, tuple(image.top for image in images), blobs)


def image_of_layers(
    tars: Sequence[bytes], *, platform: Platform, family: Format = "oci", plain: bool = False
) -> SampleImage:
    """Make an image of the tar files of its layers."""
    types = _TYPES[family]
    stored = [tar if plain else gzip.compress(tar, 6, mtime=0) for tar in tars]
    config = _config(tars, platform)
    layer_type = types.plain if plain else types.gzipped
    manifest = {
        "schemaVersion": 2,
        "mediaType": types.manifest,
        "config": _descriptor(types.config, config),
        "layers": [_descriptor(layer_type, layer) for layer in stored],
    }
    blobs = {Digest.of(blob): blob for blob in (*stored, config)}
    return SampleImage(RawManifest(_json(manifest), types.manifest), (), blobs)


def make_layer(seed: str, size: int) -> bytes:
    """Make a tar file with one file of `size` bytes that do not compress."""
    content = hashlib.shake_128(seed.encode()).digest(size)
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        member = tarfile.TarInfo(f"data/{seed.replace('/', '-')}.bin")
        member.size = size
        member.mtime = 1_704_164_645
        tar.addfile(member, io.BytesIO(content))
    return target.getvalue()


def write_layout(image: SampleImage, folder: Path, name: str = "") -> None:
    """Write an OCI image layout that holds this one image."""
    for content in (*image.blobs.values(), *(m.content for m in image.manifests)):
        digest = Digest.of(content)
        path = folder / "blobs" / digest.algorithm / digest.hex
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    entry = _descriptor(image.top.media_type, image.top.content)
    if name:
        entry["annotations"] = {"org.opencontainers.image.ref.name": name}
    (folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    (folder / "index.json").write_bytes(_json({"schemaVersion": 2, "manifests": [entry]}))


def write_dir(image: SampleImage, folder: Path) -> None:
    """Write the image as the transport `dir` has it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "version").write_text("Directory Transport Version: 1.1\n")
    for digest, content in image.blobs.items():
        (folder / digest.hex).write_bytes(content)
    for manifest in image.children:
        (folder / f"{manifest.digest.hex}.manifest.json").write_bytes(manifest.content)
    (folder / "manifest.json").write_bytes(image.top.content)


def _config(tars: Sequence[bytes], platform: Platform) -> bytes:
    config: dict[str, object] = {
        "created": _CREATED,
        "architecture": platform.architecture,
        "os": platform.os,
        "config": {
            "Env": ["PATH=/usr/bin:/bin", "SAMPLE=yes"],
            "Cmd": ["/bin/true"],
            "Labels": {"org.example.sample": "yes"},
        },
        "rootfs": {"type": "layers", "diff_ids": [str(Digest.of(tar)) for tar in tars]},
        "history": [{"created": _CREATED, "created_by": f"layer {n}"} for n in range(len(tars))],
    }
    if platform.variant:
        config["variant"] = platform.variant
    return _json(config)


def _descriptor(media_type: str, content: bytes) -> dict[str, object]:
    return {"mediaType": media_type, "digest": str(Digest.of(content)), "size": len(content)}


def _entry(manifest: RawManifest, platform: Platform) -> dict[str, object]:
    described: dict[str, str] = {"architecture": platform.architecture, "os": platform.os}
    if platform.variant:
        described["variant"] = platform.variant
    return {**_descriptor(manifest.media_type, manifest.content), "platform": described}


def _json(document: Mapping[str, object]) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()
