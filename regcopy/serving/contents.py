"""What the manifests of the layout name, read once each: a manifest never changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from regcopy.errors import ContentError, NotFound
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.manifest import (
    MAX_MANIFEST_BYTES,
    ImageIndex,
    ParsedManifest,
    RawManifest,
    parse_manifest,
)
from regcopy.model.mediatypes import IMAGE_MANIFESTS, INDEXES, OCI_ARTIFACT
from regcopy.serving.storage import Storage
from regcopy.streams.tree import MAX_DEPTH

MANIFEST_TYPES: Final = IMAGE_MANIFESTS | INDEXES | {OCI_ARTIFACT}
_MAX_REMEMBERED: Final = 50_000


@dataclass(frozen=True, slots=True)
class _Names:
    """What one manifest names.

    An index may name things that are no manifests: they are blobs (image-spec image-index.md).
    """

    children: tuple[Descriptor, ...] = ()
    blobs: tuple[Digest, ...] = ()
    subject: Digest | None = None

    @classmethod
    def of(cls, parsed: ParsedManifest) -> _Names:
        subject = parsed.subject.digest if parsed.subject else None
        if isinstance(parsed, ImageIndex):
            children = tuple(e for e in parsed.manifests if e.media_type in MANIFEST_TYPES)
            others = (e.digest for e in parsed.manifests if e.media_type not in MANIFEST_TYPES)
            return cls(children, tuple(others), subject)
        return cls((), tuple(blob.digest for blob in parsed.blobs), subject)


@dataclass(frozen=True)
class Repository:
    """One repository at one moment.

    Attributes:
        tags: manifest of each tag.
        manifests: all manifests, those that an index names included.
        blobs: digests of what the manifests need.
        referrers: for a subject, the manifests that name it.
    """

    tags: Mapping[str, Descriptor] = field(default_factory=dict)
    manifests: Mapping[Digest, Descriptor] = field(default_factory=dict)
    blobs: frozenset[Digest] = frozenset()
    referrers: Mapping[Digest, tuple[Descriptor, ...]] = field(default_factory=dict)


class Contents:
    """The manifests of a layout; safe for use by several threads."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._names: dict[Digest, _Names] = {}

    def read(self, manifest: Descriptor) -> RawManifest:
        """Read the bytes of a manifest.

        Raises:
            NotFound: it is not there.
            ContentError: the file is not what it should be.
        """
        content = self._storage.read(manifest.digest, MAX_MANIFEST_BYTES)
        return RawManifest(content, manifest.media_type)

    def _names_of(self, manifest: Descriptor) -> _Names:
        found = self._names.get(manifest.digest)
        if found is None:
            found = _Names.of(parse_manifest(self.read(manifest)))
            if len(self._names) >= _MAX_REMEMBERED:
                self._names.clear()
            self._names[manifest.digest] = found
        return found

    def _children(self, manifest: Descriptor) -> tuple[Descriptor, ...]:
        try:
            return self._names_of(manifest).children
        except (NotFound, ContentError):
            return ()  # in a layout that was broken before, it reaches nothing

    def below(self, manifest: Descriptor) -> Iterator[Descriptor]:
        """Give all manifests that a manifest reaches, itself not among them."""
        waiting = [(child, 1) for child in self._children(manifest)]
        while waiting:
            child, depth = waiting.pop()
            yield child
            if depth < MAX_DEPTH:
                waiting.extend((grandchild, depth + 1) for grandchild in self._children(child))

    def needs(self, manifest: Descriptor, digest: Digest) -> bool:
        """Tell whether a manifest, or one that it reaches, is or names that content.

        A manifest that cannot be understood may need anything.
        """
        for reached in (manifest, *self.below(manifest)):
            if reached.digest == digest:
                return True
            try:
                if digest in self._names_of(reached).blobs:
                    return True
            except NotFound:
                continue
            except ContentError:
                return True
        return False

    def extend(self, base: Repository, tops: Iterable[tuple[str, Descriptor]]) -> Repository:
        """Add manifests, and what they reach, to a repository; a later tag wins.

        Args:
            base: as it was.
            tops: tag, or "" for none, and manifest.
        """
        tags, manifests = dict(base.tags), dict(base.manifests)
        blobs, referrers = set(base.blobs), dict(base.referrers)
        for tag, top in tops:
            if tag:
                tags[tag] = top
            for manifest in (top, *self.below(top)):
                if manifest.digest in manifests:
                    continue
                manifests[manifest.digest] = manifest
                try:
                    names = self._names_of(manifest)
                except (NotFound, ContentError):
                    continue
                blobs.update(names.blobs)
                if names.subject is not None:
                    referrers[names.subject] = (*referrers.get(names.subject, ()), manifest)
        return Repository(tags, manifests, frozenset(blobs), referrers)
