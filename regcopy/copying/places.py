"""Source and destination of one copy, opened, and the questions that come first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TypeVar

from regcopy.copying.choice import Wanted, choose_image
from regcopy.copying.options import CopyOptions
from regcopy.copying.pool import DEFAULT_PARALLEL, Limits, Pool
from regcopy.copying.recompression import Rules
from regcopy.copying.signing import CarriedSignatures
from regcopy.copying.sizes import measured
from regcopy.copying.targets import target_format
from regcopy.copying.tree import Node, read_tree, select
from regcopy.errors import located
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.manifest import ImageIndex, RawManifest, parse_manifest
from regcopy.model.mediatypes import INDEXES
from regcopy.model.platform import Platform
from regcopy.transports.abilities import Abortable, HoldsImages, HoldsManifests
from regcopy.transports.base import (
    Context,
    ImageDestination,
    ImageReference,
)
from regcopy.trust.gate import TrustedSource
from regcopy.trust.options import Trust

_First = TypeVar("_First")
_Second = TypeVar("_Second")


@dataclass(frozen=True, slots=True, eq=False)
class CopyJob:
    """One image to copy.

    Attributes:
        source_context: made for the source; who made it closes its resources.
        destination_context: the same for the destination.
        trust: which images may be copied.
        limits: shared with other copies of the same session.
    """

    source: ImageReference
    destination: ImageReference
    source_context: Context
    destination_context: Context
    options: CopyOptions
    trust: Trust
    limits: Limits | None = None


class Places:
    """Both sides of a copy.

    The trust policy is asked here, where manifests are obtained: what is about to be copied
    passes through `choose` and `read`.
    """

    def __init__(self, job: CopyJob, source: TrustedSource, destination: ImageDestination) -> None:
        self.job = job
        self.source = source
        self.destination = destination
        self.signatures = CarriedSignatures(job, source, destination)
        # Some destinations take one blob after another; manifests can be read at once all the same.
        self.reading = self._pool(source.max_parallel)
        self.pool = self._pool(min(source.max_parallel, destination.capabilities.max_parallel))

    def _pool(self, most: int) -> Pool:
        workers = min(self.job.options.parallel or DEFAULT_PARALLEL, most)
        return Pool(workers, self.job.source_context.cancelled, self._abort, self.job.limits)

    def _abort(self) -> None:
        for place in (self.source, self.destination):
            if isinstance(place, Abortable):
                place.abort()

    def look(self) -> tuple[RawManifest, Digest | None]:
        """Read the source's top manifest, and ask what the destination has now, at once."""
        return self._both(self._read_top, self._current_digest)

    def _both(
        self, first: Callable[[], _First], second: Callable[[], _Second]
    ) -> tuple[_First, _Second]:
        firsts: list[_First] = []
        seconds: list[_Second] = []
        tasks: tuple[Callable[[], None], ...] = (
            lambda: firsts.append(first()),
            lambda: seconds.append(second()),
        )
        Pool(2, self.job.source_context.cancelled, self._abort).map(lambda task: task(), tasks)
        return firsts[0], seconds[0]

    def _read_top(self) -> RawManifest:
        with located(side="source", reference=self.job.source):
            return self.source.get_manifest()

    def _current_digest(self) -> Digest | None:
        if not isinstance(self.destination, HoldsImages):
            return None
        with located(side="destination", reference=self.job.destination):
            return self.destination.current_digest()

    def choose(self, top: RawManifest) -> Wanted:
        """Follow an index to the image for the platform, where only one image is wanted.

        Raises:
            PolicyRejected: it may not be copied.
        """
        platform = self._one_platform()
        with located(side="source", reference=self.job.source):
            wanted = Wanted.top(top)
            if platform is not None:
                wanted = choose_image(self.source, top, platform)
            is_top = wanted.entry is None
            self.source.check(
                wanted.digest, lambda: wanted.read(self.source).payload, is_top=is_top
            )
        self.signatures.find(wanted.digest, is_top=is_top)
        return wanted

    def _one_platform(self) -> Platform | None:
        """Give the platform whose image alone is wanted, without any index."""
        options = self.job.options
        if options.instances.kind == "system":
            return options.platform
        accepted = self.destination.capabilities.manifest_types
        takes_no_index = bool(accepted) and accepted.isdisjoint(INDEXES)
        asked_for = options.instances.platforms
        if takes_no_index and options.instances.strip and len(asked_for) == 1:
            return asked_for[0]
        return None

    def read(self, wanted: Wanted) -> Node:
        """Read all manifests that are copied, and let their blobs pass.

        Raises:
            PolicyRejected: one of them may not be copied; then none is.
        """
        with located(side="source", reference=self.job.source):
            raw = wanted.read(self.source)
            root = read_tree(self.source, raw, self.job.options.instances, self.reading)
        self.reading.map(lambda node: self._accept(node, root, wanted), list(root.walk()))
        with located(side="source", reference=self.job.source):
            return measured(root, self.source, self.reading)

    def _accept(self, node: Node, root: Node, wanted: Wanted) -> None:
        is_top = node is root and wanted.entry is None
        what = "" if node is root else f"{node.raw.digest} of the index"
        with located(side="source", reference=self.job.source, operation=what):
            self.source.accept(node.raw, node.parsed, is_top=is_top)
        self.signatures.find(node.raw.digest, is_top=is_top)

    @property
    def options(self) -> CopyOptions:
        """The job's, and no change of bytes where signatures or referrers are about them."""
        options = self.job.options
        if self.signatures.forbid_changes or options.referrers:
            return replace(options, preserve_digests=True)
        return options

    def is_there(self, wanted: Wanted, present: Digest | None) -> bool:
        """Tell whether the destination has the image, as it would be written, under its name."""
        options = self.job.options
        if present is None or present != wanted.digest or options.additional_tags:
            return False
        if self.signatures.is_any:
            return False  # they are written beside it
        with located(side="destination", reference=self.job.destination):
            capabilities = self.destination.capabilities
            if target_format(wanted.media_type, options, capabilities) is not None:
                return False
            if Rules.of(options, capabilities).is_demanded:
                return False
            if wanted.raw is None:
                return True
            parsed = parse_manifest(wanted.raw)
            if not isinstance(parsed, ImageIndex):
                return True
            if options.instances.strip:
                return False  # the index would be written anew
            entries = select(parsed, options.instances)
            return not self._is_signed(entries) and self._has_all(entries)

    def _is_signed(self, entries: tuple[Descriptor, ...]) -> bool:
        """Tell whether more must be looked at than which manifests there are."""
        if self.source.demands_something:
            return True
        return any(
            self.pool.map(lambda one: self.signatures.find(one.digest, is_top=False), entries)
        )

    def _has_all(self, manifests: tuple[Descriptor, ...]) -> bool:
        # A registry may hold an index whose images are not all there.
        place = self.destination
        if not isinstance(place, HoldsManifests):
            return True
        return all(self.pool.map(place.has_manifest, manifests))


@contextmanager
def open_places(job: CopyJob) -> Iterator[Places]:
    """Open both sides, and leave them with the error that ended the copy, if one did."""
    with located(side="source", reference=job.source):
        opened = job.source.open_source(job.source_context)
        source = TrustedSource(job.source, opened, job.source_context, job.trust)
    with source:
        with located(side="destination", reference=job.destination):
            destination = job.destination.open_destination(job.destination_context)
        with destination:
            yield Places(job, source, destination)
