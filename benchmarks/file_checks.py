"""Whether a copy of the compressible image is right, wherever it is, and how large it is.

Each check gives the bytes that the copy takes, and raises `RunFailed` where it is not right.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import urlsplit

from benchmarks.archived_image import ArchivedImage
from benchmarks.images import Pushed
from benchmarks.processes import RunFailed
from regcopy.model.digest import Digest, new_hasher
from regcopy.model.manifest import ImageManifest, parse_manifest
from tests.registry_tools import RegistryTools

_BLOCK_BYTES: Final = 1024 * 1024


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


def check_docker_archive(path: Path, image: ArchivedImage) -> int:
    """Compare config and layers of an archive, byte for byte by their digests."""
    with tarfile.open(path, "r:") as tar:
        (contents,) = json.loads(b"".join(_member(tar, "manifest.json")))
        config = _digest(_member(tar, contents["Config"]))
        layers = tuple(_digest(_member(tar, name)) for name in contents["Layers"])
    _compare("config", config, image.config)
    _compare("layers", layers, image.diff_ids)
    return path.stat().st_size


def check_layout(folder: Path, pushed: Pushed) -> int:
    """Check that a layout names the manifest that was pushed, and has all of it."""
    (entry,) = json.loads((folder / "index.json").read_bytes())["manifests"]
    _compare("manifest", entry["digest"], str(pushed.digest))
    blobs = {digest: folder / "blobs" / digest.algorithm / digest.hex for digest in _all(pushed)}
    return _check_files(blobs)


def check_dir(folder: Path, pushed: Pushed) -> int:
    """Check that a folder of the transport `dir` has the manifest and all blobs."""
    blobs = {blob: folder / blob.hex for blob in pushed.blobs}
    return _check_files({pushed.digest: folder / "manifest.json", **blobs})


@dataclass(frozen=True, slots=True)
class RegistryCheck:
    """Compares config and layers in a registry, which may be gzipped in any way.

    Attributes:
        known: diff ID of each layer that was unpacked before; most programs write the same
            bytes each time, and to unpack them takes seconds.
    """

    known: dict[Digest, Digest] = field(default_factory=dict)

    def check(self, tools: RegistryTools, repository: str, tag: str, image: ArchivedImage) -> int:
        """Give the bytes of all layers, as they are stored."""
        raw = tools.get_manifest(repository, tag)
        manifest = parse_manifest(raw) if raw is not None else None
        if not isinstance(manifest, ImageManifest) or manifest.config is None:
            raise RunFailed("it said that it copied, and the image is not there")
        _compare("config", manifest.config.digest, image.config)
        found = tuple(
            self._diff_id(f"{tools.url}/v2/{repository}/blobs/{layer.digest}", layer.digest)
            for layer in manifest.layers
        )
        _compare("layers", found, image.diff_ids)
        return sum(layer.size for layer in manifest.layers)

    def _diff_id(self, url: str, digest: Digest) -> Digest:
        if digest not in self.known:
            with _get(url) as layer:
                self.known[digest] = _digest(_gunzipped(layer))
        return self.known[digest]


def _all(pushed: Pushed) -> tuple[Digest, ...]:
    return (pushed.digest, *pushed.blobs)


def _check_files(blobs: dict[Digest, Path]) -> int:
    for digest, path in blobs.items():
        with path.open("rb") as file:
            _compare(path.name, _digest(_blocks(file)), digest)
    return sum(path.stat().st_size for path in blobs.values())


def _compare(what: str, found: object, wanted: object) -> None:
    if found != wanted:
        raise RunFailed(f"it said that it copied, and the {what} came out differently")


def _digest(blocks: Iterator[bytes]) -> Digest:
    hasher = new_hasher()
    for block in blocks:
        hasher.update(block)
    return Digest("sha256", hasher.hexdigest())


def _member(tar: tarfile.TarFile, name: str) -> Iterator[bytes]:
    content = tar.extractfile(name)
    if content is None:
        raise RunFailed(f"{name} in the archive is no file")
    return _blocks(content)


def _blocks(file: _Readable) -> Iterator[bytes]:
    while block := file.read(_BLOCK_BYTES):
        yield block


@contextlib.contextmanager
def _get(url: str) -> Iterator[http.client.HTTPResponse]:
    parts = urlsplit(url)
    with contextlib.closing(http.client.HTTPConnection(parts.netloc, timeout=60)) as connection:
        connection.request("GET", parts.path)
        answer = connection.getresponse()
        if answer.status != 200:
            raise RunFailed("it said that it copied, and a layer is not there")
        yield answer


def _gunzipped(file: _Readable) -> Iterator[bytes]:
    """Unpack gzip members one after the other (RFC 1952, section 2.2)."""
    decoder = zlib.decompressobj(wbits=31)
    for block in _blocks(file):
        rest = block
        while rest:
            if decoder.eof:
                decoder = zlib.decompressobj(wbits=31)
            yield decoder.decompress(rest)
            rest = decoder.unused_data
    if not decoder.eof:
        raise RunFailed("it said that it copied, and a layer is cut off")
