"""Writing an image into a folder.

Order of what becomes visible: `version`, blobs and child manifests, and last manifest.json,
which alone makes it an image. The names of all others come from their content, so an old
image stays whole beside the new one until manifest.json is replaced; what only the old one
needed is removed after that.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from regcopy.errors import ContentError, NotFound, UsageError
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.manifest import RawManifest
from regcopy.model.mediatypes import INDEXES
from regcopy.streams.blob import BlobStream
from regcopy.streams.files import Folder, read_file, write_file
from regcopy.streams.temporary_names import is_temporary
from regcopy.streams.tree import is_complete, sha512_names, walk
from regcopy.streams.workspace import Workspace, may_pass
from regcopy.transports.base import Capabilities
from regcopy.transports.dir.folder import (
    MANIFEST_FILE,
    VERSION_CONTENT,
    VERSION_FILE,
    ImageFolder,
    is_part_of_image,
    manifest_name,
    signature_name,
)

if TYPE_CHECKING:
    from regcopy.transports.base import Context
    from regcopy.transports.dir import DirReference

_MAX_VERSION_BYTES: Final = 4096


class DirDestination:
    """The image of a folder that need not exist yet."""

    def __init__(self, reference: DirReference, context: Context) -> None:
        """Look, and write nothing. Errors as `DirReference.open_destination`."""
        self._context = context
        self._path = os.path.abspath(reference.path)
        self._workspace = Workspace(self._path, sleep=context.sleep)
        self._children: list[RawManifest] = []
        self._signatures: dict[str, bytes] = {}
        self._top: RawManifest | None = None
        self._committed = False
        self._beginning = threading.Lock()
        self._check_what_is_there()

    def _check_what_is_there(self) -> None:
        try:
            folder = Folder.open(self._path)
        except NotFound:
            return
        with folder:
            if all(is_temporary(name) for name in folder.names()):
                return
            try:
                found = read_file(folder, VERSION_FILE, limit=_MAX_VERSION_BYTES)
            except (NotFound, ContentError):
                found = b""
            if found != VERSION_CONTENT:
                raise UsageError(
                    f"{self._path} is not a containers image directory, don't want to "
                    "overwrite important data",
                    hint="choose a folder that is empty or does not exist",
                )

    @property
    def capabilities(self) -> Capabilities:
        """It takes every manifest, and changes nothing."""
        return Capabilities(max_parallel=8)

    def find_blob(self, blob: Descriptor, /) -> bool:
        """Tell whether the blob is there, by reading it. Raises StorageFailed."""
        folder = self._workspace.sub()
        if folder is None:
            return False
        return ImageFolder(folder).has_blob(blob, self._context.check_cancelled)

    def put_blob(self, stream: BlobStream, /) -> Descriptor:
        """Write a blob, whole or not at all.

        Raises:
            StorageFailed: it could not be written.
            ContentError: the bytes are not those that were promised.
        """
        self._begin()
        return self._workspace.put_blob(stream, check_cancelled=self._context.check_cancelled)

    def _begin(self) -> None:
        """Say that the folder is ours, or the next run would find a stranger's files in it."""
        folder = self._workspace.make()
        with self._beginning:  # several blobs begin at once, and one of them is to say it
            if folder.size_of(VERSION_FILE) is None:
                self._workspace.put_file(VERSION_FILE, VERSION_CONTENT)

    def put_manifest(self, manifest: RawManifest, /, *, top: bool) -> None:
        """Write a manifest that an index names; keep the `top` one for `commit`.

        Raises:
            StorageFailed: it could not be written.
        """
        self._begin()
        if manifest.media_type in INDEXES:
            for digest, child in sha512_names(manifest, self._children):
                self._workspace.put_file(manifest_name(digest), child.content)
        if top:
            self._top = manifest
        else:
            self._workspace.put_file(manifest_name(manifest.digest), manifest.content)
            self._children.append(manifest)

    def put_signatures(
        self, signatures: Sequence[bytes], instance: Digest | None = None, /
    ) -> None:
        """Write the signatures of a manifest that an index names; keep the top one's.

        Raises:
            StorageFailed: they could not be written.
        """
        named = {signature_name(n, instance): one for n, one in enumerate(signatures, 1)}
        self._signatures |= named
        if instance is not None:
            for name, content in named.items():
                self._workspace.put_file(name, content)

    def _put_top_signatures(self) -> None:
        """Write what the top manifest is signed with, just before it: both change together."""
        root = self._workspace.root
        for name, content in self._signatures.items():
            if name.startswith("signature-"):
                self._workspace.put_file(name, content)
        for name in root.names():
            if name.startswith("signature-") and name not in self._signatures:
                root.remove(name)

    def commit(self, tags: Sequence[str] = (), /) -> None:
        """Put manifest.json in its place.

        Raises:
            UsageError: there are tags, and a folder has none.
            StorageFailed: it could not be written; the old one is still there.
        """
        if tags:
            raise UsageError(
                "a dir: image has no tags", hint="leave out --additional-tag, or copy to oci:"
            )
        if self._top is None:
            raise RuntimeError("commit without a top manifest")
        self._put_top_signatures()
        self._workspace.sync()
        write_file(self._workspace.root, MANIFEST_FILE, self._top.content)
        self._committed = True

    def current_digest(self) -> Digest | None:
        """Digest of the image in the folder, if all that it needs is there, read and checked."""
        try:
            with Folder.open(self._path) as folder:
                image = ImageFolder(folder)
                top = image.top()
                complete = is_complete(
                    top.descriptor(),
                    lambda entry: _read(image, top, entry),
                    lambda blob: image.has_blob(blob, self._context.check_cancelled),
                )
                return top.digest if complete else None
        except (NotFound, ContentError):
            return None

    def _needed(self) -> set[str]:
        """Names of all files that the image of the folder needs at this moment.

        Raises:
            ContentError: a manifest is broken, so that nobody knows what it needs.
        """
        image = ImageFolder(self._workspace.root)
        try:
            top = image.top()
        except NotFound:
            return set()
        names = {VERSION_FILE, MANIFEST_FILE}
        tree = walk(top.descriptor(), lambda entry: _read(image, top, entry), skip_missing=True)
        for content, is_manifest in tree:
            names.add(manifest_name(content.digest) if is_manifest else content.digest.hex)
        return names

    def _remove_what_is_old(self) -> None:
        folder, needed = self._workspace.root, self._needed() | set(self._signatures)
        for name in folder.names():
            if is_part_of_image(name) and name not in needed:
                folder.remove(name)

    def _leave(self, error: BaseException | None) -> None:
        if self._committed:
            self._workspace.finish(self._remove_what_is_old)
            return
        is_bare = set(self._workspace.placed) == {VERSION_FILE}
        nothing_to_resume = is_bare and not self._workspace.left_begun
        self._workspace.abandon(drop=nothing_to_resume or not may_pass(error), needed=self._needed)

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


def _read(image: ImageFolder, top: RawManifest, entry: Descriptor) -> RawManifest:
    return top if entry.digest == top.digest else image.manifest(entry)
