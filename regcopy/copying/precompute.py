"""A layer that is made first, in a temporary file, so that its digest is known before it moves."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from regcopy.streams.blob import BLOCK_BYTES, BlobStream
from regcopy.streams.files import storage_errors
from regcopy.streams.tar_storage import copy_into, new_temporary_file


@contextmanager
def precomputed(
    made: BlobStream, folder: str, check_stopped: Callable[[], None]
) -> Iterator[BlobStream]:
    """Give the same bytes as a stream whose digest and size are known.

    Args:
        made: the layer as it is made; read to its end.
        folder: for the temporary file, which has no name and is gone at the end.
        check_stopped: called while the layer is read again; what it raises ends that.

    Raises:
        StorageFailed: there is no room for it.
        ContentError: the layer is not what its digest says.
    """
    with new_temporary_file(folder) as file:
        copy_into(file, made, folder)
        fd = file.fileno()
        with BlobStream(
            lambda offset: _Kept(fd, offset, folder),
            made.descriptor(),
            on_progress=lambda _: check_stopped(),
        ) as known:
            yield known


class _Kept:
    """Bytes of the file from an offset on; the file stays open."""

    def __init__(self, fd: int, offset: int, folder: str) -> None:
        self._fd = fd
        self._offset = offset
        self._folder = folder

    def read(self, size: int = -1, /) -> bytes:
        with storage_errors("reading a temporary file in", self._folder):
            block = os.pread(self._fd, BLOCK_BYTES if size < 0 else size, self._offset)
        self._offset += len(block)
        return block

    def close(self) -> None:
        """Leave the file to whoever made it."""
