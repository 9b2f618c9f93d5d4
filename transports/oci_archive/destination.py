"""Writing one image into an archive, from its beginning to its end.

Blobs are written as they come, and what names them at the end. So an archive can go into a
pipe, and a file needs no second copy. The same image gives the same bytes each time.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing, suppress
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from regcopy.errors import (
    ContentError,
    ManifestUnsupported,
    NotFound,
    RegcopyError,
    StorageFailed,
    UsageError,
)
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.layout import (
    BLOBS_FOLDER,
    INDEX_FILE,
    LAYOUT_CONTENT,
    LAYOUT_FILE,
    LayoutIndex,
    check_name,
)
from regcopy.model.manifest import RawManifest
from regcopy.model.mediatypes import OCI_ARTIFACT, OCI_INDEX, OCI_MANIFEST
from regcopy.streams.blob import BlobStream
from regcopy.streams.tar_output import TarOutput, TarTarget
from regcopy.streams.tar_pipes import open_to_read
from regcopy.streams.tar_storage import FileStorage, temporary_folder
from regcopy.streams.tar_writing import TarWriter
from regcopy.streams.tree import is_complete, sha512_names
from regcopy.transports.base import Capabilities
from regcopy.transports.oci_archive.contents import Contents, member_name

if TYPE_CHECKING:
    from regcopy.transports.base import Context
    from regcopy.transports.oci_archive import OciArchiveReference

_MANIFEST_TYPES: Final = frozenset({OCI_MANIFEST, OCI_INDEX, OCI_ARTIFACT})
_FILE_MODE: Final = 0o644


class OciArchiveDestination:
    """One image in an archive of its own, which replaces the one that is there."""

    def __init__(self, reference: OciArchiveReference, context: Context) -> None:
        """Look, and write nothing. Errors as `OciArchiveReference.open_destination`."""
        if reference.position is not None:
            raise UsageError(
                f"Destination reference must not contain a manifest index @{reference.position}"
            )
        self._reference = reference
        self._context = context
        self._target = TarTarget.look(reference.path)
        self._output: TarOutput | None = None
        self._writer: TarWriter | None = None
        self._closed = False
        self._folders: set[str] = set()
        self._sizes: dict[Digest, int] = {}
        self._top: Descriptor | None = None
        self._children: list[RawManifest] = []

    @property
    def capabilities(self) -> Capabilities:
        """OCI manifests only; plain layers are gzipped unless that was turned off.

        One blob at a time, in the order of the manifests: there is one stream to write to.
        """
        return Capabilities(
            manifest_types=_MANIFEST_TYPES,
            layers="any" if self._context.options.accept_uncompressed_layers else "compressed",
            max_parallel=1,
            lacks_foreign=True,
            no_signatures="Pushing signatures for OCI images is not supported",
        )

    def find_blob(self, blob: Descriptor, /) -> bool:
        """Tell whether the blob was written already."""
        return self._sizes.get(blob.digest) == blob.size

    def put_blob(self, stream: BlobStream, /) -> Descriptor:
        """Write a blob, whole or (into a pipe) with an end that shows that it is broken off.

        Raises:
            StorageFailed: it could not be written.
            ContentError: the bytes are not those that were promised.
        """
        writer = self._open()
        algorithm = stream.expected.digest.algorithm if stream.expected else "sha256"
        self._add_folders(writer, algorithm)
        blob = writer.add_stream(stream, self._new_name)
        self._sizes[blob.digest] = blob.size
        return blob

    def _new_name(self, blob: Descriptor) -> str:
        """Name of a member; "" where the same blob is there already."""
        return "" if blob.digest in self._sizes else member_name(blob.digest)

    def put_manifest(self, manifest: RawManifest, /, *, top: bool) -> None:
        """Write a manifest as a blob; `top` is the one that `commit` will name.

        Raises:
            ManifestUnsupported: not of an OCI type.
            StorageFailed: it could not be written.
        """
        if manifest.media_type not in _MANIFEST_TYPES:
            raise ManifestUnsupported(
                f'a layout cannot hold a manifest of type "{manifest.media_type}"',
                hint="convert it with --format oci",
            )
        if manifest.media_type == OCI_INDEX:
            for digest, child in sha512_names(manifest, self._children):
                self._put_content(digest, child.content)
        self._put_content(manifest.digest, manifest.content)
        if top:
            self._top = manifest.descriptor()
        else:
            self._children.append(manifest)

    def _put_content(self, digest: Digest, content: bytes) -> None:
        if digest not in self._sizes:
            writer = self._open()
            self._add_folders(writer, digest.algorithm)
            writer.add_bytes(member_name(digest), content)
            self._sizes[digest] = len(content)

    def _open(self) -> TarWriter:
        if self._writer is None:
            if self._closed:
                raise RuntimeError("the destination is closed")
            context = self._context
            self._output = self._target.open(
                sleep=context.sleep, check_cancelled=context.check_cancelled, replaces=True
            )
            self._writer = TarWriter(
                self._output,
                temporary_folder=temporary_folder(context.environment.get("TMPDIR")),
                check_cancelled=context.check_cancelled,
                file_mode=_FILE_MODE,
            )
        return self._writer

    def _add_folders(self, writer: TarWriter, algorithm: str) -> None:
        for folder in (BLOBS_FOLDER, f"{BLOBS_FOLDER}/{algorithm}"):
            if folder not in self._folders:
                writer.add_folder(folder)
                self._folders.add(folder)

    def commit(self, tags: Sequence[str] = (), /) -> None:
        """Name the image, under its name and under `tags`, end the archive, and show it.

        Raises:
            InvalidReference: one of the tags cannot be a name in a layout.
            StorageFailed: it could not be written; a file that was there before still is.
        """
        for tag in tags:
            check_name(tag)
        if self._top is None or self._output is None:
            raise RuntimeError("commit without a top manifest")
        index = LayoutIndex.empty()
        for name in dict.fromkeys((self._reference.name, *tags)):
            index = index.with_image(self._top, name)
        writer = self._open()
        writer.add_bytes(INDEX_FILE, index.to_bytes())
        writer.add_bytes(LAYOUT_FILE, LAYOUT_CONTENT)
        writer.end()
        self._output.publish()

    def current_digest(self) -> Digest | None:
        """Digest of the image, if the archive holds it under this name, whole and alone."""
        if not self._target.has_content:
            return None
        try:
            # Not as a source would: one that is gzipped is not what would be written.
            path = self._reference.path
            with closing(FileStorage(open_to_read(path), path)) as storage:
                contents = Contents(storage, path, check_cancelled=self._context.check_cancelled)
                index = contents.index
                if len(index.entries) != 1 or index.name_of(0) != self._reference.name:
                    return None
                top = index.descriptor(0)
                is_whole = is_complete(top, contents.manifest, contents.has_blob)
                return top.digest if is_whole else None
        except (NotFound, ContentError, StorageFailed):
            return None

    def close(self) -> None:
        """Close; what was not committed is gone. May be called twice."""
        self._closed = True
        output, self._output, self._writer = self._output, None, None
        if output is not None:
            output.close()

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
