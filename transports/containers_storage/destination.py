"""Writing one image into a store: a folder as `dir:` has it, which podman takes in.

A store can only be written by the library that owns its locks and its drivers. Podman stores
the manifest as it is, so the digest of the image is the same as in the folder; the name comes
last, by a command of its own.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from regcopy.errors import ConfigurationError, InvalidReference, NotFound, Refused
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.manifest import RawManifest
from regcopy.model.mediatypes import DOCKER_MANIFEST, OCI_MANIFEST
from regcopy.streams.blob import BLOCK_BYTES, BlobStream
from regcopy.streams.files import storage_errors, write_all
from regcopy.streams.tar_storage import temporary_folder
from regcopy.transports.base import Capabilities
from regcopy.transports.containers_storage.podman import Podman
from regcopy.transports.containers_storage.spec import find_folders
from regcopy.transports.containers_storage.store import Store

if TYPE_CHECKING:
    from regcopy.transports.base import Context
    from regcopy.transports.containers_storage import StorageReference

_FOLDER: Final = "image"
_POLICY: Final = b'{"default":[{"type":"insecureAcceptAnything"}]}'
_ID: Final = re.compile(rb"[0-9a-f]{64}")
_PULL_SECONDS: Final = 3600.0


class StorageDestination:
    """One image in a store."""

    def __init__(self, reference: StorageReference, context: Context) -> None:
        """Look for podman. Errors as `StorageReference.open_destination`."""
        if reference.name is None or not reference.name.tag or reference.id:
            raise InvalidReference(
                f"Invalid destination {reference}: a destination must be a name, with a tag or none"
            )
        self._reference = reference
        self._context = context
        self._podman = Podman.find(
            reference.store,
            context,
            what="writing to containers-storage:",
            hint="install it (apt-get install podman), or write oci-archive: and load that",
        )
        self._store = _find_store(reference, context)
        self._lock = threading.Lock()
        self._folder = ""
        self._closed = False
        self._sizes: dict[Digest, int] = {}
        self._signatures: Sequence[bytes] = ()
        self._top: RawManifest | None = None

    @property
    def capabilities(self) -> Capabilities:
        """It takes one image in either family, its layers packed as they are."""
        return Capabilities(
            manifest_types=frozenset({OCI_MANIFEST, DOCKER_MANIFEST}), max_parallel=8
        )

    def current_digest(self) -> Digest | None:
        """Digest that the name stands for in the store, where all layers are there."""
        if self._store is None:
            return None
        try:
            image = self._store.find(self._reference.name, "")
            self._store.layers_of(image)
        except NotFound:
            return None
        return image.manifest_digest

    def find_blob(self, blob: Descriptor, /) -> bool:
        """Tell whether it is a layer that the store has: podman asks for no such blob again."""
        if self._sizes.get(blob.digest) == blob.size:
            return True
        return self._store is not None and self._store.has_layer(blob.digest, blob.size)

    def put_blob(self, stream: BlobStream, /) -> Descriptor:
        """Keep a blob for podman, whole or not at all.

        Raises:
            StorageFailed: it could not be written.
            ContentError: the bytes are not those that were promised.
        """
        folder = self._open()
        with storage_errors("writing to", folder):
            fd, path = tempfile.mkstemp(prefix=".", dir=folder)
        try:
            with os.fdopen(fd, "wb", buffering=0) as file:
                while block := stream.read(BLOCK_BYTES):
                    with storage_errors("writing to", folder):
                        write_all(file.fileno(), block)
                    self._context.check_cancelled()
            blob = stream.descriptor()
            with storage_errors("writing to", folder):
                os.replace(path, os.path.join(folder, blob.digest.hex))
        except BaseException:
            os.unlink(path)
            raise
        self._sizes[blob.digest] = blob.size
        return blob

    def _open(self) -> str:
        with self._lock:
            if self._closed:
                raise RuntimeError("the destination is closed")
            if not self._folder:
                above = temporary_folder(self._context.environment.get("TMPDIR"))
                with storage_errors("creating a temporary folder in", above):
                    self._folder = tempfile.mkdtemp(prefix="regcopy-", dir=above)
                    os.mkdir(os.path.join(self._folder, _FOLDER))
        return os.path.join(self._folder, _FOLDER)

    def put_signatures(
        self, signatures: Sequence[bytes], instance: Digest | None = None, /
    ) -> None:
        """Keep the signatures of the image for podman, which stores them beside it."""
        if instance is None:
            self._signatures = signatures

    def put_manifest(self, manifest: RawManifest, /, *, top: bool) -> None:
        """Keep the manifest for `commit`."""
        if top:
            self._top = manifest

    def commit(self, tags: Sequence[str] = (), /) -> None:
        """Have podman take the image in and name it, and look whether the store has it.

        Args:
            tags: more names of the image, as `StorageReference.with_tag` takes them.

        Raises:
            InvalidReference: one of the tags can be no name.
            Refused: podman failed, or the store does not have the image afterwards.
        """
        if self._top is None:
            raise RuntimeError("commit without a top manifest")
        named = [self._reference, *(self._reference.with_tag(tag) for tag in tags)]
        names = list(dict.fromkeys(str(one.name) for one in named))
        folder = self._open()
        self._write(folder, self._top)
        arguments = ("pull", "--quiet", "--signature-policy=policy.json", f"dir:{_FOLDER}")
        above = os.path.dirname(folder)
        printed = self._podman.run(arguments, seconds=_PULL_SECONDS, folder=above)
        found = _ID.findall(printed)
        if not found:
            raise Refused("podman took the image, and did not say as what")
        self._podman.run(("tag", found[-1].decode(), *names))
        self._check_stored(self._top)

    def _write(self, folder: str, manifest: RawManifest) -> None:
        files = {
            "version": b"Directory Transport Version: 1.1\n",
            "manifest.json": manifest.content,
            "../policy.json": _POLICY,
        }
        files |= {f"signature-{n}": one for n, one in enumerate(self._signatures, 1)}
        for name, content in files.items():
            with (
                storage_errors("writing to", folder),
                open(os.path.join(folder, name), "wb") as file,
            ):
                file.write(content)

    def _check_stored(self, manifest: RawManifest) -> None:
        self._store = _find_store(self._reference, self._context)
        shown = self.current_digest()
        if self._store is not None and shown != manifest.digest:
            has = f"has {shown} there" if shown else "does not have it"
            raise Refused(
                f"podman took the image as {self._reference.name}, and the store {has}",
                hint="somebody else may write this name at the same time",
            )

    def close(self) -> None:
        """Remove what was kept; may be called twice."""
        with self._lock:
            self._closed = True
            if self._folder:
                shutil.rmtree(self._folder, ignore_errors=True)

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


def _find_store(reference: StorageReference, context: Context) -> Store | None:
    """Give the store to look into; None for one that only podman can read."""
    try:
        return Store(find_folders(reference.store, context.environment))
    except ConfigurationError:
        return None
