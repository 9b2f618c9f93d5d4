"""Reading one image of an archive, where it lies: nothing is unpacked."""

from __future__ import annotations

import os
from types import TracebackType
from typing import TYPE_CHECKING, Self

from regcopy.errors import StorageFailed
from regcopy.model.descriptor import Descriptor
from regcopy.model.layout import LayoutIndex
from regcopy.model.manifest import RawManifest
from regcopy.streams.blob import Readable
from regcopy.streams.open_archives import OpenArchives, OpenedArchive
from regcopy.streams.tar_storage import temporary_folder
from regcopy.transports.oci_archive.contents import Contents, read_layout_index

if TYPE_CHECKING:
    from regcopy.transports.base import Context
    from regcopy.transports.oci_archive import OciArchiveReference


class OciArchiveSource:
    """One image of an archive; which one is settled when it is opened."""

    def __init__(self, reference: OciArchiveReference, context: Context) -> None:
        """Open the archive and read the top manifest. Errors as `open_source`."""
        self._archive = _open(reference, context)
        try:
            index = self._archive.table(
                LayoutIndex, lambda tar: read_layout_index(tar, reference.path)
            )
            self._contents = Contents(self._archive.index, index, reference.path)
            position = index.find(reference.name, reference.position)
            self._top = self._contents.manifest(index.descriptor(position))
        except BaseException:
            self.close()
            raise

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
        return self._top if instance is None else self._contents.manifest(instance)

    def open_blob(self, blob: Descriptor, /, *, offset: int = 0) -> Readable:
        """Open a blob from `offset` bytes on.

        Raises:
            NotFound: it is not in the archive.
            ContentError: there is something else under its name.
        """
        return self._contents.open_blob(blob, offset)

    def close(self) -> None:
        """Close the archive; may be called twice."""
        self._archive.close()

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


def _open(reference: OciArchiveReference, context: Context) -> OpenedArchive:
    try:
        return OpenArchives.of(context.resources).open(
            reference.path,
            folder=temporary_folder(context.environment.get("TMPDIR")),
            check_cancelled=context.check_cancelled,
        )
    except StorageFailed as error:
        if os.path.isdir(reference.path):
            error.hint = f"a layout in a folder is named oci:{reference.path}"
        raise
