"""Writing one image into a layout.

Order of what becomes visible: blobs, manifests, `oci-layout`, and last index.json, which
alone makes it an image. All of them appear by rename, so a stop at any moment leaves the
layout as it was, with some blobs more.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Self

from regcopy.errors import ContentError, NotFound, RegcopyError, UsageError
from regcopy.model._json import load_object
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.layout import (
    BLOBS_FOLDER,
    INDEX_FILE,
    LAYOUT_CONTENT,
    LAYOUT_FILE,
    LAYOUT_MANIFESTS,
    LayoutIndex,
    check_destination,
    check_manifest_type,
    check_name,
)
from regcopy.model.manifest import RawManifest
from regcopy.model.mediatypes import OCI_INDEX
from regcopy.streams.blob import BlobStream
from regcopy.streams.files import Folder, read_file, write_file
from regcopy.streams.locks import locked
from regcopy.streams.tree import is_complete, sha512_names
from regcopy.streams.workspace import Workspace, may_pass
from regcopy.transports.base import Capabilities
from regcopy.transports.oci.layout import Layout, read_index

if TYPE_CHECKING:
    from regcopy.transports.base import Context
    from regcopy.transports.oci import OciReference


class OciDestination:
    """One image in a layout that need not exist yet."""

    def __init__(self, reference: OciReference, context: Context) -> None:
        """Look, and write nothing. Errors as `OciReference.open_destination`."""
        check_destination(reference.position)
        self._reference = reference
        self._context = context
        self._path = os.path.abspath(reference.path)
        shared = context.options.shared_blob_dir
        self._shared = os.path.abspath(shared) if shared else ""
        self._layout = Workspace(self._path, BLOBS_FOLDER, sleep=context.sleep)
        self._blobs = Workspace(self._shared, sleep=context.sleep) if shared else self._layout
        self._top: Descriptor | None = None
        self._children: list[RawManifest] = []
        self._committed = False
        self._check_what_is_there()

    def _check_what_is_there(self) -> None:
        try:
            root = Folder.open(self._path)
        except NotFound:
            return
        with root:
            with suppress(NotFound):
                root.sub(BLOBS_FOLDER).close()
            _index_or_empty(root)

    @property
    def capabilities(self) -> Capabilities:
        """OCI manifests only; plain layers are gzipped unless that was turned off."""
        return Capabilities(
            manifest_types=LAYOUT_MANIFESTS,
            layers="any" if self._context.options.accept_uncompressed_layers else "compressed",
            max_parallel=8,
            lacks_foreign=True,
            no_signatures="Pushing signatures for OCI images is not supported",
        )

    def find_blob(self, blob: Descriptor, /) -> bool:
        """Tell whether the blob is there, with its exact size. Raises StorageFailed."""
        folder = self._blobs.sub(blob.digest.algorithm)
        return folder is not None and folder.size_of(blob.digest.hex) == blob.size

    def put_blob(self, stream: BlobStream, /) -> Descriptor:
        """Write a blob, whole or not at all.

        Raises:
            StorageFailed: it could not be written.
            ContentError: the bytes are not those that were promised.
        """
        # Both are needed to leave the blobs alone that a run elsewhere has found.
        self._layout.open(create=True)
        algorithm = stream.expected.digest.algorithm if stream.expected else "sha256"
        return self._blobs.put_blob(
            stream, algorithm, check_cancelled=self._context.check_cancelled
        )

    def put_manifest(self, manifest: RawManifest, /, *, top: bool) -> None:
        """Write a manifest as a blob; `top` is the one that `commit` will name.

        Raises:
            ManifestUnsupported: not of an OCI type.
            StorageFailed: it could not be written.
        """
        check_manifest_type(manifest.media_type)
        self._layout.open(create=True)
        if manifest.media_type == OCI_INDEX:
            for digest, child in sha512_names(manifest, self._children):
                self._put_content(digest, child.content)
        self._put_content(manifest.digest, manifest.content)
        if top:
            self._top = manifest.descriptor()
        else:
            self._children.append(manifest)

    def _put_content(self, digest: Digest, content: bytes) -> None:
        self._blobs.put_file(digest.hex, content, digest.algorithm)

    def commit(self, tags: Sequence[str] = (), /) -> None:
        """Enter the image into index.json, under its name and under `tags`.

        Other processes may do the same at the same time: none of them is lost.

        Raises:
            InvalidReference: one of the tags cannot be a name in a layout.
            StorageFailed: index.json could not be written; the old one is still there.
            ManifestInvalid: the index.json that is there is broken.
        """
        for tag in tags:
            check_name(tag)
        if self._top is None:
            raise RuntimeError("commit without a top manifest")
        self._layout.open(create=True)
        self._blobs.sync()
        if self._blobs is not self._layout:
            self._layout.sync()
        root = self._layout.root
        with locked(root, sleep=self._context.sleep) as held:
            if held:
                root.remove_temporary_files()
            if not _is_layout(root):
                self._layout.put_root_file(LAYOUT_FILE, LAYOUT_CONTENT)
                root.sync()
            index = _index_or_empty(root)
            for name in dict.fromkeys((self._reference.name, *tags)):
                index = index.with_image(self._top, name)
            write_file(root, INDEX_FILE, index.to_bytes())
        self._committed = True

    def current_digest(self) -> Digest | None:
        """Digest under this name, if all that the image needs is in the layout.

        Without a name it is that of an entry without one: one that has a name does not count,
        although it may be read without.
        """
        try:
            with Layout(self._path, self._shared) as layout:
                index = read_index(layout.root)
                position = index.find(self._reference.name)
                if index.name_of(position) != self._reference.name:
                    return None
                top = index.descriptor(position)
                return top.digest if is_complete(top, layout.manifest, layout.has_blob) else None
        except (NotFound, UsageError, ContentError):
            return None

    def _needed(self) -> set[str]:
        """Names of all files that images of the layout need at this moment."""
        with Layout(self._path, self._shared) as layout:
            try:
                index = read_index(layout.root)
            except NotFound:
                return set()
            return {LAYOUT_FILE, *(digest.hex for digest in layout.needed(index))}

    def _leave(self, error: BaseException | None) -> None:
        if self._committed:
            self._blobs.finish()
            self._layout.finish()
            return
        if self._blobs is not self._layout:
            # Other layouts may have come to need these blobs, and we do not know them.
            self._blobs.abandon(drop=False, needed=set)
        self._layout.abandon(drop=not may_pass(error), needed=self._needed)

    def close(self) -> None:
        """Close; what was not committed stays as far as it is whole. May be called twice."""
        self._leave(None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        self._leave(error)


def _index_or_empty(root: Folder) -> LayoutIndex:
    try:
        return read_index(root)
    except NotFound:
        return LayoutIndex.empty()


def _is_layout(root: Folder) -> bool:
    """Tell whether there is an `oci-layout` that says what ours would say."""
    try:
        found = load_object(read_file(root, LAYOUT_FILE, limit=4096), what=LAYOUT_FILE)
    except RegcopyError:
        return False
    return found == load_object(LAYOUT_CONTENT)
