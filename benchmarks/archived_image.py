"""The image of the file cases: an archive as `docker save` writes it, and the same in a registry.

The archive is made first, so that its layers are read from one file on disk afterwards, and
are the same in both places.
"""

from __future__ import annotations

import json
import os
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from benchmarks.images import Layer, Pushed, config_of, push_image, push_layer
from regcopy.model.digest import Digest, new_hasher
from tests.registry_tools import RegistryTools

_BLOCK_BYTES: Final = 1024 * 1024
# As most builders compress.
_GZIP_LEVEL: Final = 6
_LAYER: Final = "/layer.tar"


class SizedLayer(Protocol):
    """Blocks of a tar file, and how many bytes they have together."""

    @property
    def size(self) -> int:
        """Bytes of the tar file."""
        ...

    def __iter__(self) -> Iterator[bytes]:
        """Give it block by block, the same each time."""
        ...


@dataclass(frozen=True, slots=True)
class ArchivedImage:
    """An image in an archive.

    Attributes:
        path: of the archive.
        name: of the image in it, with a tag.
        config: digest of its config.
        diff_ids: digests of its layers, which are plain tar files.
    """

    path: Path
    name: str
    config: Digest
    diff_ids: tuple[Digest, ...]


def write_archive(path: Path, name: str, layers: Iterable[SizedLayer]) -> ArchivedImage:
    """Write an archive with one image; a block of it is held at a time."""
    with path.open("wb") as archive:
        diff_ids = [_add_layer(archive, _layer_name(n), layer) for n, layer in enumerate(layers)]
        config = config_of(diff_ids)
        _add(archive, "config.json", len(config), [config])
        contents = {
            "Config": "config.json",
            "RepoTags": [name],
            "Layers": [_layer_name(n) for n in range(len(diff_ids))],
        }
        listed = json.dumps([contents]).encode()
        _add(archive, "manifest.json", len(listed), [listed])
        archive.write(bytes(2 * tarfile.BLOCKSIZE))
    return ArchivedImage(path, name, Digest.of(config), tuple(diff_ids))


def _layer_name(number: int) -> str:
    return f"{number}{_LAYER}"


def _add_layer(archive: BinaryIO, name: str, layer: SizedLayer) -> Digest:
    hasher = new_hasher()

    def hashed() -> Iterator[bytes]:
        for block in layer:
            hasher.update(block)
            yield block

    _add(archive, name, layer.size, hashed())
    return Digest("sha256", hasher.hexdigest())


def _add(archive: BinaryIO, name: str, size: int, blocks: Iterable[bytes]) -> None:
    member = tarfile.TarInfo(name)
    member.size = size
    archive.write(member.tobuf(tarfile.USTAR_FORMAT))
    archive.writelines(blocks)
    archive.write(bytes(-size % tarfile.BLOCKSIZE))


def push_archived(image: ArchivedImage, tools: RegistryTools, repository: str, tag: str) -> Pushed:
    """Push the image of an archive, its layers gzipped as many at once as there are cores."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        sent = list(pool.map(lambda at: _push(image, at, tools, repository), _places(image.path)))
    if tuple(layer.diff_id for layer in sent) != image.diff_ids:
        raise RuntimeError("the archive has changed while it was pushed")
    return push_image(tools, repository, tag, sent)


@dataclass(frozen=True, slots=True)
class _Place:
    offset: int
    size: int


def _places(path: Path) -> Sequence[_Place]:
    with tarfile.open(path, "r:") as tar:
        members = [member for member in tar if member.name.endswith(_LAYER)]
    return [_Place(member.offset_data, member.size) for member in members]


def _push(image: ArchivedImage, at: _Place, tools: RegistryTools, repository: str) -> Layer:
    return push_layer(tools, repository, _blocks(image.path, at), level=_GZIP_LEVEL)


def _blocks(path: Path, at: _Place) -> Iterator[bytes]:
    with path.open("rb") as archive:
        archive.seek(at.offset)
        left = at.size
        while left > 0 and (block := archive.read(min(left, _BLOCK_BYTES))):
            left -= len(block)
            yield block
