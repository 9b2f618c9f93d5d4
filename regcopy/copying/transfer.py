"""Bring blobs to the destination: found there, mounted, or streamed; none twice."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from regcopy.copying.ledger import Ledger
from regcopy.copying.made import Made, MadeLayers, Recipe
from regcopy.copying.places import Places
from regcopy.copying.plain_layers import PlainLayers
from regcopy.copying.plan import PlannedBlob
from regcopy.copying.pool import HEAVY_WORKERS
from regcopy.copying.recompression import Recompression
from regcopy.errors import Cancelled, ContentError, LimitExceeded, located
from regcopy.events import BlobAdvanced, BlobDone, BlobStarted, Observer
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.manifest import MAX_MANIFEST_BYTES
from regcopy.streams.blob import BlobStream, Opener, Readable, read_limited, skip
from regcopy.streams.windows import hold_in
from regcopy.transports.abilities import MountsBlobs, SharesBlobs
from regcopy.transports.base import (
    ImageReference,
)

if TYPE_CHECKING:
    from regcopy.streams.watched import PlainLayer

Outcome = Literal["copied", "reused", "mounted"]
Found = tuple[Descriptor, Outcome]
OpenStream = Callable[[Descriptor], BlobStream]

# Layers above this size share few threads.
HEAVY_BYTES: Final = 4 * 1024 * 1024
# Configs that are needed first are held at once; real ones have a few kilobytes each.
MAX_CONFIGS_BYTES: Final = 32 * 1024 * 1024


class Placed(NamedTuple):
    """A blob that is at the destination.

    Attributes:
        planned: what was to be placed.
        blob: what is there; differs where its compression was changed on the way.
    """

    planned: PlannedBlob
    blob: Descriptor
    outcome: Outcome

    @property
    def change(self) -> Recompression | None:
        """What was really done to it; None where it arrived as it was."""
        return None if self.blob.digest == self.planned.blob.digest else self.planned.change


class Transfer:
    """The blobs of one copy on their way.

    Args:
        places: both sides, opened.
        observer: told of every blob; calls come one at a time.
    """

    def __init__(self, places: Places, observer: Observer) -> None:
        job = places.job
        self._reference = job.source
        self._target = job.destination
        self._source = places.source
        self._destination = places.destination
        self._pool = places.pool
        self._observer = observer
        self._cancelled = job.source_context.cancelled
        self._stop = threading.Event()
        self._made = job.destination_context.resources.get(MadeLayers, "", MadeLayers)
        self._ledger = job.destination_context.resources.get(Ledger, "", Ledger)
        self._hold = hold_in(job.source_context.resources, self.check_stopped)
        self._precomputes = job.options.precompute_digests
        self._environment = job.destination_context.environment
        self._configs: dict[Digest, bytes] = {}
        self._diff_ids: Mapping[Digest, Digest] = {}
        self._watched: frozenset[Digest] = frozenset()
        self._plain = job.destination_context.resources.get(PlainLayers, "", PlainLayers)

    def run(
        self,
        blobs: Sequence[PlannedBlob],
        diff_ids: Mapping[Digest, Digest],
        unpacked: Sequence[Descriptor] = (),
    ) -> list[Placed]:
        """Place all blobs.

        Args:
            blobs: what is to be placed.
            diff_ids: digests that layers must have once they are decompressed.
            unpacked: layers that are looked into while they pass; see `find_plain`.

        Raises:
            RegcopyError: the first failure; the others are stopped.
        """
        self._diff_ids = diff_ids
        self._watched = frozenset(layer.digest for layer in unpacked)
        placed = self._pool.map(
            self._place,
            blobs,
            stop=self._stop,
            is_heavy=_is_heavy,
            heavy_workers=HEAVY_WORKERS,
        )
        # What did not pass, as it was at the destination already, is read for it.
        missing = [layer for layer in unpacked if self.find_plain(layer.digest) is None]
        self._pool.map(
            self._look_into,
            missing,
            stop=self._stop,
            is_heavy=lambda _: True,
            heavy_workers=HEAVY_WORKERS,
        )
        return placed

    def _look_into(self, layer: Descriptor) -> None:
        with (
            self._reading(f"reading blob {layer.digest}"),
            BlobStream(self._opener(layer), layer) as stream,
        ):
            stream.drain()

    def find_plain(self, layer: Digest) -> PlainLayer | None:
        """Tell what a layer unpacks to, where the run was to learn that."""
        return self._plain.find(layer)

    def read_configs(self, configs: Sequence[Descriptor]) -> Mapping[Digest, bytes]:
        """Read configs of images whole, verified. They are not read again to be placed.

        Raises:
            LimitExceeded: one is larger than a config may be, or all together are too large.
            RegcopyError: one cannot be read.
        """
        total = sum(config.size for config in configs)
        if total > MAX_CONFIGS_BYTES:
            raise LimitExceeded(f"the configs have {total} bytes together")
        found = self._pool.map(self._read_config, configs)
        self._configs = {one.digest: content for one, content in zip(configs, found, strict=True)}
        return self._configs

    def _read_config(self, config: Descriptor) -> bytes:
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
        with self._placing(planned):
            if planned.change is not None:
                there, outcome = self._place_changed(blob, planned.change)
            else:
                there, outcome = self._place_as_it_is(blob, self._stream)
        self._observer.notify(BlobDone(blob, planned.role, outcome))
        return Placed(planned, there, outcome)

    @contextmanager
    def _placing(self, planned: PlannedBlob) -> Iterator[None]:
        digest = planned.blob.digest
        with located(side="destination", operation=f"writing blob {digest}"):
            try:
                yield
            except ContentError:
                # The stream found it on the way: these are the source's bytes.
                doing = "reading blob" if planned.change is None else "decompressing layer"
                with self._reading(f"{doing} {digest}"):
                    raise

    def _place_as_it_is(self, blob: Descriptor, open_stream: OpenStream) -> Found:
        place = self._destination
        if not isinstance(place, SharesBlobs):
            return self._bring(blob, open_stream)
        domain, scope = place.blob_domain, place.blob_scope
        # Other copies of the run may want the same blob at this moment.
        with self._ledger.alone(domain, blob.digest, self.check_stopped):
            held = self._ledger.holders(domain, blob.digest)
            if scope in held:
                return blob, "reused"
            if any(self._mount(blob, elsewhere) for elsewhere in held.values()):
                found: Found = (blob, "mounted")
            else:
                found = self._bring(blob, open_stream)
            self._ledger.note(domain, scope, blob.digest, self._target)
            return found

    def _bring(self, blob: Descriptor, open_stream: OpenStream) -> Found:
        if self._mount(blob, self._reference):
            return blob, "mounted"
        if self._destination.find_blob(blob):
            return blob, "reused"
        with open_stream(blob) as stream:
            return self._destination.put_blob(stream), "copied"

    def _mount(self, blob: Descriptor, source: ImageReference) -> bool:
        place = self._destination
        return (
            isinstance(place, MountsBlobs)
            and place.can_mount_from(source)
            and place.mount_blob(blob, source)
        )

    def _place_changed(self, blob: Descriptor, change: Recompression) -> Found:
        recipe = Recipe(blob.digest, change.after, change.level, self._diff_ids.get(blob.digest))
        made = self._made.find(recipe)
        if made is not None:
            there = replace(made.blob, media_type=change.media_type(blob))
            if self._mount(there, made.place):
                return there, "mounted"
            if self._destination.find_blob(there):
                return there, "reused"
        if change.may_stay and self._destination.find_blob(blob):
            return blob, "reused"
        with self._changed(blob, change, recipe.diff_id) as stream:
            there, outcome = self._put_changed(stream)
        self._made.note(recipe, Made(there, self._target))
        return there, outcome

    def _put_changed(self, stream: BlobStream) -> Found:
        """Place a layer whose digest is known only once it was made."""
        if not self._precomputes or not isinstance(self._destination, SharesBlobs):
            return self._destination.put_blob(stream), "copied"
        from regcopy.copying.precompute import precomputed  # few ask for it

        with precomputed(stream, self._temporary_folder()) as known:
            return self._place_as_it_is(stream.descriptor(), lambda _: known)

    def _temporary_folder(self) -> str:
        from regcopy.streams.tar_storage import temporary_folder

        return temporary_folder(self._environment.get("TMPDIR"))

    def _changed(
        self, blob: Descriptor, change: Recompression, diff_id: Digest | None
    ) -> BlobStream:
        from regcopy.streams.recompress import recompress  # most layers stay as they are

        annotations: dict[str, str] = {}

        def open_changed(offset: int) -> Readable:
            # Such bytes cannot be asked for from the middle: an upload that resumes makes
            # them again, and they are the same again.
            changed: Readable = self._from_source(self._stream(blob), blob)
            try:
                changed = recompress(
                    changed,
                    change.before,
                    change.after,
                    level=change.level,
                    diff_id=diff_id,
                    ahead=blob.size > HEAVY_BYTES,
                    hold=self._hold,
                    folder=self._temporary_folder(),
                    annotate=annotations.update,
                )
                skip(changed, offset)
            except BaseException:
                changed.close()
                raise
            return changed

        return BlobStream(
            open_changed,
            None,
            media_type=change.media_type(blob),
            digest=diff_id if change.after == "none" else None,
            annotations=annotations,
            on_progress=lambda _: self.check_stopped(),
        )

    def _stream(self, blob: Descriptor) -> BlobStream:
        return BlobStream(self._opener(blob), blob, on_progress=lambda at: self._advance(blob, at))

    def _opener(self, blob: Descriptor) -> Opener:
        def open_at(offset: int) -> Readable:
            if blob.digest in self._configs:
                return io.BytesIO(self._configs[blob.digest][offset:])
            with self._reading(f"reading blob {blob.digest}"):
                raw = self._source.open_blob(blob, offset=offset)
            opened = self._from_source(raw, blob)
            if offset or blob.digest not in self._watched:
                return opened  # the rest alone cannot be unpacked
            from regcopy.streams.watched import Watched  # few images need it

            return Watched(opened, lambda found: self._plain.note(blob.digest, found))

        return open_at

    def _from_source(self, raw: Readable, blob: Descriptor) -> _SourceBlob:
        operation = f"reading blob {blob.digest}"
        return _SourceBlob(raw, self.check_stopped, lambda: self._reading(operation))

    def _advance(self, blob: Descriptor, position: int) -> None:
        self.check_stopped()
        self._observer.notify(BlobAdvanced(blob.digest, position))

    def check_stopped(self) -> None:
        """Raise Cancelled once the run was cancelled, or another blob has failed."""
        if self._cancelled.is_set():
            raise Cancelled("cancelled")
        if self._stop.is_set():
            raise Cancelled("stopped, because another blob failed")

    def _reading(self, operation: str) -> AbstractContextManager[None]:
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


def _is_heavy(planned: PlannedBlob) -> bool:
    # To unpack zstd may take memory of megabytes, however small the layer is.
    unpacks = planned.change is not None and planned.change.before != "none"
    return unpacks or planned.blob.size > HEAVY_BYTES
