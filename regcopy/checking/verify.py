"""Whether images are there whole: every manifest and blob, with its size and digest."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from regcopy.checking.opening import (
    OpenedImage,
    Reading,
    open_image,
    opened_in,
    reading_session,
)
from regcopy.copying.pool import DEFAULT_PARALLEL, HEAVY_WORKERS, Limits, Pool
from regcopy.copying.sizes import size_of
from regcopy.copying.tree import MAX_DEPTH
from regcopy.errors import (
    Cancelled,
    ContentError,
    LimitExceeded,
    NotFound,
    Refused,
    RegcopyError,
    ServerFault,
    SizeMismatch,
    StorageFailed,
)
from regcopy.model.descriptor import UNKNOWN_SIZE, Descriptor
from regcopy.model.digest import Digest
from regcopy.model.manifest import (
    MAX_INDEX_ENTRIES,
    ImageIndex,
    ImageManifest,
    ParsedManifest,
    RawManifest,
    parse_manifest,
)
from regcopy.streams.blob import BLOCK_BYTES

PartKind = Literal["index", "manifest", "config", "layer"]

_IMAGES_AT_ONCE: Final = 8

# What speaks of the part itself. No connection, or no credentials, says nothing about it.
_ABOUT_THE_PART = (ContentError, NotFound, Refused, ServerFault, StorageFailed)


@dataclass(frozen=True, slots=True)
class CheckedPart:
    """One manifest or blob.

    Attributes:
        size: bytes, as its descriptor says.
        problem: what is wrong with it, "" where nothing is.
    """

    kind: PartKind
    digest: Digest
    size: int
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Verification:
    """What was found out about an image.

    Attributes:
        digest: of the top manifest.
        parts: each manifest and blob once, manifests first.
        is_deep: blobs were read and hashed; else their presence and size was looked at.
    """

    digest: Digest
    parts: tuple[CheckedPart, ...]
    is_deep: bool

    @property
    def problems(self) -> tuple[CheckedPart, ...]:
        """Parts with which something is wrong."""
        return tuple(part for part in self.parts if part.problem)

    @property
    def size(self) -> int:
        """Bytes of all parts together."""
        return sum(part.size for part in self.parts)


@dataclass(frozen=True, slots=True)
class Verified:
    """What became of one of several images.

    Attributes:
        reference: its name.
        found: what was found out about it; None where that was not possible.
        error: why not.
    """

    reference: str
    found: Verification | None = None
    error: RegcopyError | None = None


def verify_image(
    reference: str, *, deep: bool = False, reading: Reading | None = None
) -> Verification:
    """Check all that an image, or an index with all its images, is made of.

    Manifests are read and hashed.

    Args:
        reference: `transport:reference`.
        deep: read and hash each blob; else only its last byte is read: it is there, and has
            its size.
        reading: how it is reached.

    Raises:
        NotFound: there is no such image.
        RegcopyError: the place cannot be reached, or says nothing about the parts.
    """
    with open_image(reference, reading or Reading()) as image:
        return _Walk(image, deep=deep).run(image.source.get_manifest())


def verify_images(
    references: Sequence[str],
    told: Callable[[Verified], None],
    *,
    deep: bool = False,
    reading: Reading | None = None,
) -> None:
    """Check several images, a few at once; one that cannot be checked stops no other.

    Args:
        references: each `transport:reference`.
        told: called for each image as soon as it was checked, from threads, once at a time.
        deep: as `verify_image`.
        reading: how they are reached.

    Raises:
        Cancelled: the run was stopped.
    """
    how = reading or Reading()
    limits = Limits(DEFAULT_PARALLEL, HEAVY_WORKERS)
    lock = threading.Lock()
    with reading_session(how) as session:

        def check(reference: str) -> None:
            try:
                with opened_in(session, reference, how, limits=limits) as image:
                    found = _Walk(image, deep=deep).run(image.source.get_manifest())
                result = Verified(reference, found)
            except Cancelled:
                raise
            except RegcopyError as error:
                result = Verified(reference, error=error)
            with lock:
                told(result)

        Pool(_IMAGES_AT_ONCE, how.cancelled or threading.Event()).map(check, references)


class _Walk:
    def __init__(self, image: OpenedImage, *, deep: bool) -> None:
        self._image = image
        self._is_deep = deep
        self._manifests: dict[Digest, CheckedPart] = {}
        self._blobs: dict[Digest, tuple[PartKind, Descriptor]] = {}

    def run(self, top: RawManifest) -> Verification:
        level = self._take(top.descriptor(), top)
        depth = 0
        while level:
            depth += 1
            self._check_limits(level, depth)
            found = self._image.pool.map(self._read, level)
            level = self._unseen(
                child
                for entry, (raw, problem) in zip(level, found, strict=True)
                for child in self._take(entry, raw, problem)
            )
        blobs = self._image.pool.map(self._check_blob, list(self._blobs.values()))
        parts = (*self._manifests.values(), *(part for part in blobs if part is not None))
        return Verification(top.digest, parts, self._is_deep)

    def _check_limits(self, level: tuple[Descriptor, ...], depth: int) -> None:
        if depth > MAX_DEPTH:
            raise LimitExceeded(f"image index is nested more than {MAX_DEPTH} levels deep")
        if len(self._manifests) + len(level) > MAX_INDEX_ENTRIES:
            raise LimitExceeded(f"image index names more than {MAX_INDEX_ENTRIES} manifests")

    def _unseen(self, entries: Iterable[Descriptor]) -> tuple[Descriptor, ...]:
        found = {entry.digest: entry for entry in entries if entry.digest not in self._manifests}
        return tuple(found.values())

    def _read(self, entry: Descriptor) -> tuple[RawManifest | None, str]:
        try:
            return self._image.source.get_manifest(entry), ""
        except _ABOUT_THE_PART as error:
            return None, _told(error)

    def _take(
        self, entry: Descriptor, raw: RawManifest | None, problem: str = ""
    ) -> tuple[Descriptor, ...]:
        """Note a manifest and what it names; gives the manifests below it."""
        parsed: ParsedManifest | None = None
        if raw is not None:
            try:
                parsed = parse_manifest(raw)
            except ContentError as error:
                problem = _told(error)
        kind: PartKind = "index" if isinstance(parsed, ImageIndex) else "manifest"
        self._manifests[entry.digest] = CheckedPart(kind, entry.digest, entry.size, problem)
        if isinstance(parsed, ImageManifest):
            self._note_blobs(parsed)
        return self._unseen(parsed.manifests) if isinstance(parsed, ImageIndex) else ()

    def _note_blobs(self, parsed: ImageManifest) -> None:
        if parsed.config is not None:
            self._blobs.setdefault(parsed.config.digest, ("config", parsed.config))
        for layer in parsed.layers:
            self._blobs.setdefault(layer.digest, ("layer", layer))

    def _check_blob(self, noted: tuple[PartKind, Descriptor]) -> CheckedPart | None:
        """Say how a blob is; None for one that need not be here, and is not."""
        kind, blob = noted
        problem = ""
        try:
            if blob.size == UNKNOWN_SIZE:
                blob = replace(blob, size=size_of(self._image.source, blob))
            if self._is_deep:
                self._read_through(blob)
            else:
                self._look_at_end(blob)
        except _ABOUT_THE_PART as error:
            if blob.is_foreign and isinstance(error, NotFound):
                return None
            problem = _told(error)
        return CheckedPart(kind, blob.digest, blob.size, problem)

    def _read_through(self, blob: Descriptor) -> None:
        with self._image.stream(blob) as stream:
            while stream.read(BLOCK_BYTES):
                self._image.check_cancelled()

    def _look_at_end(self, blob: Descriptor) -> None:
        """Read from the last byte on: it must be the last one."""
        offset = max(blob.size - 1, 0)
        raw = self._image.source.open_blob(blob, offset=offset)
        try:
            rest = len(raw.read(2))
            rest += len(raw.read(1)) if rest == 1 else 0
        finally:
            raw.close()
        if offset + rest != blob.size:
            raise SizeMismatch(blob.size, offset + rest)


def _told(error: RegcopyError) -> str:
    return error.message
