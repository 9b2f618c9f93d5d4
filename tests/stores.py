"""Stores of containers/storage for tests, written by hand: no engine is needed to read one."""

from __future__ import annotations

import base64
import gzip
import io
import json
import tarfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from regcopy.model.digest import Digest
from regcopy.model.manifest import ImageManifest, RawManifest, parse_manifest
from regcopy.testing.samples import SampleImage

_POLYNOMIAL: Final = 0xD8 << 56
_MASK: Final = 2**64 - 1


def notes_of(tar: bytes) -> list[dict[str, object]]:
    """Take the notes that tar-split takes while a tar file is unpacked."""
    notes: list[dict[str, object]] = []

    def piece(content: bytes) -> None:
        payload = base64.b64encode(content).decode()
        notes.append({"type": 2, "payload": payload, "position": len(notes)})

    at = 0
    for member in _files(tar):
        piece(tar[at : member.offset_data])
        at = member.offset_data + member.size
        notes.append(
            {
                "type": 1,
                "name": member.name,
                "size": member.size,
                "payload": _checksum(tar[member.offset_data : at]),
                "position": len(notes),
            }
        )
    piece(tar[at:])
    return notes


def _checksum(content: bytes) -> str:
    """CRC-64 of a file (ISO 3309), which other tools compare."""
    crc = _MASK
    for byte in content:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (_POLYNOMIAL if crc & 1 else 0)
    return base64.b64encode((crc ^ _MASK).to_bytes(8)).decode()


def lines_of(notes: Iterable[dict[str, object]]) -> bytes:
    """Write notes as they are stored, before they are packed."""
    return "".join(json.dumps(note) + "\n" for note in notes).encode()


def _files(tar: bytes) -> Iterator[tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(tar)) as opened:
        yield from (member for member in opened if member.isfile() and member.size)


def unpack(tar: bytes, folder: Path) -> None:
    """Unpack the files of a layer."""
    folder.mkdir(parents=True)
    with tarfile.open(fileobj=io.BytesIO(tar)) as opened:
        opened.extractall(folder, filter="fully_trusted")


@dataclass
class HandStore:
    """A store in a folder.

    Attributes:
        unpack: writes the files of a layer into a new folder.
    """

    root: Path
    driver: str = "vfs"
    unpack: Callable[[bytes, Path], None] = unpack
    images: list[dict[str, object]] = field(default_factory=list)
    layers: list[dict[str, object]] = field(default_factory=list)

    @property
    def spec(self) -> str:
        """The store as `containers-storage:` names it."""
        return f"[{self.driver}@{self.root}]"

    def files_of(self, layer: str) -> Path:
        """Folder with the files of a layer."""
        if self.driver == "vfs":
            return self.root / "vfs" / "dir" / layer
        return self.root / self.driver / layer / "diff"

    def notes_path(self, layer: str) -> Path:
        """File with the notes on a layer."""
        return self.root / f"{self.driver}-layers" / f"{layer}.tar-split.gz"

    def add(self, image: SampleImage, *names: str, index: RawManifest | None = None) -> str:
        """Store an image, beside it the index that it came from, and give its ID."""
        manifest = parse_manifest(image.top)
        assert isinstance(manifest, ImageManifest)
        assert manifest.config is not None
        top = ""
        for layer in manifest.layers:
            top = self._add_layer(image.blobs[layer.digest], top)
        config = manifest.config.digest
        manifests = (image.top, *([index] if index else ()))
        digests = {
            "manifest": image.digest,
            **{f"manifest-{raw.digest}": raw.digest for raw in manifests},
            str(config): config,
        }
        self.images.append(
            {
                "id": config.hex,
                "digest": str(image.digest),
                "names": list(names),
                "layer": top,
                "big-data-digests": {key: str(digest) for key, digest in digests.items()},
            }
        )
        folder = self.root / f"{self.driver}-images" / config.hex
        folder.mkdir(parents=True)
        (folder / "manifest").write_bytes(image.top.content)
        for key, content in (
            *((f"manifest-{raw.digest}", raw.content) for raw in manifests),
            (str(config), image.blobs[config]),
        ):
            (folder / f"={base64.b64encode(key.encode()).decode()}").write_bytes(content)
        self.save()
        return config.hex

    def _add_layer(self, blob: bytes, parent: str) -> str:
        tar = gzip.decompress(blob) if blob[:2] == b"\x1f\x8b" else blob
        layer = Digest.of(f"{parent} {Digest.of(tar)}".encode()).hex
        if any(known["id"] == layer for known in self.layers):
            return layer
        self.unpack(tar, self.files_of(layer))
        path = self.notes_path(layer)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(gzip.compress(lines_of(notes_of(tar))))
        entry: dict[str, object] = {
            "id": layer,
            "diff-digest": str(Digest.of(tar)),
            "diff-size": len(tar),
            "compressed-diff-digest": str(Digest.of(blob)),
            "compressed-size": len(blob),
        }
        self.layers.append({**entry, "parent": parent} if parent else entry)
        return layer

    def save(self) -> None:
        """Write the lists of images and layers."""
        for kind, entries in (("images", self.images), ("layers", self.layers)):
            folder = self.root / f"{self.driver}-{kind}"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{kind}.json").write_text(json.dumps(entries))
