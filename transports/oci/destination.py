"""Writing one image into a layout.

Order of what becomes visible: blobs, manifests, `oci-layout`, and last index.json, which
alone makes it an image. All of them appear by rename, so a stop at any moment leaves the
layout as it was, with some blobs more.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from regcopy.errors import ContentError, ManifestUnsupported, NotFound, RegcopyError, UsageError
from regcopy.model._json import load_object
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.manifest import ImageIndex, RawManifest, parse_manifest
from regcopy.model.mediatypes import OCI_ARTIFACT, OCI_INDEX, OCI_MANIFEST
from regcopy.streams.blob import BlobStream
from regcopy.streams.files import Folder, locked, read_file, write_file
from regcopy.streams.tree import is_complete, walk
from regcopy.streams.workspace import Workspace, leave
from regcopy.transports.base import Capabilities
from regcopy.transports.oci import check_name
from regcopy.transports.oci.layout import (
    BLOBS_FOLDER,
    INDEX_FILE,
    LAYOUT_CONTENT,
    LAYOUT_FILE,
    Layout,
    LayoutIndex,
    read_index,
)

if TYPE_CHECKING:
    from regcopy.transports.base import Context
    from regcopy.transports.oci import OciReference

_MANIFEST_TYPES: Final = frozenset({OCI_MANIFEST, OCI_INDEX, OCI_ARTIFACT})


class OciDestination:
    """One image in a layout that need not exist yet."""

    def __init__(self, reference: OciReference, context: Context) -> None:
        """Look, and write nothing. Errors as `OciReference.open_destination`."""
        if reference.position is not None:
            raise UsageError(
                f"Destination reference must not contain a manifest index @{reference.position}"
            )
        self._reference = reference
        self._context = context
        self._path = os.path.abspath(reference.path)
        shared = context.options.shared_blob_dir
        self._shared = os.path.abspath(shared) if shared else ""
        self._layout = Workspace(self._path, BLOBS_FOLDER, sleep=context.sleep)
        self._blobs = Workspace(self._shared, sleep=context.sleep) if shared else self._layout
        self._top: Descriptor | None = None
        self._children: dict[Digest, RawManifest] = {}
        self._mutex = threading.Lock()
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
            manifest_types=_MANIFEST_TYPES,
            compresses_layers=not self._context.options.accept_uncompressed_layers,
            max_parallel=8,
        )

    def find_blob(self, blob: Descriptor, /) -> bool:
        """Tell whether the blob is there, with its exact size. Raises StorageFailed."""
        folder = self._blobs.sub(blob.digest.algorithm, create=False)
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
        if manifest.media_type not in _MANIFEST_TYPES:
            raise ManifestUnsupported(
                f'a layout cannot hold a manifest of type "{manifest.media_type}"',
                hint="convert it with --format oci",
            )
        self._layout.open(create=True)
        if manifest.media_type == OCI_INDEX:
            self._name_children_by_sha512(manifest)
        self._blobs.put_file(manifest.digest.hex, manifest.content, manifest.digest.algorithm)
        if top:
            self._top = manifest.descriptor()
        else:
            with self._mutex:
                self._children[Digest.of(manifest.content, "sha512")] = manifest

    def _name_children_by_sha512(self, index: RawManifest) -> None:
        # A manifest comes without the descriptor that names it, and an index may name it by
        # the other registered algorithm (image-spec descriptor.md).
        parsed = parse_manifest(index)
        for entry in parsed.manifests if isinstance(parsed, ImageIndex) else ():
            child = self._children.get(entry.digest)
            if child is not None:
                self._blobs.put_file(entry.digest.hex, child.content, entry.digest.algorithm)

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
        root = self._layout.root
        with locked(root, sleep=self._context.sleep) as held:
            if held:
                root.remove_temporary_files()
            index = _index_or_empty(root)
            for name in dict.fromkeys((self._reference.name, *tags)):
                index = index.with_image(self._top, name)
            _write_layout_file(root)
            write_file(root, INDEX_FILE, index.to_bytes())
        self._committed = True

    def current_digest(self) -> Digest | None:
        """Digest under this name, if all that the image needs is in the layout."""
        try:
            with Layout(self._path, self._shared) as layout:
                index = read_index(layout.root)
                top = index.descriptor(index.find(self._reference.name))
                return top.digest if is_complete(top, layout.manifest, layout.has_blob) else None
        except (NotFound, UsageError, ContentError):
            return None

    def _needed(self) -> set[str]:
        """Names of all blobs that images of the layout need at this moment."""
        needed: set[str] = set()
        with Layout(self._path, self._shared) as layout:
            index = _index_or_empty(layout.root)
            for position in range(len(index.entries)):
                with suppress(NotFound):  # a manifest that is not there needs nothing
                    for blob, _ in walk(index.descriptor(position), layout.manifest):
                        needed.add(blob.digest.hex)
        return needed

    def _leave(self, error: BaseException | None) -> None:
        if self._blobs is not self._layout:
            # Other layouts may have come to need these blobs, and we do not know them.
            leave(self._blobs, None, committed=self._committed, needed=set)
        leave(self._layout, error, committed=self._committed, needed=self._needed)

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


def _write_layout_file(root: Folder) -> None:
    """Write `oci-layout`, unless there is one that says what ours would say."""
    with suppress(RegcopyError):
        found = load_object(read_file(root, LAYOUT_FILE, limit=4096), what=LAYOUT_FILE)
        if found == load_object(LAYOUT_CONTENT):
            return
    write_file(root, LAYOUT_FILE, LAYOUT_CONTENT)
