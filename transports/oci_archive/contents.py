"""What is in an archive: index.json as a value, manifests and blobs by digest."""

from __future__ import annotations

from regcopy.errors import ContentError, NotFound
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.layout import BLOBS_FOLDER, INDEX_FILE, MAX_INDEX_BYTES, LayoutIndex
from regcopy.model.manifest import MAX_MANIFEST_BYTES, RawManifest, check_size
from regcopy.streams.blob import Readable
from regcopy.streams.tar_index import TarIndex


class Contents:
    """An archive that is open for reading; may be used by several threads.

    Attributes:
        index: its index.json.
    """

    def __init__(self, tar: TarIndex, index: LayoutIndex, path: str) -> None:
        """Take what was read.

        Args:
            tar: the members; stays open.
            index: what `read_layout_index` gives.
            path: what messages call it.
        """
        self._path = path
        self._tar = tar
        self.index = index

    def manifest(self, descriptor: Descriptor) -> RawManifest:
        """Read a manifest, and check digest and size.

        Raises:
            NotFound: it is not in the archive.
            DigestMismatch, SizeMismatch, LimitExceeded: it is not what the descriptor says.
        """
        check_size(descriptor.size)
        name = member_name(descriptor.digest)
        if name not in self._tar:
            raise NotFound(f"manifest {descriptor.digest} is not in {self._path}")
        content = self._tar.content(name, limit=MAX_MANIFEST_BYTES, unique=False)
        return RawManifest.described(content, descriptor)

    def open_blob(self, blob: Descriptor, offset: int) -> Readable:
        """Open a blob from `offset` bytes on.

        Raises:
            NotFound: it is not in the archive.
            ContentError: there is something else under its name.
        """
        name = member_name(blob.digest)
        if name not in self._tar:
            raise NotFound(f"{blob.digest} is not in {self._path}")
        return self._tar.open(self._tar.find(name), offset=offset)

    def has_blob(self, blob: Descriptor) -> bool:
        """Tell whether a blob is there with its exact size."""
        try:
            return self._tar.find(member_name(blob.digest)).size == blob.size
        except (NotFound, ContentError):
            return False


def read_layout_index(tar: TarIndex, path: str) -> LayoutIndex:
    """Read index.json of an archive; `path` is what messages call it.

    Raises:
        ContentError: this is no tar file of a layout, or it is broken.
        StorageFailed: it cannot be read.
    """
    if INDEX_FILE not in tar:
        is_docker = "manifest.json" in tar
        raise ContentError(
            f"{path} holds no image layout: it has no {INDEX_FILE}",
            hint=f"it looks like docker-archive:{path}" if is_docker else "",
        )
    # Of two with one name, programs that unpack take the last, and others the first.
    return LayoutIndex.parse(tar.content(INDEX_FILE, limit=MAX_INDEX_BYTES))


def member_name(digest: Digest) -> str:
    """Name of the member that holds a blob (image-layout.md, `blobs`)."""
    return f"{BLOBS_FOLDER}/{digest.algorithm}/{digest.hex}"
