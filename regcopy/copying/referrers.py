"""What refers to an image travels with it: signatures, SBOMs and attestations.

They are manifests of their own, which name the image's as their `subject` (OCI image-spec
1.1), or lie under a tag of its digest, as cosign's older ones do. Each is copied as an image
is, into the repository that the image goes to, before the image's own name is written: who
finds the image finds them, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING, Final

from regcopy.copying.options import CopyOptions, Instances
from regcopy.copying.pool import Pool
from regcopy.copying.tally import Tally
from regcopy.copying.tree import MAX_TREE_BYTES
from regcopy.errors import (
    Cancelled,
    LimitExceeded,
    ManifestUnsupported,
    NotFound,
    PolicyRejected,
    Refused,
    RegcopyError,
    UsageError,
    located,
)
from regcopy.events import Silent
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.manifest import (
    MAX_INDEX_ENTRIES,
    ImageIndex,
    ImageManifest,
    RawManifest,
    parse_manifest,
)
from regcopy.model.referrers import cosign_tags, described_referrer
from regcopy.transports.abilities import HoldsManifests, KeepsReferrers, NamesManifests

if TYPE_CHECKING:
    from regcopy.copying.places import CopyJob, Places
    from regcopy.copying.result import CopyResult
    from regcopy.copying.tree import Node
    from regcopy.transports.base import Context, ImageReference

CopyOne = Callable[["CopyJob", Tally], "CopyResult"]

# An SBOM of an image has a signature; what is deeper was built to exhaust somebody.
MAX_DEPTH: Final = 4
# As many as an index of them can have (`Referrers Tag Schema`).
MAX_REFERRERS: Final = MAX_INDEX_ENTRIES
# Each is a copy of its own, with threads of its own.
_AT_ONCE: Final = 4


@dataclass(frozen=True, slots=True)
class Attached:
    """A manifest that travels with another one.

    Attributes:
        subject: the one that it is about.
        manifest: described as in lists of referrers.
        tag: that it lies under, where it is one of cosign's; "" for a referrer.
    """

    subject: Digest
    manifest: Descriptor
    tag: str = ""

    def __str__(self) -> str:
        what = f"tag {self.tag}" if self.tag else f"referrer {self.manifest.digest}"
        return f"{what} of {self.subject}"


def check_referrers(job: CopyJob) -> None:
    """Raise UsageError where referrers are wanted, and cannot travel."""
    if not job.options.referrers:
        return
    for side, place in (("source", job.source), ("destination", job.destination)):
        if not isinstance(place, NamesManifests):
            raise UsageError(
                f"--referrers needs a registry on both sides, and the {side} is {place}",
                hint="leave it out, or name the image with docker://",
            )
    if job.options.remove_signatures:
        raise UsageError(
            "--referrers copies signatures, and --remove-signatures leaves them behind",
            hint="leave out one of them",
        )


@contextmanager
def explained(options: CopyOptions) -> Iterator[None]:
    """Say why bytes must not change, where it is because of referrers."""
    try:
        yield
    except ManifestUnsupported as error:
        if options.referrers:
            error.hint = (
                "referrers are about these very bytes: leave out --referrers, or what changes them"
            )
        raise


class Referrers:
    """What travels with the manifests of one copy.

    Attributes:
        found: what is about the image first, then what is about that.
    """

    def __init__(self, places: Places, root: Node | None) -> None:
        """Find what refers to the manifests of `root`; None for a copy without referrers.

        Raises:
            LimitExceeded: there are too many, or referrers of referrers without end.
            RegcopyError: they cannot be listed or read.
        """
        self._places = places
        self._root = root
        self.found: tuple[tuple[Attached, ...], ...] = ()
        if root is not None:
            with located(side="source", reference=places.job.source):
                subjects = [node.raw.digest for node in root.walk()]
                self.found = tuple(_Reader(places).levels(subjects))

    @property
    def missing(self) -> int:
        """How many of them the destination does not have yet."""
        place, job = self._places.destination, self._places.job
        manifests = {one.manifest.digest: one.manifest for level in self.found for one in level}
        if not isinstance(place, HoldsManifests):
            return len(manifests)
        with located(side="destination", reference=job.destination):
            there = self._places.pool.map(place.has_manifest, list(manifests.values()))
        return there.count(False)

    def bring(self, copy_one: CopyOne) -> tuple[CopyResult, ...]:
        """Copy all; gives what was done for those that were not there.

        Args:
            copy_one: copies an image.

        Raises:
            RegcopyError: one could not be copied; the message says which.
        """
        pool = Pool(_AT_ONCE, self._places.job.source_context.cancelled)
        results: list[CopyResult | None] = []
        for level in self.found:
            results += pool.map(lambda one: self._copy(one, copy_one), level)
            self._keep(level)
        return tuple(one for one in results if one is not None and not one.already_there)

    def put_subjects(self) -> None:
        """Write the manifests that they are about by their digests, as some registries want.

        Raises:
            TransportError: the registry does not take them.
        """
        root = self._root
        if root is None or not self.found:
            return
        place, job = self._places.destination, self._places.job
        # Where a digest is the image's name, it is written last.
        named = root if place.capabilities.required_digest is not None else None
        nodes = [node for node in root.walk() if node is not named]
        with located(side="destination", reference=job.destination):
            images = [node for node in nodes if isinstance(node.parsed, ImageManifest)]
            self._places.pool.map(self._put_subject, images)
            for node in nodes:
                if isinstance(node.parsed, ImageIndex):
                    self._put_subject(node)

    def _put_subject(self, node: Node) -> None:
        place = self._places.destination
        if not isinstance(place, HoldsManifests) or not place.has_manifest(node.raw.descriptor()):
            place.put_manifest(node.raw, top=False)

    def _copy(self, one: Attached, copy_one: CopyOne) -> CopyResult | None:
        job = _job(self._places.job, one)
        with _told(one):
            if one.tag and _has_more(job, one.manifest.digest):
                return None
            return copy_one(job, Tally(Silent()))

    def _keep(self, level: Sequence[Attached]) -> None:
        place, job = self._places.destination, self._places.job
        by_subject: dict[Digest, list[Descriptor]] = {}
        for one in level:
            if not one.tag:
                by_subject.setdefault(one.subject, []).append(one.manifest)
        if isinstance(place, KeepsReferrers):
            keep = place.keep_referrers
            with located(side="destination", reference=job.destination):
                self._places.pool.map(lambda one: keep(*one), list(by_subject.items()))


class _Reader:
    """Asks the source what is attached to manifests, and how much of it there is already."""

    def __init__(self, places: Places) -> None:
        self._source = places.source
        self._pool = places.reading
        self._count = 0
        self._bytes = 0

    def levels(self, subjects: Sequence[Digest]) -> Iterator[tuple[Attached, ...]]:
        """Give what is attached to `subjects`, then what is attached to that, and so on."""
        known, level = set(subjects), list(subjects)
        for depth in count():
            found = self._attached_to(level)
            if not found:
                return
            if depth == MAX_DEPTH:
                raise LimitExceeded(f"referrers of referrers are over {MAX_DEPTH} levels deep")
            yield tuple(found)
            digests = dict.fromkeys(one.manifest.digest for one in found)
            level = [digest for digest in digests if digest not in known]
            known.update(level)

    def _attached_to(self, subjects: Sequence[Digest]) -> list[Attached]:
        lists = self._pool.map(self._source.list_referrers, subjects)
        entries = [(s, e) for s, listed in zip(subjects, lists, strict=True) for e in listed]
        tags = [(subject, tag) for subject in subjects for tag in cosign_tags(subject)]
        digests = self._pool.map(lambda one: self._source.find_tag(one[1]), tags)
        tagged = [
            Attached(subject, Descriptor("", digest, 0), tag)
            for (subject, tag), digest in zip(tags, digests, strict=True)
            if digest is not None
        ]
        self._check_limits(len(tagged), [entry for _, entry in entries])
        read = self._pool.map(self._read, entries)
        return [*(one for one in read if one is not None), *tagged]

    def _check_limits(self, tagged: int, entries: Sequence[Descriptor]) -> None:
        self._count += tagged + len(entries)
        self._bytes += sum(entry.size for entry in entries)
        if self._count > MAX_REFERRERS:
            raise LimitExceeded(f"the image has more than {MAX_REFERRERS} referrers")
        if self._bytes > MAX_TREE_BYTES:
            raise LimitExceeded(f"the referrers have more than {MAX_TREE_BYTES} bytes together")

    def _read(self, listed: tuple[Digest, Descriptor]) -> Attached | None:
        """Read a referrer that is listed; None where it is about something else."""
        subject, entry = listed
        with _told(Attached(subject, entry)):
            raw = self._source.get_manifest(entry)
            parsed = parse_manifest(raw)
        if parsed.subject is None or parsed.subject.digest != subject:
            return None
        # What a list says about it may be wrong; the manifest itself is what counts.
        return Attached(subject, described_referrer(raw.descriptor(), parsed))


def _job(job: CopyJob, one: Attached) -> CopyJob:
    source, destination = job.source, job.destination
    if not isinstance(source, NamesManifests) or not isinstance(destination, NamesManifests):
        raise TypeError("places without names for manifests are refused before")
    digest = one.manifest.digest
    return replace(
        job,
        source=source.with_tag(one.tag) if one.tag else source.with_digest(digest),
        destination=destination.with_tag(one.tag) if one.tag else destination.with_digest(digest),
        options=CopyOptions(
            instances=Instances("all"), preserve_digests=True, parallel=job.options.parallel
        ),
    )


def _has_more(job: CopyJob, digest: Digest) -> bool:
    """Tell whether a tag of cosign has all that the source's has, and more.

    Signatures are added to what is under such a tag: whoever has signed the copy, too, must
    not lose that by the next one.
    """
    with located(side="destination", reference=job.destination):
        try:
            there = _manifest(job.destination, job.destination_context)
        except NotFound:
            return False
    if there.digest == digest:
        return False  # it is the same
    with located(side="source", reference=job.source):
        wanted = _contents(_manifest(job.source, job.source_context))
    held = _contents(there)
    return bool(wanted) and all(one in held for one in wanted)


def _manifest(image: ImageReference, context: Context) -> RawManifest:
    with closing(image.open_source(context)) as source:
        return source.get_manifest()


def _contents(raw: RawManifest) -> list[tuple[Descriptor, Mapping[str, str]]]:
    """Layers with their annotations, in which cosign has the signature itself."""
    parsed = parse_manifest(raw)
    if isinstance(parsed, ImageIndex):
        return []
    return [(layer, layer.annotations) for layer in parsed.layers]


@contextmanager
def _told(one: Attached) -> Iterator[None]:
    """Say in errors which manifest they are about, and whose it is."""
    try:
        yield
    except Cancelled:
        raise
    except NotFound as error:
        # The image itself is there; that one is missing has an exit code of its own.
        refused = Refused(f"{one}: {error.message}", answer=error.answer, hint=error.hint)
        refused.side, refused.reference = error.side, error.reference
        refused.operation = error.operation
        raise refused from None
    except RegcopyError as error:
        error.message = f"{one}: {error.message}"
        if isinstance(error, PolicyRejected):
            error.hint = error.hint or "the trust policy is asked about referrers, too"
        raise
