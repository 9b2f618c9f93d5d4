"""One image, looked into without copying it."""

from __future__ import annotations

from dataclasses import dataclass, field

from regcopy.copying.choice import Originals, choose_image
from regcopy.errors import ManifestInvalid
from regcopy.model.digest import Digest
from regcopy.model.manifest import (
    MAX_MANIFEST_BYTES,
    ImageIndex,
    ImageManifest,
    RawManifest,
    parse_manifest,
)
from regcopy.model.mediatypes import SCHEMA1
from regcopy.model.platform import Platform
from regcopy.streams.blob import BlobStream, read_limited
from regcopy.transports.abilities import NamesRepository
from regcopy.transports.base import ImageReference, ImageSource


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """One image, for people and scripts.

    Attributes:
        name: repository with its host, "" where the reference names none.
        digest: digest of the top manifest (of the index, where the tag names one).
        raw: top manifest as received.
        manifest: the image chosen for the platform.
        config: exact bytes of its config, b"" where it has none; what the history of Docker's
            schema 1 tells instead, whose diff IDs are empty.
    """

    name: str
    digest: Digest
    raw: RawManifest = field(repr=False)
    manifest: ImageManifest = field(repr=False)
    config: bytes = field(repr=False)


def read_image_info(place: ImageReference, source: ImageSource, platform: Platform) -> ImageInfo:
    """Read manifest and config of the image for a platform.

    Args:
        place: where the image is.
        source: the same, opened.
        platform: which image of an index.

    Raises:
        NotFound: there is no such image.
        ManifestUnsupported: the index has no image for the platform.
        RegcopyError: it could not be read, or is not what its digest says.
    """
    originals = Originals(source)
    top = originals.get_manifest()
    raw = choose_image(originals, top, platform).read(originals)
    image = parse_manifest(raw)
    if isinstance(image, ImageIndex):
        raise ManifestInvalid("the manifest is an index, where an image was announced")
    name = place.repository_name if isinstance(place, NamesRepository) else ""
    return ImageInfo(name, top.digest, top, image, _config(source, raw, image))


def _config(source: ImageSource, raw: RawManifest, image: ImageManifest) -> bytes:
    config = image.config
    if raw.media_type in SCHEMA1:
        from regcopy.model.schema1 import told_config  # few images are that old

        return told_config(raw.payload)
    if config is None:
        return b""
    with BlobStream(lambda offset: source.open_blob(config, offset=offset), config) as stream:
        return read_limited(stream, MAX_MANIFEST_BYTES, what=f"config {config.digest}")
