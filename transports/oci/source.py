"""Reading one image of a layout."""

from __future__ import annotations

import os
import re
from types import TracebackType
from typing import TYPE_CHECKING, Self

from regcopy.errors import NotFound
from regcopy.model.descriptor import Descriptor
from regcopy.model.manifest import RawManifest
from regcopy.streams.blob import Readable
from regcopy.transports.oci.layout import Layout, read_index

if TYPE_CHECKING:
    from regcopy.transports.base import Context
    from regcopy.transports.oci import OciReference


class OciSource:
    """One image of a layout; which one is settled when it is opened."""

    def __init__(self, reference: OciReference, context: Context) -> None:
        """Open the layout and read the top manifest. Errors as `OciReference.open_source`."""
        self._layout = _open_layout(reference, context)
        try:
            index = read_index(self._layout.root)
            position = index.find(reference.name, reference.position)
            self._top = self._layout.manifest(index.descriptor(position))
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
            NotFound: it is not in the layout.
            DigestMismatch, SizeMismatch, LimitExceeded: the file is not what it should be.
        """
        return self._top if instance is None else self._layout.manifest(instance)

    def open_blob(self, blob: Descriptor, /, *, offset: int = 0) -> Readable:
        """Open a blob from `offset` bytes on.

        Raises:
            NotFound: it is not in the layout.
            StorageFailed: it is no regular file, or cannot be read.
        """
        return self._layout.open_blob(blob, offset)

    def close(self) -> None:
        """Close the folder; may be called twice."""
        self._layout.close()

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


def _open_layout(reference: OciReference, context: Context) -> Layout:
    shared = context.options.shared_blob_dir
    try:
        return Layout(os.path.abspath(reference.path), shared and os.path.abspath(shared))
    except NotFound as error:
        if re.search(r"@[0-9]+\Z", reference.path):
            error.hint = "a position in the layout is written with a colon: oci:folder:@0"
        raise
