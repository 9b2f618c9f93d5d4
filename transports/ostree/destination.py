"""Writing one image into an OSTree repository: a commit for each blob, and last the name."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from regcopy.errors import ContentError, LimitExceeded, NotFound, Refused
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.manifest import ImageManifest, RawManifest, parse_manifest
from regcopy.model.mediatypes import DOCKER_MANIFEST, OCI_MANIFEST
from regcopy.streams.blob import BLOCK_BYTES, BlobStream
from regcopy.streams.files import storage_errors, write_all
from regcopy.streams.tar_storage import temporary_folder
from regcopy.transports.base import Capabilities
from regcopy.transports.ostree.repository import (
    CONTENT_FILE,
    DIGEST_KEY,
    MANIFEST_KEY,
    SIGNATURES_KEY,
    SIZE_KEY,
    Repository,
    branch_of,
)
from regcopy.transports.ostree.source import read_manifest

if TYPE_CHECKING:
    from regcopy.transports.base import Context
    from regcopy.transports.ostree import OstreeReference

# Linux takes no longer argument (MAX_ARG_STRLEN); the rest is for the key.
_MAX_MANIFEST_BYTES: Final = 128 * 1024 - 256


class OstreeDestination:
    """One image in a repository that is there."""

    def __init__(self, reference: OstreeReference, context: Context) -> None:
        """Look, and write nothing. Errors as `OstreeReference.open_destination`."""
        self._reference = reference
        self._context = context
        self._repository = Repository.find(reference, context)
        self._repository.check()
        self._lock = threading.Lock()
        self._put: dict[Digest, int] = {}
        self._signatures: Sequence[bytes] = ()
        self._top: RawManifest | None = None

    @property
    def capabilities(self) -> Capabilities:
        """It takes one image in either family, its layers as they are."""
        return Capabilities(
            manifest_types=frozenset({OCI_MANIFEST, DOCKER_MANIFEST}), max_parallel=4
        )

    def current_digest(self) -> Digest | None:
        """Digest of the manifest under this name, where all its blobs are there."""
        try:
            raw = read_manifest(self._repository, self._reference.branch)
            parsed = parse_manifest(raw)
        except (NotFound, ContentError):
            return None
        complete = isinstance(parsed, ImageManifest) and all(map(self.find_blob, parsed.blobs))
        return raw.digest if complete else None

    def find_blob(self, blob: Descriptor, /) -> bool:
        """Tell whether the blob is there, unpacked or as one file."""
        with self._lock:
            if self._put.get(blob.digest) == blob.size:
                return True
        return self._repository.has(branch_of(blob.digest), SIZE_KEY, str(blob.size))

    def put_blob(self, stream: BlobStream, /) -> Descriptor:
        """Write a blob, whole or not at all.

        Raises:
            StorageFailed: it could not be kept on the way.
            ContentError: the bytes are not those that were promised.
            Refused: ostree could not write it.
        """
        with self._folder() as folder:
            with open(os.path.join(folder, CONTENT_FILE), "wb", buffering=0) as file:
                while block := stream.read(BLOCK_BYTES):
                    with storage_errors("writing to", folder):
                        write_all(file.fileno(), block)
                    self._context.check_cancelled()
            blob = stream.descriptor()
            self._repository.commit(branch_of(blob.digest), folder, {SIZE_KEY: str(blob.size)})
        with self._lock:
            self._put[blob.digest] = blob.size
        return blob

    @contextmanager
    def _folder(self) -> Iterator[str]:
        above = temporary_folder(self._context.environment.get("TMPDIR"))
        with storage_errors("creating a temporary folder in", above):
            folder = tempfile.mkdtemp(prefix="regcopy-", dir=above)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def put_signatures(
        self, signatures: Sequence[bytes], instance: Digest | None = None, /
    ) -> None:
        """Keep the signatures of the image for `commit`."""
        if instance is None:
            self._signatures = signatures

    def put_manifest(self, manifest: RawManifest, /, *, top: bool) -> None:
        """Keep the manifest for `commit`.

        Raises:
            LimitExceeded: ostree cannot be given one of this size.
        """
        if manifest.size > _MAX_MANIFEST_BYTES:
            raise LimitExceeded(
                f"the manifest has {manifest.size} bytes, and ostree takes {_MAX_MANIFEST_BYTES}",
                hint="images with hundreds of layers can be copied to oci: or oci-archive:",
            )
        if top:
            self._top = manifest

    def commit(self, tags: Sequence[str] = (), /) -> None:
        """Write the manifest under the image's name and `tags`, and read it back.

        Raises:
            InvalidReference: one of the tags can be no name.
            Refused: ostree could not write it, or does not show it afterwards.
        """
        if self._top is None:
            raise RuntimeError("commit without a top manifest")
        named = [self._reference, *(self._reference.with_tag(tag) for tag in tags)]
        metadata = {
            MANIFEST_KEY: self._top.content.decode(),
            SIGNATURES_KEY: str(len(self._signatures)),
            DIGEST_KEY: str(self._top.digest),
        }
        with self._folder() as folder:
            files = {"manifest.json": self._top.content}
            files |= {f"signature-{n}": one for n, one in enumerate(self._signatures, 1)}
            for name, content in files.items():
                with (
                    storage_errors("writing to", folder),
                    open(os.path.join(folder, name), "wb") as file,
                ):
                    file.write(content)
            for reference in dict.fromkeys(named):
                self._repository.commit(reference.branch, folder, metadata)
        for reference in dict.fromkeys(named):
            self._check_shown(reference, self._top)

    def _check_shown(self, reference: OstreeReference, manifest: RawManifest) -> None:
        shown = self._repository.metadata(reference.branch, MANIFEST_KEY)
        if shown is None or shown.encode() != manifest.content:
            raise Refused(
                f"ostree took the manifest as {reference.branch}, and has another one there",
                hint="somebody else may write this name at the same time",
            )

    def close(self) -> None:
        """Nothing is open."""

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
