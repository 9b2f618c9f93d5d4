"""Delete at the destination what the source has no more (`sync --delete`).

A registry deletes manifests, and with one all tags that name it. So a tag goes only where
nothing that stays needs its manifest: no other tag, no index that another tag names, and no
image that it is the signature of.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from regcopy.batch.resume import current_digest
from regcopy.batch.sync.listing import Lister
from regcopy.batch.sync.request import Managed, SyncPlan, SyncRequest
from regcopy.copying.pool import Pool
from regcopy.copying.tree import MAX_DEPTH
from regcopy.errors import LimitExceeded, NotFound, located
from regcopy.model.digest import Digest
from regcopy.model.manifest import ImageIndex, RawManifest, parse_manifest
from regcopy.model.mediatypes import INDEXES
from regcopy.model.reference import ImageName
from regcopy.session import Session
from regcopy.transports import parse_reference
from regcopy.transports.abilities import DeletesImages
from regcopy.transports.base import ImageSource

# sigstore and others name what belongs to an image after its digest.
_BELONGS_TO: Final = re.compile(r"(sha256|sha512)-([0-9a-f]{64}|[0-9a-f]{128})(?:\..+)?")


@dataclass(frozen=True, slots=True)
class Stale:
    """A tag that is to go.

    Attributes:
        name: of the image at the destination.
        digest: of its manifest.
        needed_by: tag or digest for which it stays after all, or "".
    """

    name: ImageName
    digest: Digest
    needed_by: str = ""


def find_stale(
    plan: SyncPlan,
    request: SyncRequest,
    session: Session,
    *,
    cancelled: threading.Event | None = None,
) -> tuple[Stale, ...]:
    """Find tags that the sync would have written, and whose source has gone.

    Only repositories that are copied as a whole or by a rule are looked at, and only tags
    that the rule would copy. Nothing is changed.

    Raises:
        RegcopyError: something could not be read, so nobody knows what is needed.
    """
    pool = Pool(request.jobs, cancelled or threading.Event())
    finder = _Finder(request, session, pool)
    return tuple(
        stale
        for repository, managed in _by_destination(plan, request).items()
        if any(one.wants is not None for one in managed)
        for stale in finder.find(repository, managed)
    )


def delete_stale(stale: Stale, request: SyncRequest, session: Session) -> None:
    """Delete the manifest of a tag, and with it the tag.

    Raises:
        RegcopyError: it could not be deleted. That it is gone already is none.
    """
    place = parse_reference(f"docker://{replace(stale.name, tag='', digest=stale.digest)}")
    if not isinstance(place, DeletesImages):
        raise TypeError("images of registries can be deleted")
    with located(side="destination", reference=f"docker://{stale.name}"):
        try:
            place.delete_image(session.context(request.destination_access, "destination"))
        except NotFound:
            return


def _by_destination(plan: SyncPlan, request: SyncRequest) -> dict[ImageName, list[Managed]]:
    found: dict[ImageName, list[Managed]] = {}
    for managed in plan.managed:
        # Any tag will do to learn the name of the repository.
        place = request.destination_of(str(managed.source.with_tag("x")))
        name = ImageName.parse(place.removeprefix("docker://"))
        found.setdefault(replace(name, tag=""), []).append(managed)
    return found


class _Finder:
    def __init__(self, request: SyncRequest, session: Session, pool: Pool) -> None:
        self._request = request
        self._lister = Lister(session, "destination", pool)
        self._context = session.context(request.destination_access, "destination")
        self._pool = pool

    def find(self, repository: ImageName, managed: Sequence[Managed]) -> Iterator[Stale]:
        (present,) = self._lister.existing([repository], self._request.destination_access)
        going = sorted(tag for tag in present if self._is_stale(tag, managed))
        if not going:
            return
        staying = sorted(present.difference(going))
        names = [repository.with_tag(tag) for tag in staying]
        names += [replace(repository, digest=one) for each in managed for one in each.digests]
        needed = self._needed(names)
        digests = self._pool.map(self._digest, [repository.with_tag(tag) for tag in going])
        for tag, digest in zip(going, digests, strict=True):
            if digest is not None:
                why = needed.get(digest) or needed.get(_subject(tag), "")
                yield Stale(repository.with_tag(tag), digest, why)

    def _is_stale(self, tag: str, managed: Sequence[Managed]) -> bool:
        """Whether a rule would have written the tag, and no source has it any more."""
        suffix = self._request.suffix
        if not tag.endswith(suffix):
            return False
        original = tag.removesuffix(suffix)
        return any(one.wants is not None and one.wants(original) for one in managed) and not any(
            original in one.tags for one in managed
        )

    def _needed(self, names: Sequence[ImageName]) -> dict[Digest | None, str]:
        """Give all manifests that names need, each with one of the tags or digests."""
        needed: dict[Digest | None, str] = {}
        tops: dict[ImageName, str] = {}
        for name, digest in zip(names, self._pool.map(self._digest, names), strict=True):
            if digest is None and name.tag:
                raise NotFound(f"docker://{name} was listed, and is not shown now")
            if digest is not None:  # what is copied by its digest is not there in a dry run
                called = name.tag or str(digest)
                needed.setdefault(digest, called)
                tops.setdefault(replace(name, tag="", digest=digest), called)
        below = self._pool.map(self._below, list(tops))
        for tag, children in zip(tops.values(), below, strict=True):
            for child in children:
                needed.setdefault(child, tag)
        return needed

    def _digest(self, name: ImageName) -> Digest | None:
        return current_digest(f"docker://{name}", self._context)

    def _below(self, name: ImageName) -> list[Digest]:
        """Digests that a manifest names, and those that the indexes among them name."""
        place = parse_reference(f"docker://{name}")
        with (
            located(side="destination", reference=place),
            place.open_source(self._context) as source,
        ):
            return list(_children(source, source.get_manifest(), 1))


def _children(source: ImageSource, manifest: RawManifest, depth: int) -> Iterator[Digest]:
    parsed = parse_manifest(manifest) if manifest.media_type in INDEXES else None
    if not isinstance(parsed, ImageIndex):
        return
    if depth > MAX_DEPTH:
        raise LimitExceeded(f"indexes of indexes, more than {MAX_DEPTH} deep")
    for child in parsed.manifests:
        yield child.digest
        if child.media_type in INDEXES:
            try:
                below = source.get_manifest(child)
            except NotFound:
                continue  # who has no index needs nothing of it
            yield from _children(source, below, depth + 1)


def _subject(tag: str) -> Digest | None:
    found = _BELONGS_TO.fullmatch(tag)
    return Digest.parse(f"{found[1]}:{found[2]}") if found else None
