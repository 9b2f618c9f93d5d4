"""The tree of an image that lies in files: which content it needs, and whether it is there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from regcopy.errors import ContentError, LimitExceeded, NotFound
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.manifest import ImageIndex, RawManifest, parse_manifest
from regcopy.model.mediatypes import (
    IMAGE_MANIFESTS,
    INDEXES,
    OCI_ARTIFACT,
    SCHEMA1,
)

# An index of indexes is rare; deeper ones are built to exhaust somebody.
MAX_DEPTH: Final = 4
# What has no type in its descriptor is a manifest too: it stands where manifests stand.
_MANIFESTS: Final = IMAGE_MANIFESTS | INDEXES | SCHEMA1 | {OCI_ARTIFACT, ""}

ReadManifest = Callable[[Descriptor], RawManifest]
"""Gives the checked bytes of a manifest; raises NotFound."""


def walk(
    top: Descriptor, read: ReadManifest, *, skip_missing: bool = False
) -> Iterator[tuple[Descriptor, bool]]:
    """Give everything in the tree, each digest once, with whether it is a manifest.

    A manifest is given before it is read. Content of a type that is no manifest's is given
    and not looked into.

    Args:
        top: where to begin.
        read: called once for each manifest.
        skip_missing: go on where a manifest is not there, as in an index of which only some
            platforms were copied.

    Raises:
        NotFound: a manifest is missing.
        ContentError: a manifest is broken, or the tree is too deep.
    """
    seen: set[Digest] = set()
    waiting = [(top, 1)]
    while waiting:
        entry, depth = waiting.pop()
        if entry.digest in seen:
            continue
        if depth > MAX_DEPTH:
            raise LimitExceeded(f"image index is nested more than {MAX_DEPTH} levels deep")
        seen.add(entry.digest)
        is_manifest = entry.media_type in _MANIFESTS
        yield entry, is_manifest
        if not is_manifest:
            continue
        try:
            parsed = parse_manifest(read(entry))
        except NotFound:
            if skip_missing:
                continue
            raise
        if isinstance(parsed, ImageIndex):
            waiting.extend((child, depth + 1) for child in parsed.manifests)
            continue
        for blob in parsed.blobs:
            if blob.digest not in seen:
                seen.add(blob.digest)
                yield blob, False


def is_complete(
    top: Descriptor, read: ReadManifest, has_blob: Callable[[Descriptor], bool]
) -> bool:
    """Tell whether all that an image needs is there, foreign layers aside."""
    try:
        return all(
            is_manifest or has_blob(content) or content.is_foreign
            for content, is_manifest in walk(top, read)
        )
    except (NotFound, ContentError):
        return False


def sha512_names(
    index: RawManifest, children: Iterable[RawManifest]
) -> Iterator[tuple[Digest, RawManifest]]:
    """Give the children that an index names by SHA-512, with that digest.

    A manifest is handed over without the descriptor that names it, and an index may name it
    by the other registered algorithm (image-spec descriptor.md).
    """
    parsed = parse_manifest(index)
    entries = parsed.manifests if isinstance(parsed, ImageIndex) else ()
    wanted = {entry.digest for entry in entries if entry.digest.algorithm == "sha512"}
    if wanted:
        for child in children:
            digest = Digest.of(child.content, "sha512")
            if digest in wanted:
                yield digest, child
