"""Reading the image in a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Self

from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.manifest import ImageManifest, RawManifest, parse_manifest
from regcopy.streams.blob import Readable
from regcopy.streams.files import Folder
from regcopy.transports.dir.folder import ImageFolder

if TYPE_CHECKING:
    from regcopy.transports.dir import DirReference


class DirSource:
    """The image that is in the folder when it is opened."""

    def __init__(self, reference: DirReference) -> None:
        """Open the folder and read the top manifest. Errors as `DirReference.open_source`."""
        self._folder = Folder.open(os.path.abspath(reference.path))
        self._image = ImageFolder(self._folder)
        try:
            self._top = self._image.top()
        except BaseException:
            self.close()
            raise

    @property
    def max_parallel(self) -> int:
        """Threads that may call it at once."""
        return 8

    @property
    def layers_are_plain(self) -> bool:
        """Whether the image's layers are, whatever the manifest calls them."""
        image = parse_manifest(self._top)
        return isinstance(image, ImageManifest) and self._image.layers_are_plain(image)

    def get_manifest(self, instance: Descriptor | None = None, /) -> RawManifest:
        """Give the top manifest, or one that it names.

        Raises:
            NotFound: it is not in the folder.
            DigestMismatch, SizeMismatch, LimitExceeded: the file is not what it should be.
        """
        return self._top if instance is None else self._image.manifest(instance)

    def open_blob(self, blob: Descriptor, /, *, offset: int = 0) -> Readable:
        """Open a blob from `offset` bytes on.

        Raises:
            NotFound: it is not in the folder.
            StorageFailed: it is no regular file, or cannot be read.
        """
        return self._image.open_blob(blob, offset)

    def blob_size(self, blob: Descriptor, /) -> int | None:
        """Size of the file of a blob; None where there is none."""
        return self._folder.size_of(blob.digest.hex)

    def get_signatures(self, instance: Digest | None = None, /) -> Iterator[bytes]:
        """Give the signatures of the top manifest, or of one that it names.

        Raises:
            LimitExceeded: one is over 4 MiB.
            StorageFailed: one is no regular file, or cannot be read.
        """
        return self._image.signatures(instance)

    def close(self) -> None:
        """Close the folder; may be called twice."""
        self._folder.close()

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
