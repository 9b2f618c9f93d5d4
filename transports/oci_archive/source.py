"""Reading one image of an archive, where it lies: nothing is unpacked."""

from __future__ import annotations

import os
from types import TracebackType
from typing import TYPE_CHECKING, Self

from regcopy.errors import ContentError, LimitExceeded, NotFound, StorageFailed
from regcopy.model.descriptor import Descriptor
from regcopy.model.layout import BLOBS_FOLDER, INDEX_FILE, MAX_INDEX_BYTES, LayoutIndex
from regcopy.model.manifest import MAX_MANIFEST_BYTES, RawManifest, media_type_of
from regcopy.streams.blob import Readable
from regcopy.streams.tar_index import TarIndex
from regcopy.streams.tar_storage import TarStorage, open_storage, temporary_folder

if TYPE_CHECKING:
    from regcopy.transports.base import Context
    from regcopy.transports.oci_archive import OciArchiveReference


class OciArchiveSource:
    """One image of an archive; which one is settled when it is opened."""

    def __init__(self, reference: OciArchiveReference, context: Context) -> None:
        """Open the archive and read the top manifest. Errors as `open_source`."""
        self._path = reference.path
        self._storage = _open(reference, context)
        try:
            self._tar = TarIndex.read(
                self._storage.read_at,
                what=reference.path,
                check_cancelled=context.check_cancelled,
            )
            self._storage.finish()
            index = self._read_index()
            position = index.find(reference.name, reference.position)
            self._top = self._manifest(index.descriptor(position))
        except BaseException:
            self.close()
            raise

    def _read_index(self) -> LayoutIndex:
        if INDEX_FILE not in self._tar:
            is_docker = "manifest.json" in self._tar
            raise ContentError(
                f"{self._path} holds no image layout: it has no {INDEX_FILE}",
                hint=f"it looks like docker-archive:{self._path}" if is_docker else "",
            )
        # Of two with one name, programs that unpack take the last, and others the first.
        return LayoutIndex.parse(self._tar.content(INDEX_FILE, limit=MAX_INDEX_BYTES))

    @property
    def max_parallel(self) -> int:
        """Threads that may call it at once."""
        return 8

    def get_manifest(self, instance: Descriptor | None = None, /) -> RawManifest:
        """Give the top manifest, or one that it names.

        Raises:
            NotFound: it is not in the archive.
            DigestMismatch, SizeMismatch, LimitExceeded: the bytes are not what they should be.
        """
        return self._top if instance is None else self._manifest(instance)

    def _manifest(self, descriptor: Descriptor) -> RawManifest:
        if descriptor.size > MAX_MANIFEST_BYTES:
            raise LimitExceeded(
                f"manifest of {descriptor.size} bytes is over the limit of {MAX_MANIFEST_BYTES}"
            )
        name = _name_of(descriptor)
        if name not in self._tar:
            raise NotFound(f"manifest {descriptor.digest} is not in {self._path}")
        content = self._tar.content(name, limit=MAX_MANIFEST_BYTES, unique=False)
        RawManifest(content, "").check(descriptor.digest, descriptor.size)
        return RawManifest(content, descriptor.media_type or media_type_of(content))

    def open_blob(self, blob: Descriptor, /, *, offset: int = 0) -> Readable:
        """Open a blob from `offset` bytes on.

        Raises:
            NotFound: it is not in the archive.
            ContentError: there is something else under its name.
        """
        name = _name_of(blob)
        if name not in self._tar:
            raise NotFound(f"{blob.digest} is not in {self._path}")
        return self._tar.open(self._tar.find(name), offset=offset)

    def close(self) -> None:
        """Close the archive; may be called twice."""
        self._storage.close()

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


def _name_of(blob: Descriptor) -> str:
    return f"{BLOBS_FOLDER}/{blob.digest.algorithm}/{blob.digest.hex}"


def _open(reference: OciArchiveReference, context: Context) -> TarStorage:
    try:
        return open_storage(
            reference.path,
            folder=temporary_folder(context.environment.get("TMPDIR")),
            check_cancelled=context.check_cancelled,
        )
    except StorageFailed as error:
        if os.path.isdir(reference.path):
            error.hint = f"a layout in a folder is named oci:{reference.path}"
        raise
