"""The images that are copied, and how they get into a registry first."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import tarfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from regcopy.model.digest import Digest, new_hasher
from regcopy.model.manifest import RawManifest
from regcopy.model.mediatypes import OCI_CONFIG, OCI_LAYER_GZIP, OCI_MANIFEST
from regcopy.testing.samples import SampleImage, multi_platform_image, single_image
from tests.registry_tools import RegistryTools, ask

MIB: Final = 1024 * 1024
_TAR_BLOCK: Final = 512


@dataclass(frozen=True, slots=True)
class Pushed:
    """An image in a registry.

    Attributes:
        digest: of the manifest that the tag names.
        blobs: layers and configs.
        platforms: it is an index.
    """

    digest: Digest
    blobs: tuple[Digest, ...]
    platforms: bool = False


@dataclass(frozen=True, slots=True)
class Layer:
    """A gzipped layer in a registry."""

    digest: Digest
    diff_id: Digest
    size: int


# Puts an image into a repository under a tag.
Push = Callable[[RegistryTools, str, str], Pushed]


def small(tools: RegistryTools, repository: str, tag: str) -> Pushed:
    """Push one image of four layers of 1 MiB."""
    return _push_sample(single_image(layers=4, layer_bytes=MIB), tools, repository, tag)


def three_layers(tools: RegistryTools, repository: str, tag: str) -> Pushed:
    """Push one image of three layers of 1 MiB."""
    return _push_sample(single_image(layers=3, layer_bytes=MIB), tools, repository, tag)


def four_platforms(tools: RegistryTools, repository: str, tag: str) -> Pushed:
    """Push an index of four images with three layers of 1 MiB each, none of them shared."""
    image = multi_platform_image(layers=3, layer_bytes=MIB)
    return _push_sample(image, tools, repository, tag)


def big(tools: RegistryTools, repository: str, tag: str) -> Pushed:
    """Push one image of six layers of 128 MiB, made while they are sent."""
    return push_streamed(tools, repository, tag, layers=6, layer_bytes=128 * MIB)


def push_streamed(
    tools: RegistryTools, repository: str, tag: str, *, layers: int, layer_bytes: int
) -> Pushed:
    """Push an image whose layers are never held whole: each is one file of random bytes."""
    # Stored, not deflated: random bytes do not get smaller, and this takes no time. It has to
    # be gzip, since peers compress on their way what they find plain.
    sent = [
        push_layer(tools, repository, _tar_of_random_bytes(layer_bytes), level=0)
        for _ in range(layers)
    ]
    return push_image(tools, repository, tag, sent)


def push_layer(
    tools: RegistryTools, repository: str, plain: Iterable[bytes], *, level: int
) -> Layer:
    """Push the blocks of a tar file as one layer, gzipped at this level on the way."""
    started = ask("POST", f"{tools.url}/v2/{repository}/blobs/uploads/", body=b"")
    stream = _Gzipped(plain, level)
    parts = urlsplit(started.headers["location"])
    connection = http.client.HTTPConnection(parts.netloc, timeout=60)
    with contextlib.closing(connection):
        connection.request(
            "PATCH",
            f"{parts.path}?{parts.query}",
            body=iter(stream),
            headers={"Content-Type": "application/octet-stream", "Transfer-Encoding": "chunked"},
            encode_chunked=True,
        )
        location = connection.getresponse().headers["Location"]
    layer = stream.layer()
    done = ask("PUT", f"{location}&digest={layer.digest}", body=b"")
    if done.status != 201:
        raise RuntimeError(f"the registry did not take a layer: {done.body[:300]!r}")
    return layer


def push_image(tools: RegistryTools, repository: str, tag: str, layers: Sequence[Layer]) -> Pushed:
    """Push config and manifest of an image whose layers are there already."""
    config = config_of([layer.diff_id for layer in layers])
    digest = tools.push_blob(config, repository)
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": _descriptor(OCI_CONFIG, digest, len(config)),
            "layers": [_descriptor(OCI_LAYER_GZIP, part.digest, part.size) for part in layers],
        }
    )
    tools.push_manifest(RawManifest(manifest, OCI_MANIFEST), repository, tag)
    return Pushed(Digest.of(manifest), (*(layer.digest for layer in layers), digest))


def config_of(diff_ids: Sequence[Digest]) -> bytes:
    """Make the config of an image with these layers."""
    return _json(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {},
            "rootfs": {"type": "layers", "diff_ids": [str(diff_id) for diff_id in diff_ids]},
        }
    )


def arrived(pushed: Pushed, tools: RegistryTools, repository: str, tag: str) -> bool:
    """Tell whether a copy has the same manifest and all blobs."""
    manifest = tools.get_manifest(repository, tag)
    if manifest is None or manifest.digest != pushed.digest:
        return False
    paths = [f"{tools.url}/v2/{repository}/blobs/{blob}" for blob in pushed.blobs]
    return all(ask("HEAD", path).status == 200 for path in paths)


def _push_sample(image: SampleImage, tools: RegistryTools, repository: str, tag: str) -> Pushed:
    tools.push(image, repository, tag)
    return Pushed(image.digest, tuple(image.blobs), bool(image.children))


class _Gzipped:
    """A layer that is compressed piece by piece, with its digests."""

    def __init__(self, plain: Iterable[bytes], level: int) -> None:
        self._blocks = plain
        self._packer = zlib.compressobj(level, wbits=31)
        self._plain = new_hasher()
        self._gzipped = new_hasher()
        self._size = 0

    def __iter__(self) -> Iterator[bytes]:
        for block in self._blocks:
            self._plain.update(block)
            yield from self._counted(self._packer.compress(block))
        yield from self._counted(self._packer.flush())

    def layer(self) -> Layer:
        """Say what was made, once all of it was."""
        digest = Digest("sha256", self._gzipped.hexdigest())
        return Layer(digest, Digest("sha256", self._plain.hexdigest()), self._size)

    def _counted(self, block: bytes) -> Iterator[bytes]:
        if block:
            self._gzipped.update(block)
            self._size += len(block)
            yield block


def _tar_of_random_bytes(size: int) -> Iterator[bytes]:
    member = tarfile.TarInfo("data/random.bin")
    member.size = size
    yield member.tobuf(tarfile.USTAR_FORMAT)
    for start in range(0, size, MIB):
        yield os.urandom(min(MIB, size - start))
    yield bytes(-size % _TAR_BLOCK + 2 * _TAR_BLOCK)


def _descriptor(media_type: str, digest: Digest, size: int) -> dict[str, object]:
    return {"mediaType": media_type, "digest": str(digest), "size": size}


def _json(document: dict[str, object]) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()
