"""The tree of an image that lies in files: which content it needs, and whether it is there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from regcopy.errors import ContentError, LimitExceeded, NotFound
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.manifest import ImageIndex, RawManifest, parse_manifest
from regcopy.model.mediatypes import FOREIGN_LAYERS

# An index of indexes is rare; deeper ones are built to exhaust somebody.
MAX_DEPTH: Final = 4

ReadManifest = Callable[[Descriptor], RawManifest]
"""Gives the checked bytes of a manifest; raises NotFound."""


def blobs_of(top: Descriptor, read: ReadManifest) -> Iterator[Descriptor]:
    """Give the configs and layers that a manifest or index needs, each digest once.

    Raises:
        NotFound: a manifest is missing.
        ContentError: a manifest is broken, or the tree is too deep.
    """
    return (blob for blob, is_manifest in walk(top, read) if not is_manifest)


def walk(top: Descriptor, read: ReadManifest) -> Iterator[tuple[Descriptor, bool]]:
    """Give everything in the tree, each digest once, with whether it is a manifest.

    A manifest is given before it is read. Errors as `blobs_of`.
    """
    seen: set[Digest] = set()
    waiting = [(top, 1)]
    while waiting:
        manifest, depth = waiting.pop()
        if manifest.digest in seen:
            continue
        if depth > MAX_DEPTH:
            raise LimitExceeded(f"image index is nested more than {MAX_DEPTH} levels deep")
        seen.add(manifest.digest)
        yield manifest, True
        parsed = parse_manifest(read(manifest))
        if isinstance(parsed, ImageIndex):
            waiting.extend((entry, depth + 1) for entry in parsed.manifests)
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
            has_blob(blob) or (bool(blob.urls) and blob.media_type in FOREIGN_LAYERS)
            for blob in blobs_of(top, read)
        )
    except (NotFound, ContentError):
        return False
