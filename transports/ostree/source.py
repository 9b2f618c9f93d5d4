"""Reading one image of an OSTree repository."""

from __future__ import annotations

import base64
import binascii
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Self

from regcopy.errors import ContentError, ManifestInvalid, ManifestUnsupported, NotFound
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.manifest import (
    ImageManifest,
    RawManifest,
    media_type_of,
    parse_manifest,
)
from regcopy.model.mediatypes import DOCKER_LAYER
from regcopy.streams.blob import BLOCK_BYTES, Readable, skip
from regcopy.streams.decompress import Unpacked
from regcopy.streams.files import Folder, storage_errors
from regcopy.streams.inside import open_inside
from regcopy.streams.tar_split import Assembled
from regcopy.streams.tar_storage import temporary_folder
from regcopy.transports.ostree.repository import (
    CONTENT_FILE,
    DIGEST_KEY,
    MANIFEST_KEY,
    NOTES_KEY,
    PLAIN_DIGEST_KEY,
    PLAIN_SIZE_KEY,
    Repository,
    branch_of,
)
from regcopy.transports.plain_layers import PlainLayer, with_plain_layers

if TYPE_CHECKING:
    from regcopy.transports.base import Context
    from regcopy.transports.ostree import OstreeReference


@dataclass(frozen=True, slots=True)
class _Unpacked:
    """A layer that is stored unpacked; its branch is that of the blob it came as."""

    plain: PlainLayer
    branch: str


class OstreeSource:
    """One image of a repository; which one is settled when it is opened."""

    def __init__(self, reference: OstreeReference, context: Context) -> None:
        """Read the manifest. Errors as `OstreeReference.open_source`."""
        self._context = context
        self._repository = Repository.find(reference, context)
        stored = read_manifest(self._repository, reference.branch)
        parsed = parse_manifest(stored)
        if not isinstance(parsed, ImageManifest):
            raise ManifestUnsupported("ostree: holds images, each for one platform, and no index")
        found = [self._look(layer) for layer in parsed.layers]
        self._unpacked = {one.plain.diff_id: one for one in found if one}
        self._kept = {blob.digest for blob in parsed.blobs}
        plain = [one.plain if one else None for one in found]
        self._manifest = with_plain_layers(stored, parsed, plain, docker_type=DOCKER_LAYER)

    def _look(self, layer: Descriptor) -> _Unpacked | None:
        branch = branch_of(layer.digest)
        digest = self._repository.metadata(branch, PLAIN_DIGEST_KEY)
        size = self._repository.metadata(branch, PLAIN_SIZE_KEY) if digest else None
        if not digest or not size:
            return None
        if not size.isascii() or not size.isdigit() or len(size) > 18:
            raise ManifestInvalid(f"{branch} has no size in {PLAIN_SIZE_KEY}")
        return _Unpacked(PlainLayer(Digest.parse(digest), int(size)), branch)

    @property
    def max_parallel(self) -> int:
        """Threads that may call it at once."""
        return 4

    def get_manifest(self, instance: Descriptor | None = None, /) -> RawManifest:
        """Give the manifest; there is no other.

        Raises:
            NotFound: another one was asked for.
        """
        if instance is not None and instance.digest != self._manifest.digest:
            raise NotFound(f"the repository has no manifest {instance.digest} for this image")
        return self._manifest

    def open_blob(self, blob: Descriptor, /, *, offset: int = 0) -> Readable:
        """Open a blob from `offset` bytes on.

        Raises:
            NotFound: the image has no such blob.
            Refused: ostree cannot read it.
            StorageFailed: there is no place for the files of an unpacked layer.
        """
        unpacked = self._unpacked.get(blob.digest)
        if unpacked is not None:
            return self._assembled(unpacked.branch, offset)
        if blob.digest not in self._kept:
            raise NotFound(f"the image has no blob {blob.digest}")
        raw = self._repository.open_file(branch_of(blob.digest), CONTENT_FILE)
        try:
            skip(raw, offset)
        except BaseException:
            raw.close()
            raise
        return raw

    def _assembled(self, branch: str, offset: int) -> Readable:
        above = temporary_folder(self._context.environment.get("TMPDIR"))
        with storage_errors("creating a temporary folder in", above):
            folder = tempfile.mkdtemp(prefix="regcopy-", dir=above)
        try:
            # One program for each of its files would take far longer.
            place = os.path.join(folder, "layer")
            self._repository.check_out(branch, place)
            files = Folder.open(place)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        notes = _Base64(self._repository.open_metadata(branch, NOTES_KEY), branch)
        assembled = Assembled(
            Unpacked(notes, "gzip", what=f"the notes on {branch}"),
            lambda name, start: open_inside(files, name, offset=start),
            offset=offset,
            what=branch,
        )

        def clear() -> None:
            files.close()
            shutil.rmtree(folder, ignore_errors=True)

        return _Cleared(assembled, clear)

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


def read_manifest(repository: Repository, branch: str) -> RawManifest:
    """Read the manifest of an image.

    Raises:
        NotFound: there is no such branch, or it is no image.
        DigestMismatch: it is not what it was.
    """
    text = repository.metadata(branch, MANIFEST_KEY)
    if text is None:
        raise NotFound(f"{branch} in {repository.path} is no image: it has no manifest")
    content = text.encode()
    raw = RawManifest(content, media_type_of(content))
    digest = repository.metadata(branch, DIGEST_KEY)
    if digest:
        raw.check(Digest.parse(digest))
    return raw


class _Cleared:
    """A blob that leaves something behind which is cleared away with it."""

    def __init__(self, raw: Readable, clear: Callable[[], None]) -> None:
        self._raw = raw
        self._clear = clear

    def read(self, size: int = -1, /) -> bytes:
        return self._raw.read(size)

    def close(self) -> None:
        self._raw.close()
        self._clear()


class _Base64:
    """Bytes that are printed as text in quotes."""

    def __init__(self, raw: Readable, what: str) -> None:
        self._raw = raw
        self._what = what
        self._rest = b""

    def read(self, size: int = -1, /) -> bytes:
        wanted = BLOCK_BYTES if size < 0 else max(size // 3 * 4, 4)
        while block := self._raw.read(wanted):
            text = self._rest + block.translate(None, b"'\"\n")
            whole = len(text) // 4 * 4
            self._rest = text[whole:]
            if whole:
                return self._decoded(text[:whole])
        if self._rest:
            raise ContentError(f"{NOTES_KEY} of {self._what} is cut off")
        return b""

    def _decoded(self, text: bytes) -> bytes:
        try:
            return base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            raise ContentError(f"{NOTES_KEY} of {self._what} is not base64") from None

    def close(self) -> None:
        self._raw.close()
