"""Tar files of root file systems as the source of an image that is made up around them.

Digest and diff ID stand in the manifest, which is asked for first: so each file is read once
when it is opened, and once more when it is copied. Both times every byte is hashed, so a file
that is changed in between is noticed.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from regcopy.errors import ContentError, ManifestUnsupported, NotFound
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest, new_hasher
from regcopy.model.manifest import RawManifest
from regcopy.model.mediatypes import OCI_LAYER, OCI_LAYER_GZIP, OCI_LAYER_ZSTD
from regcopy.model.platform import Platform
from regcopy.model.rootfs import RootfsImage, RootfsLayer
from regcopy.streams.blob import BLOCK_BYTES, Readable
from regcopy.streams.decompress import Packing, Peeked, Unpacked, packing_of
from regcopy.streams.tar_reading import TAR_BLOCK, is_header
from regcopy.streams.tar_storage import FileStorage, TarStorage, copy_into, new_temporary_file
from regcopy.text import printable

# image-spec layer.md knows these compressions and no others.
_LAYER_TYPES: Final[dict[Packing | None, str]] = {
    None: OCI_LAYER,
    "gzip": OCI_LAYER_GZIP,
    "zstd": OCI_LAYER_ZSTD,
}


@dataclass(frozen=True, slots=True)
class RootfsTar:
    """An open tar file.

    Attributes:
        storage: where its bytes are; closed by `RootfsSource`.
        name: what messages call it.
        time_ns: when it was changed, in nanoseconds since 1970.
    """

    storage: TarStorage
    name: str
    time_ns: int


def spool(raw: Readable, folder: str, path: str) -> FileStorage:
    """Copy what can be read only once into a temporary file without a name.

    Args:
        raw: read to its end, and left open.
        folder: for the file.
        path: what messages call it.

    Raises:
        StorageFailed: it cannot be read, or there is no space for it.
    """
    with new_temporary_file(folder) as file:
        copy_into(file, raw, folder)
        return FileStorage(os.dup(file.fileno()), path)


class RootfsSource:
    """An image whose layers are tar files, the first one lowest."""

    def __init__(
        self,
        tars: Sequence[RootfsTar],
        platform: Platform,
        *,
        comment: str,
        check_cancelled: Callable[[], None],
    ) -> None:
        """Read all files, and describe an image of them; on failure they are left open.

        Args:
            tars: at least one.
            platform: what the image will say that it runs on.
            comment: where the files come from, for the history of the image.
            check_cancelled: called for each block; raises to stop.

        Raises:
            ContentError: one of them is no tar file, or is broken.
            ManifestUnsupported: it is compressed in a way that layers cannot have.
            StorageFailed: it cannot be read.
        """
        self._tars = tars
        layers = [_measure(tar, check_cancelled) for tar in tars]
        image = RootfsImage.of(layers, platform, comment=comment)
        self._top = image.manifest
        self._config = image.config
        self._config_digest = Digest.of(image.config)
        self._blobs = {layer.blob.digest: tar for layer, tar in zip(layers, tars, strict=True)}

    @property
    def max_parallel(self) -> int:
        """Threads that may call it at once."""
        return 8

    def get_manifest(self, instance: Descriptor | None = None, /) -> RawManifest:
        """Give the one manifest there is. Raises NotFound where another is asked for."""
        if instance is not None and instance.digest != self._top.digest:
            raise NotFound(f"there is no manifest {instance.digest}")
        return self._top

    def open_blob(self, blob: Descriptor, /, *, offset: int = 0) -> Readable:
        """Open a layer or the config from `offset` bytes on. Raises NotFound for others."""
        if blob.digest == self._config_digest:
            return io.BytesIO(self._config[offset:])
        tar = self._blobs.get(blob.digest)
        if tar is None:
            raise NotFound(f"there is no blob {blob.digest}")
        return _StorageReader(tar.storage, offset)

    def close(self) -> None:
        """Close all files; may be called twice."""
        for tar in self._tars:
            tar.storage.close()

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


class _StorageReader:
    """Bytes from an offset to the end; keeps nothing open."""

    def __init__(self, storage: TarStorage, offset: int = 0) -> None:
        self._storage = storage
        self._position = offset

    def read(self, size: int = -1, /) -> bytes:
        block = self._storage.read_at(self._position, BLOCK_BYTES if size < 0 else size)
        self._position += len(block)
        return block

    def close(self) -> None:
        """Nothing to give back."""


class _Measured:
    """Bytes that are hashed and counted while they pass."""

    def __init__(self, raw: Readable, check_cancelled: Callable[[], None]) -> None:
        self._raw = raw
        self._check_cancelled = check_cancelled
        self._hasher = new_hasher("sha256")
        self.size = 0

    @property
    def digest(self) -> Digest:
        return Digest("sha256", self._hasher.hexdigest())

    def read(self, size: int = -1, /) -> bytes:
        self._check_cancelled()
        block = self._raw.read(size)
        self._hasher.update(block)
        self.size += len(block)
        return block

    def close(self) -> None:
        self._raw.close()


def _measure(tar: RootfsTar, check_cancelled: Callable[[], None]) -> RootfsLayer:
    shown = printable(tar.name, limit=200)
    whole = _Measured(_StorageReader(tar.storage), check_cancelled)
    peeked = Peeked(whole)
    packing = packing_of(peeked.head)
    media_type = _LAYER_TYPES.get(packing)
    if media_type is None:
        raise ManifestUnsupported(
            f"{shown} is compressed with {packing}, which layers cannot be",
            hint="unpack it first, or compress it with gzip",
        )
    if packing is None:
        _read_tar(peeked, shown)
        plain = whole
    else:
        plain = _Measured(Unpacked(peeked, packing, what=shown), check_cancelled)
        _read_tar(plain, shown)
    blob = Descriptor(media_type, whole.digest, whole.size)
    return RootfsLayer(blob, plain.digest, tar.time_ns)


def _read_tar(raw: Readable, shown: str) -> None:
    """Read to the end, and look at the beginning."""
    first = b""
    while block := raw.read(BLOCK_BYTES):
        if len(first) < TAR_BLOCK:
            first += block[: TAR_BLOCK - len(first)]
            if len(first) == TAR_BLOCK and any(first) and not is_header(first):
                break
    if len(first) < TAR_BLOCK or block:
        raise ContentError(f"{shown} is no tar file", hint="name a tar file, gzipped or not")
