"""Bring blobs to the destination: found there, mounted, or streamed; none twice."""

from __future__ import annotations

import io
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Literal, NamedTuple, TypeVar

from regcopy.copying.ledger import Ledger
from regcopy.copying.made import Made, MadeLayers, Recipe
from regcopy.copying.places import Places
from regcopy.copying.plain_layers import PlainLayers
from regcopy.copying.plan import PlannedBlob
from regcopy.copying.pool import HEAVY_WORKERS
from regcopy.copying.recompression import Recompression
from regcopy.copying.source_blobs import HEAVY_BYTES, SourceBlobs
from regcopy.errors import ContentError, located
from regcopy.events import BlobDone, BlobStarted, Observer
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.streams.blob import BlobStream
from regcopy.transports.abilities import MountsBlobs, SharesBlobs
from regcopy.transports.base import ImageReference

Outcome = Literal["copied", "reused", "mounted"]
Found = tuple[Descriptor, Outcome]
OpenStream = Callable[[Descriptor], BlobStream]
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


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
        blobs: what comes from the source.
        observer: told of every blob; calls come one at a time.
        diff_ids: digests that layers must have once they are decompressed.

    Attributes:
        plain_layers: what layers were found to unpack to.
    """

    def __init__(
        self,
        places: Places,
        blobs: SourceBlobs,
        observer: Observer,
        diff_ids: Mapping[Digest, Digest],
    ) -> None:
        job, shared = places.job, places.job.destination_context.resources
        self._blobs = blobs
        self._source = job.source
        self._target = job.destination
        self._destination = places.destination
        self._pool = places.pool
        self._observer = observer
        self._diff_ids = diff_ids
        self._precomputes = job.options.precompute_digests
        self._made = shared.get(MadeLayers, "", MadeLayers)
        self._ledger = shared.get(Ledger, "", Ledger)
        self._unasked: list[Digest] = []
        self.plain_layers = shared.get(PlainLayers, "", PlainLayers)

    def run(
        self, planned: Sequence[PlannedBlob], unpacked: Sequence[Descriptor] = ()
    ) -> list[Placed]:
        """Place all blobs.

        Args:
            planned: what is to be placed.
            unpacked: layers that are looked into while they pass, for `plain_layers`.

        Raises:
            RegcopyError: the first failure; the others are stopped.
        """
        self._blobs.watch(unpacked, self.plain_layers)
        watched = frozenset(layer.digest for layer in unpacked)
        placed = self._run(self._place, planned, is_heavy=lambda one: _is_heavy(one, watched))
        # What did not pass, as it was at the destination already, is read for it.
        missing = [layer for layer in unpacked if self.plain_layers.find(layer.digest) is None]
        self._run(self._blobs.look_into, missing, is_heavy=lambda _: True)
        return placed

    def doubt(self) -> bool:
        """Ask for all blobs when they are placed again; tell whether some were not asked for.

        What an earlier copy of a session brought may have gone since: images are deleted, and
        registries collect their garbage.
        """
        place, unasked = self._destination, self._unasked
        self._unasked = []
        if isinstance(place, SharesBlobs):
            for digest in unasked:
                self._ledger.forget(place.blob_domain, place.blob_scope, digest)
        return bool(unasked)

    def _run(
        self,
        function: Callable[[_Item], _Result],
        items: Sequence[_Item],
        *,
        is_heavy: Callable[[_Item], bool],
    ) -> list[_Result]:
        return self._pool.map(
            function,
            items,
            stop=self._blobs.stop,
            is_heavy=is_heavy,
            heavy_workers=HEAVY_WORKERS,
        )

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
                there, outcome = self._place_as_it_is(blob, self._blobs.stream)
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
                with self._blobs.reading(f"{doing} {digest}"):
                    raise

    def _place_as_it_is(self, blob: Descriptor, open_stream: OpenStream) -> Found:
        place = self._destination
        if not isinstance(place, SharesBlobs):
            return self._bring(blob, open_stream)
        domain, scope = place.blob_domain, place.blob_scope
        # Other copies of the run may want the same blob at this moment.
        with self._ledger.alone(domain, blob.digest, self._blobs.check_stopped):
            held = self._ledger.holders(domain, blob.digest)
            if scope in held:
                self._unasked.append(blob.digest)
                return blob, "reused"
            if any(self._mount(blob, elsewhere) for elsewhere in held.values()):
                found: Found = (blob, "mounted")
            else:
                found = self._bring(blob, open_stream)
            self._ledger.note(domain, scope, blob.digest, self._target)
            return found

    def _bring(self, blob: Descriptor, open_stream: OpenStream) -> Found:
        if self._mount(blob, self._source):
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
        with self._blobs.changed(blob, change, recipe.diff_id) as stream:
            there, outcome = self._put_changed(stream)
        self._made.note(recipe, Made(there, self._target))
        return there, outcome

    def _put_changed(self, stream: BlobStream) -> Found:
        """Place a layer whose digest is known only once it was made."""
        if not self._precomputes or not isinstance(self._destination, SharesBlobs):
            return self._destination.put_blob(stream), "copied"
        from regcopy.copying.precompute import precomputed  # few ask for it

        folder, check_stopped = self._blobs.temporary_folder, self._blobs.check_stopped
        with precomputed(stream, folder, check_stopped) as known:
            return self._place_as_it_is(stream.descriptor(), lambda _: known)


def _is_heavy(planned: PlannedBlob, watched: Collection[Digest]) -> bool:
    # To compress or unpack may take memory of megabytes, however small the layer is.
    is_worked_on = planned.change is not None or planned.blob.digest in watched
    return is_worked_on or planned.blob.size > HEAVY_BYTES
