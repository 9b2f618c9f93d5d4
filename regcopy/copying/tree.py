"""Which manifests a copy is about: the top one, and those of an index that were asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from regcopy.copying.pool import Pool
from regcopy.errors import LimitExceeded
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.manifest import (
    MAX_INDEX_ENTRIES,
    ImageIndex,
    ImageManifest,
    ParsedManifest,
    RawManifest,
    parse_manifest,
    unique,
)
from regcopy.model.platform import Platform
from regcopy.transports.base import ImageSource

if TYPE_CHECKING:
    from regcopy.copying.options import Instances

# An index of indexes is rare; deeper ones are built to exhaust somebody.
MAX_DEPTH: Final = 4
# All manifests of a copy are held at once; real ones have a few kilobytes each.
MAX_TREE_BYTES: Final = 32 * 1024 * 1024
# buildx names the image that an attestation is about in this annotation of its entry.
ATTESTATION_SUBJECT: Final = "vnd.docker.reference.digest"


_Known = dict[Digest, tuple[RawManifest, ParsedManifest]]


@dataclass(frozen=True, eq=False)
class Node:
    """A manifest that is copied, and below it those of its children that are copied too."""

    raw: RawManifest
    parsed: ParsedManifest
    platform: Platform | None = None
    children: tuple[Node, ...] = ()

    @property
    def image(self) -> ImageManifest:
        """What the manifest means, where it is one of an image."""
        if not isinstance(self.parsed, ImageManifest):
            raise TypeError("an index is no image")
        return self.parsed

    def images(self) -> Iterator[Node]:
        """Manifests of images at or below this one, each digest once, in order."""
        for node in self.walk():
            if isinstance(node.parsed, ImageManifest):
                yield node

    def walk(self) -> Iterator[Node]:
        """Give all at or below this one, each digest once, children before parents."""
        yield from _walk(self, set())


def _walk(node: Node, seen: set[Digest]) -> Iterator[Node]:
    for child in node.children:
        if child.raw.digest not in seen:
            yield from _walk(child, seen)
    seen.add(node.raw.digest)
    yield node


def select(index: ImageIndex, instances: Instances) -> tuple[Descriptor, ...]:
    """Entries of an index that are copied, each digest once.

    Raises:
        ManifestUnsupported: a platform was asked for that the index does not have.
        ManifestInvalid: one digest is given with two sizes.
    """
    entries = unique(index.manifests)
    if instances.kind == "index-only":
        return ()
    if instances.kind != "platforms":
        return entries
    chosen = {index.choose(platform).digest for platform in instances.platforms}
    subjects = {str(digest) for digest in chosen}
    return tuple(
        entry
        for entry in entries
        if entry.digest in chosen or entry.annotations.get(ATTESTATION_SUBJECT) in subjects
    )


def read_tree(source: ImageSource, top: RawManifest, instances: Instances, pool: Pool) -> Node:
    """Read the manifests below `top` that are copied, those of one level at once.

    Raises:
        LimitExceeded: indexes are nested too deeply.
        ManifestUnsupported: a platform was asked for that is not there.
        RegcopyError: a manifest cannot be read, or is not what its descriptor says.
    """
    parsed = parse_manifest(top)
    if not isinstance(parsed, ImageIndex):
        return Node(top, parsed)
    wanted = select(parsed, instances)
    known: _Known = {}
    level, depth = wanted, 1
    while level:
        _check_limits(known, level, depth)
        raws = pool.map(source.get_manifest, level)
        following: list[Descriptor] = []
        for descriptor, raw in zip(level, raws, strict=True):
            below = parse_manifest(raw)
            known[descriptor.digest] = (raw, below)
            if isinstance(below, ImageIndex):
                following.extend(below.manifests)
        level = tuple(d for d in unique(following) if d.digest not in known)
        depth += 1
    root = Node(top, parsed, None, _nodes(wanted, known, {}))
    return _narrowed(root, instances) if instances.kind == "platforms" else root


def _narrowed(node: Node, instances: Instances) -> Node:
    """Leave what is for other platforms out of the indexes inside an index, too.

    Raises:
        ManifestUnsupported: one of them does not have a platform that led to it.
    """
    index = node.parsed
    if not isinstance(index, ImageIndex) or not instances.platforms:
        return node
    chosen = [(platform, index.choose(platform).digest) for platform in instances.platforms]
    kept = {entry.digest for entry in select(index, instances)}
    children: list[Node] = []
    for child in node.children:
        led_here = tuple(platform for platform, digest in chosen if digest == child.raw.digest)
        if led_here:
            children.append(_narrowed(child, replace(instances, platforms=led_here)))
        elif child.raw.digest in kept:
            children.append(child)  # an attestation
    return replace(node, children=tuple(children))


def _check_limits(known: _Known, level: Sequence[Descriptor], depth: int) -> None:
    if depth > MAX_DEPTH:
        raise LimitExceeded(f"image index is nested more than {MAX_DEPTH} levels deep")
    if len(known) + len(level) > MAX_INDEX_ENTRIES:
        raise LimitExceeded(f"image index names more than {MAX_INDEX_ENTRIES} manifests")
    held = sum(raw.size for raw, _ in known.values())
    if held + sum(descriptor.size for descriptor in level) > MAX_TREE_BYTES:
        raise LimitExceeded(f"the manifests have more than {MAX_TREE_BYTES} bytes together")


def _nodes(
    entries: Sequence[Descriptor], known: _Known, made: dict[Digest, tuple[Node, ...]]
) -> tuple[Node, ...]:
    # What is below a manifest is made once, however many entries name it.
    nodes: list[Node] = []
    for entry in entries:
        raw, parsed = known[entry.digest]
        if entry.digest not in made:
            below = unique(parsed.manifests) if isinstance(parsed, ImageIndex) else ()
            made[entry.digest] = _nodes(below, known, made)
        nodes.append(Node(raw, parsed, entry.platform, made[entry.digest]))
    return tuple(nodes)
