"""Writing images into an archive: one that is its own, or one after another into a common one."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing, suppress
from types import TracebackType
from typing import TYPE_CHECKING, Self

from regcopy.errors import (
    ContentError,
    NotFound,
    RegcopyError,
    StorageFailed,
)
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.layout import (
    LAYOUT_MANIFESTS,
    check_destination,
    check_manifest_type,
    check_name,
)
from regcopy.model.manifest import RawManifest
from regcopy.model.mediatypes import OCI_INDEX
from regcopy.streams.blob import BlobStream
from regcopy.streams.tar_index import TarIndex
from regcopy.streams.tar_pipes import open_to_read
from regcopy.streams.tar_storage import FileStorage
from regcopy.streams.tree import is_complete, sha512_names
from regcopy.transports.base import Capabilities
from regcopy.transports.joint_files import JointFiles
from regcopy.transports.oci_archive.contents import Contents, read_layout_index
from regcopy.transports.oci_archive.growing import GrowingArchive

if TYPE_CHECKING:
    from regcopy.transports.base import Context
    from regcopy.transports.oci_archive import OciArchiveReference


class OciArchiveDestination:
    """One image in an archive that replaces the one that is there.

    The archive is its own, or is being written with others.
    """

    def __init__(self, reference: OciArchiveReference, context: Context) -> None:
        """Look, and write nothing. Errors as `OciArchiveReference.open_destination`."""
        check_destination(reference.position)
        self._reference = reference
        self._context = context
        common = JointFiles.of(context).find(GrowingArchive, reference.file)
        self._is_alone = common is None
        self._archive = common or GrowingArchive(reference.path, context)
        self._top: Descriptor | None = None
        self._children: list[RawManifest] = []

    @property
    def capabilities(self) -> Capabilities:
        """OCI manifests only; plain layers are gzipped unless that was turned off.

        One blob at a time, in the order of the manifests: there is one stream to write to.
        """
        return Capabilities(
            manifest_types=LAYOUT_MANIFESTS,
            layers="any" if self._context.options.accept_uncompressed_layers else "compressed",
            max_parallel=1,
            lacks_foreign=True,
            no_signatures="Pushing signatures for OCI images is not supported",
        )

    def find_blob(self, blob: Descriptor, /) -> bool:
        """Tell whether the blob was written already."""
        return self._archive.holds(blob)

    def put_blob(self, stream: BlobStream, /) -> Descriptor:
        """Write a blob, whole or (into a pipe) with an end that shows that it is broken off.

        Raises:
            StorageFailed: it could not be written.
            ContentError: the bytes are not those that were promised.
        """
        return self._archive.add_blob(stream)

    def put_manifest(self, manifest: RawManifest, /, *, top: bool) -> None:
        """Write a manifest as a blob; `top` is the one that `commit` will name.

        Raises:
            ManifestUnsupported: not of an OCI type.
            StorageFailed: it could not be written.
        """
        check_manifest_type(manifest.media_type)
        if manifest.media_type == OCI_INDEX:
            for digest, child in sha512_names(manifest, self._children):
                self._archive.add_content(digest, child.content)
        self._archive.add_content(manifest.digest, manifest.content)
        if top:
            self._top = manifest.descriptor()
        else:
            self._children.append(manifest)

    def commit(self, tags: Sequence[str] = (), /) -> None:
        """Name the image, and end the archive and show it unless more images follow.

        Args:
            tags: more names of the image.

        Raises:
            InvalidReference: one of the tags cannot be a name in a layout.
            StorageFailed: it could not be written; a file that was there before still is.
        """
        for tag in tags:
            check_name(tag)
        if self._top is None:
            raise RuntimeError("commit without a top manifest")
        self._archive.add_image(self._top, (self._reference.name, *tags))
        if self._is_alone:
            self._archive.publish()

    def current_digest(self) -> Digest | None:
        """Digest of the image, if the archive holds it under this name, whole and alone."""
        if not self._is_alone or not self._archive.replaces_content:
            return None
        try:
            # Not as a source would: one that is gzipped is not what would be written.
            path = self._reference.path
            with closing(FileStorage(open_to_read(path), path)) as storage:
                tar = TarIndex.read(
                    storage.read_at, what=path, check_cancelled=self._context.check_cancelled
                )
                index = read_layout_index(tar, path)
                contents = Contents(tar, index, path)
                if len(index.entries) != 1 or index.name_of(0) != self._reference.name:
                    return None
                top = index.descriptor(0)
                is_whole = is_complete(top, contents.manifest, contents.has_blob)
                return top.digest if is_whole else None
        except (NotFound, ContentError, StorageFailed):
            return None

    def close(self) -> None:
        """Close; what was not committed is gone. May be called twice."""
        if self._is_alone:
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
        if error is None:
            self.close()
            return
        with suppress(RegcopyError):  # the error that ended the run is the one to show
            self.close()
