"""The files of an image in a folder: their names, and reading them."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from typing import Final

from regcopy.errors import ContentError, NotFound, StorageFailed
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.manifest import (
    MAX_MANIFEST_BYTES,
    ImageManifest,
    RawManifest,
    check_size,
    media_type_of,
)
from regcopy.model.mediatypes import compression_of
from regcopy.streams.blob import BlobStream
from regcopy.streams.files import Folder, RegularFile, open_regular, read_file

VERSION_FILE: Final = "version"
VERSION_CONTENT: Final = b"Directory Transport Version: 1.1\n"
MANIFEST_FILE: Final = "manifest.json"
MAX_SIGNATURE_BYTES: Final = 4 * 1024 * 1024
_TAR_HEADER_BYTES: Final = 512
_HEX: Final = r"(?:[0-9a-f]{64}|[0-9a-f]{128})"
_PART_OF_IMAGE: Final = re.compile(
    rf"{_HEX}(?:\.manifest\.json|\.signature-[0-9]+)?|signature-[0-9]+"
)


def is_part_of_image(name: str) -> bool:
    """Tell whether a file of this name belongs to one image: not `version`, nor a stranger's."""
    return _PART_OF_IMAGE.fullmatch(name) is not None


def manifest_name(digest: Digest) -> str:
    """Name of the file of a manifest that an index names."""
    return f"{digest.hex}.{MANIFEST_FILE}"


def signature_name(number: int, instance: Digest | None) -> str:
    """Name of the file of a signature, counted from 1: of the top manifest, or of another."""
    return f"{instance.hex}.signature-{number}" if instance else f"signature-{number}"


class ImageFolder:
    """Manifests and blobs of an open folder; closing the folder is up to its owner."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    def top(self) -> RawManifest:
        """Read the manifest that makes the folder an image; its type is what it says itself.

        Raises:
            NotFound: there is none.
            ManifestInvalid, LimitExceeded: this is no manifest.
            StorageFailed: it is no regular file, or cannot be read.
        """
        content = read_file(self._folder, MANIFEST_FILE, limit=MAX_MANIFEST_BYTES)
        return RawManifest(content, media_type_of(content))

    def manifest(self, descriptor: Descriptor) -> RawManifest:
        """Read a manifest that an index names, and check digest and size.

        Raises:
            NotFound: it is not there.
            DigestMismatch, SizeMismatch, LimitExceeded: it is not what the descriptor says.
        """
        name = manifest_name(descriptor.digest)
        check_size(descriptor.size)
        content = read_file(self._folder, name, limit=MAX_MANIFEST_BYTES)
        return RawManifest.described(content, descriptor)

    def signatures(self, instance: Digest | None) -> Iterator[bytes]:
        """Read the signatures of the top manifest, or of another, up to the first gap.

        Raises:
            LimitExceeded: one is over 4 MiB.
            StorageFailed: one is no regular file, or cannot be read.
        """
        for number in itertools.count(1):
            name = signature_name(number, instance)
            try:
                content = read_file(self._folder, name, limit=MAX_SIGNATURE_BYTES)
            except NotFound:
                return
            yield content

    def open_blob(self, blob: Descriptor, offset: int = 0) -> RegularFile:
        """Open a blob from `offset` bytes on.

        Raises:
            NotFound: it is not there.
            StorageFailed: it is no regular file, or cannot be read.
        """
        return open_regular(self._folder, blob.digest.hex, offset=offset)

    def layers_are_plain(self, image: ImageManifest) -> bool:
        """Tell whether all layers are plain tar files, whatever their media types say.

        Podman has no other ones, and saves them (as docker-dir) under types that say gzip.
        """
        layers = [layer for layer in image.layers if compression_of(layer.media_type)]
        return bool(layers) and all(self._is_plain(layer) for layer in layers)

    def _is_plain(self, layer: Descriptor) -> bool:
        # Few images come from a folder, and fewer of them without signs of a compression.
        from regcopy.streams.tar_reading import is_header

        try:
            with self.open_blob(layer) as file:
                head = file.read(_TAR_HEADER_BYTES)
        except (NotFound, StorageFailed):
            return False  # whoever copies it will tell
        return len(head) == _TAR_HEADER_BYTES and is_header(head)

    def has_blob(self, blob: Descriptor, check_cancelled: Callable[[], None]) -> bool:
        """Tell whether a blob is there, by reading it.

        Its size alone is not trusted: people edit such folders by hand. Reading it costs
        less than getting it once more.
        """
        if self._folder.size_of(blob.digest.hex) != blob.size:
            return False
        with BlobStream(lambda offset: self.open_blob(blob, offset), blob) as stream:
            try:
                while stream.read():
                    check_cancelled()
            except (ContentError, NotFound):
                return False
        return True
