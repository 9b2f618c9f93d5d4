"""The manifest of an image whose layers a place holds unpacked.

A place that unpacks layers can give them back as plain tar files only. So the manifest is
another one than the image came with; its config, and with it the diff IDs, is the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from regcopy.errors import ManifestInvalid
from regcopy.model.convert import rewrite_image
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.manifest import ImageManifest, RawManifest
from regcopy.model.mediatypes import OCI_LAYER, OCI_MANIFEST, compression_of


@dataclass(frozen=True, slots=True)
class PlainLayer:
    """A layer as a plain tar file.

    Attributes:
        diff_id: its digest.
        size: in bytes.
    """

    diff_id: Digest
    size: int


def with_plain_layers(
    raw: RawManifest, image: ImageManifest, layers: Sequence[PlainLayer | None], *, docker_type: str
) -> RawManifest:
    """Enter plain layers in place of those that the manifest names.

    Args:
        raw: manifest of an image.
        image: the same, parsed.
        layers: what the place has for each layer; None for one that is as it was.
        docker_type: what plain layers are called in a Docker manifest.

    Returns:
        `raw` itself where nothing changes.

    Raises:
        ManifestInvalid: there are more or fewer layers than in the manifest.
    """
    if len(layers) != len(image.layers):
        raise ManifestInvalid(f"the image has {len(image.layers)} layers, and {len(layers)} stored")
    is_oci = image.media_type == OCI_MANIFEST
    replaced: dict[Digest, Descriptor] = {}
    for before, layer in zip(image.layers, layers, strict=True):
        if layer is None:
            continue
        # Docker has a type for plain layers, but few tools write it.
        is_plain = not is_oci or compression_of(before.media_type) == "none"
        if before.digest != layer.diff_id or not is_plain:
            kind = OCI_LAYER if is_oci else docker_type
            replaced[before.digest] = Descriptor(kind, layer.diff_id, layer.size)
    return rewrite_image(raw, to=None, layers=replaced).manifest
