"""An image layout on disk, for reading: index.json as a value, manifests and blobs by digest."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from regcopy.errors import NotFound
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.layout import BLOBS_FOLDER, INDEX_FILE, MAX_INDEX_BYTES, LayoutIndex
from regcopy.model.manifest import MAX_MANIFEST_BYTES, RawManifest, check_size
from regcopy.streams.files import Folder, RegularFile, open_regular, read_file
from regcopy.streams.tree import walk


def read_index(root: Folder) -> LayoutIndex:
    """Read index.json.

    Raises:
        NotFound: there is none.
        StorageFailed: it is no regular file, or cannot be read.
        ManifestInvalid, LimitExceeded: it is broken or too large.
    """
    return LayoutIndex.parse(read_file(root, INDEX_FILE, limit=MAX_INDEX_BYTES))


class Layout:
    """An open layout; the blobs may lie in a folder that several layouts share."""

    def __init__(self, path: str, shared_blob_dir: str = "") -> None:
        """Open a folder.

        Raises:
            NotFound: there is none.
            StorageFailed: it cannot be opened.
        """
        self.root = Folder.open(path)
        self._shared_blob_dir = shared_blob_dir

    @contextmanager
    def blob_folder(self, digest: Digest) -> Iterator[Folder]:
        """Open the folder that a blob lies in, if it is there."""
        shared = self._shared_blob_dir
        with (
            Folder.open(shared) if shared else self.root.sub(BLOBS_FOLDER) as blobs,
            blobs.sub(digest.algorithm) as folder,
        ):
            yield folder

    def open_blob(self, blob: Descriptor, offset: int = 0) -> RegularFile:
        """Open a blob from `offset` bytes on.

        Raises:
            NotFound: it is not there.
            StorageFailed: it is no regular file, or cannot be read.
        """
        try:
            with self.blob_folder(blob.digest) as folder:
                return open_regular(folder, blob.digest.hex, offset=offset)
        except NotFound:
            raise NotFound(f"{blob.digest} is not in layout {self.root.path}") from None

    def has_blob(self, blob: Descriptor) -> bool:
        """Tell whether a blob is there with its exact size."""
        try:
            with self.blob_folder(blob.digest) as folder:
                return folder.size_of(blob.digest.hex) == blob.size
        except NotFound:
            return False

    def manifest(self, descriptor: Descriptor) -> RawManifest:
        """Read a manifest, and check digest and size.

        Raises:
            NotFound: it is not there.
            DigestMismatch, SizeMismatch, LimitExceeded: it is not what the descriptor says.
        """
        check_size(descriptor.size)
        try:
            with self.blob_folder(descriptor.digest) as folder:
                content = read_file(folder, descriptor.digest.hex, limit=MAX_MANIFEST_BYTES)
        except NotFound:
            raise NotFound(
                f"manifest {descriptor.digest} is not in layout {self.root.path}"
            ) from None
        return RawManifest.described(content, descriptor)

    def needed(self, index: LayoutIndex) -> set[Digest]:
        """Give the digests of all that the images of an index need; manifests may be missing.

        Raises:
            ContentError: a manifest is broken, so that nobody knows what it needs.
        """
        needed: set[Digest] = set()
        for position in range(len(index.entries)):
            needed |= self.tree(index.descriptor(position))
        return needed

    def tree(self, top: Descriptor) -> set[Digest]:
        """Give the digests of all that one image needs. Errors as `needed`."""
        return {found.digest for found, _ in walk(top, self.manifest, skip_missing=True)}

    def close(self) -> None:
        """Close the folder; may be called twice."""
        self.root.close()

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
