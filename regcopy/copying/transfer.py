"""Bring blobs to the destination: found there, mounted, or streamed; each digest once."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Final, Literal

from regcopy.copying.plan import PlannedBlob
from regcopy.copying.pool import Pool
from regcopy.errors import Cancelled, ContentError, located
from regcopy.events import BlobAdvanced, BlobDone, BlobStarted, Observer
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.manifest import MAX_MANIFEST_BYTES
from regcopy.model.mediatypes import GZIPPED
from regcopy.streams.blob import BLOCK_BYTES, BlobStream, Readable, read_limited
from regcopy.streams.compress import Gzipped
from regcopy.transports.base import ImageDestination, ImageReference, ImageSource, MountsBlobs

Outcome = Literal["copied", "reused", "mounted"]

# Layers above this size share few threads: each holds blocks of 1 MiB, and a handful fills
# any line. Small ones wait for answers, not for bytes, so many of them go at once.
HEAVY_BYTES: Final = 4 * 1024 * 1024
HEAVY_WORKERS: Final = 4


@dataclass(frozen=True, slots=True)
class Placed:
    """A blob that is at the destination.

    Attributes:
        planned: what was to be placed.
        blob: what is there; differs where it was gzipped on the way.
    """

    planned: PlannedBlob
    blob: Descriptor
    outcome: Outcome


class Transfer:
    """The blobs of one copy on their way.

    Args:
        reference: where the source is, to mount from.
        observer: told of every blob; calls come one at a time.
    """

    def __init__(
        self,
        reference: ImageReference,
        source: ImageSource,
        destination: ImageDestination,
        observer: Observer,
        cancelled: threading.Event,
    ) -> None:
        self._reference = reference
        self._source = source
        self._destination = destination
        self._observer = observer
        self._cancelled = cancelled
        self._stop = threading.Event()

    def run(self, blobs: Sequence[PlannedBlob], pool: Pool) -> list[Placed]:
        """Place all blobs.

        Raises:
            RegcopyError: the first failure; the others are stopped.
        """
        return pool.map(
            self._place,
            blobs,
            stop=self._stop,
            is_heavy=lambda planned: planned.blob.size > HEAVY_BYTES,
            heavy_workers=HEAVY_WORKERS,
        )

    def read_config(self, config: Descriptor) -> bytes:
        """Read the config of an image whole, verified.

        Raises:
            LimitExceeded: it is larger than a config may be.
        """
        with self._stream(config) as stream:
            return read_limited(stream, MAX_MANIFEST_BYTES, what=f"config {config.digest}")

    def put_bytes(self, content: bytes, media_type: str) -> Descriptor:
        """Place a small blob that was made here."""
        blob = Descriptor(media_type, Digest.of(content), len(content))
        with located(side="destination", operation=f"writing blob {blob.digest}"):
            if not self._destination.find_blob(blob):
                with BlobStream(lambda offset: io.BytesIO(content[offset:]), blob) as stream:
                    self._destination.put_blob(stream)
        return blob

    def _place(self, planned: PlannedBlob) -> Placed:
        blob = planned.blob
        self._observer.notify(BlobStarted(blob, planned.role))
        with self._placing(blob):
            if planned.gzip:
                placed = Placed(planned, self._put_gzipped(blob), "copied")
            elif self._mount(blob):
                placed = Placed(planned, blob, "mounted")
            elif self._destination.find_blob(blob):
                placed = Placed(planned, blob, "reused")
            else:
                with self._stream(blob) as stream:
                    placed = Placed(planned, self._destination.put_blob(stream), "copied")
        self._observer.notify(BlobDone(blob, planned.role, placed.outcome))
        return placed

    @contextmanager
    def _placing(self, blob: Descriptor) -> Iterator[None]:
        with located(side="destination", operation=f"writing blob {blob.digest}"):
            try:
                yield
            except ContentError:
                # The stream found it on the way: these are the source's bytes.
                with self._reading(blob):
                    raise

    def _mount(self, blob: Descriptor) -> bool:
        place = self._destination
        return (
            isinstance(place, MountsBlobs)
            and place.can_mount_from(self._reference)
            and place.mount_blob(blob, self._reference)
        )

    def _put_gzipped(self, blob: Descriptor) -> Descriptor:
        def open_gzipped(offset: int) -> Readable:
            # Compressed bytes cannot be asked for from the middle: an upload that resumes
            # compresses again, which gives the same bytes.
            gzipped = Gzipped(self._stream(blob))
            try:
                _skip(gzipped, offset)
            except BaseException:
                gzipped.close()
                raise
            return gzipped

        media_type = GZIPPED[blob.media_type]
        with BlobStream(open_gzipped, None, media_type=media_type) as stream:
            return self._destination.put_blob(stream)

    def _stream(self, blob: Descriptor) -> BlobStream:
        def open_at(offset: int) -> Readable:
            with self._reading(blob):
                raw = self._source.open_blob(blob, offset=offset)
            return _SourceBlob(raw, self.check_stopped, lambda: self._reading(blob))

        return BlobStream(open_at, blob, on_progress=lambda at: self._advance(blob, at))

    def _advance(self, blob: Descriptor, position: int) -> None:
        self.check_stopped()
        self._observer.notify(BlobAdvanced(blob.digest, position))

    def check_stopped(self) -> None:
        """Raise Cancelled once the run was cancelled, or another blob has failed."""
        if self._cancelled.is_set():
            raise Cancelled("cancelled")
        if self._stop.is_set():
            raise Cancelled("stopped, because another blob failed")

    def _reading(self, blob: Descriptor) -> AbstractContextManager[None]:
        operation = f"reading blob {blob.digest}"
        return located(side="source", reference=self._reference, operation=operation)


class _SourceBlob:
    """Raw bytes from the source, whose errors say that they come from there."""

    def __init__(
        self,
        raw: Readable,
        check_stopped: Callable[[], None],
        reading: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._raw = raw
        self._check_stopped = check_stopped
        self._reading = reading

    def read(self, size: int = -1, /) -> bytes:
        self._check_stopped()
        with self._reading():
            return self._raw.read(size)

    def close(self) -> None:
        self._raw.close()


def _skip(raw: Readable, count: int) -> None:
    while count > 0:
        block = raw.read(min(count, BLOCK_BYTES))
        if not block:
            return
        count -= len(block)
