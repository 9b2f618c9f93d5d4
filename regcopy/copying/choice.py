"""Which manifest of an index is meant, where one image is wanted."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from regcopy.copying.tree import MAX_DEPTH
from regcopy.errors import LimitExceeded
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.manifest import ImageIndex, RawManifest, parse_manifest
from regcopy.model.mediatypes import IMAGE_MANIFESTS
from regcopy.model.platform import Platform
from regcopy.transports.abilities import KnowsOriginals
from regcopy.transports.base import ImageSource


class GivesManifests(Protocol):
    """A source, as far as choosing an image goes."""

    def get_manifest(self, instance: Descriptor | None = None, /) -> RawManifest:
        """Give the top manifest, or one that it names. Errors as `ImageSource.get_manifest`."""
        ...


class Originals:
    """The manifests of a source as its images came with them: to be shown, and not copied."""

    def __init__(self, source: ImageSource) -> None:
        """Ask `source`, which is not closed with this."""
        self._source = source

    def get_manifest(self, instance: Descriptor | None = None, /) -> RawManifest:
        """Give the top manifest, or one that it names. Errors as `ImageSource.get_manifest`."""
        if isinstance(self._source, KnowsOriginals):
            return self._source.original_manifest(instance)
        return self._source.get_manifest(instance)


class Wanted(NamedTuple):
    """A manifest that was chosen: the top one, or one that an index names.

    Attributes:
        entry: what the index says about it, None where it is the top manifest itself.
        raw: its bytes, None where they were not needed to choose it.
    """

    digest: Digest
    media_type: str
    entry: Descriptor | None
    raw: RawManifest | None

    @classmethod
    def top(cls, raw: RawManifest) -> Wanted:
        """Choose the top manifest, whatever it is."""
        return cls(raw.digest, raw.media_type, None, raw)

    @property
    def platform(self) -> Platform | None:
        """Platform that an index gives it."""
        return self.entry.platform if self.entry else None

    def read(self, source: GivesManifests) -> RawManifest:
        """Give its bytes, and fetch them first if need be."""
        return self.raw or source.get_manifest(self.entry)


def choose_image(source: GivesManifests, top: RawManifest, platform: Platform) -> Wanted:
    """Follow an index to the image for a platform; an image that stands alone is the one.

    Raises:
        ManifestUnsupported: the index has no image for the platform.
        LimitExceeded: indexes are nested too deeply.
        RegcopyError: a manifest on the way cannot be read.
    """
    wanted = Wanted.top(top)
    for _ in range(MAX_DEPTH + 1):
        if wanted.raw is None and wanted.media_type in IMAGE_MANIFESTS:
            return wanted
        parsed = parse_manifest(wanted.read(source))
        if not isinstance(parsed, ImageIndex):
            return wanted
        entry = parsed.choose(platform)
        wanted = Wanted(entry.digest, entry.media_type, entry, None)
    raise LimitExceeded(f"image index is nested more than {MAX_DEPTH} levels deep")
