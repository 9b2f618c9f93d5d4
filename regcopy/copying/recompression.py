"""Which layers get another compression on the way, and what they must turn out to be. Pure.

The rules are those of skopeo: a destination takes layers as they are, compressed or plain. To
one that takes them compressed a plain layer goes gzipped; a compressed one goes as it is,
unless a format was asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final, NamedTuple

from regcopy.copying.options import CopyOptions
from regcopy.copying.tree import Node
from regcopy.errors import ManifestInvalid
from regcopy.model.convert import can_recompress
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.image_config import read_diff_ids
from regcopy.model.manifest import ImageManifest
from regcopy.model.mediatypes import (
    CHUNKED_CHECKSUM,
    LAYERS_TO_OCI,
    Compression,
    CompressionFormat,
    Format,
    compression_of,
    recompressed,
)
from regcopy.transports.base import Capabilities, LayerForm

# Compressed layers that a family of manifests has a type for.
_FITTING: Final[Mapping[Format, frozenset[Compression]]] = {
    "oci": frozenset({"gzip", "zstd", "zstd:chunked"}),
    "v2s2": frozenset({"gzip"}),
    "v2s1": frozenset({"gzip"}),
}
_VERBS: Final[Mapping[Compression, str]] = {
    "none": "decompressed",
    "gzip": "gzipped",
    "zstd": "compressed with zstd",
    "zstd:chunked": "compressed with zstd:chunked",
}


class Recompression(NamedTuple):
    """What is done to a layer on its way.

    Attributes:
        before: compression that its media type tells; its bytes may tell another.
        after: what arrives.
        level: of the compressor; None for its default.
        may_stay: where the destination has the layer as it is, that will do.
    """

    before: Compression
    after: Compression
    level: int | None = None
    may_stay: bool = False

    def __str__(self) -> str:
        """What a result says was done."""
        if self.after == "none":
            return "layers were decompressed"
        kind = "plain" if self.before == "none" else self.before
        return f"{kind} layers were {_VERBS[self.after]}"

    def media_type(self, layer: Descriptor) -> str:
        """Type of the layer once it has arrived: OCI's where its own family has none."""
        own = recompressed(layer.media_type, self.after)
        oci = LAYERS_TO_OCI.get(layer.media_type, layer.media_type)
        return own or recompressed(oci, self.after) or layer.media_type


def _compression_of(layer: Descriptor) -> Compression | None:
    """Tell how a layer is compressed, as its descriptor says; None where it is none of ours."""
    found = compression_of(layer.media_type)
    is_chunked = found == "zstd" and CHUNKED_CHECKSUM in layer.annotations
    return "zstd:chunked" if is_chunked else found


LayerChanges = Mapping[Digest, tuple[Recompression | None, ...]]
"""For each image, by the digest of its manifest, what is done to each of its layers in order."""


class Rules(NamedTuple):
    """What happens to layers on the way to one destination.

    Attributes:
        form: how they must arrive.
        format: how they are compressed; None for gzip, and for what is compressed already.
        level: of the compressor; None for its default.
        may_stay: compressed layers that will do where the destination has them already.
        is_demanded: an image that is there already may not be what is wanted.
        drops_manifests: the destination keeps layers, and no manifest that tells of them.
    """

    form: LayerForm
    format: CompressionFormat | None
    level: int | None
    may_stay: frozenset[Compression]
    is_demanded: bool
    drops_manifests: bool

    @classmethod
    def of(cls, options: CopyOptions, capabilities: Capabilities) -> Rules:
        """Put together what the user wants and what the destination takes."""
        wanted, form = options.compression, capabilities.layers
        may_stay: frozenset[Compression] = frozenset()
        is_fixed = options.preserve_digests or capabilities.required_digest is not None
        is_demanded = wanted.force
        if form == "any":
            form, is_demanded = wanted.layers, wanted.layers != "any"
        elif form == "compressed" and is_fixed and wanted.format is None:
            form = "any"  # nobody asked for it: it is a habit, and digests come first
        elif form == "compressed" and not wanted.force:
            may_stay = _FITTING[options.format or "oci"]
        drops = capabilities.layers in ("plain", "plain or gzip")
        return cls(form, wanted.format, wanted.level, may_stay, is_demanded, drops)

    def change(
        self, image: ImageManifest, layer: Descriptor, *, is_plain: bool = False
    ) -> Recompression | None:
        """Say what is done to a layer; None where it stays as it is.

        Args:
            image: that has the layer.
            layer: of the image.
            is_plain: it is a plain tar file, whatever its media type tells.
        """
        before = _compression_of(layer)
        if before is not None and is_plain:
            before = "none"
        # Where no manifest is kept, nobody will look for a layer at its address.
        found = replace(layer, urls=()) if self.drops_manifests else layer
        if self.form == "any" or before is None or not can_recompress(image, found):
            return None
        if self.form == "plain or gzip" and before == "gzip":
            return None
        after: Compression = "none"
        if self.form == "compressed":
            after = self.format or ("gzip" if before == "none" else before)
        if after == before or (before, after) == ("zstd:chunked", "zstd"):
            return None  # what is chunked is zstd as well
        level = None if after == "none" else self.level
        return Recompression(before, after, level, before in self.may_stay)


def changes_of(
    node: Node, changes: LayerChanges
) -> Iterator[tuple[Descriptor, Recompression | None]]:
    """Give the layers of an image, each with what is done to it."""
    layers = node.image.layers
    return zip(layers, changes.get(node.raw.digest, (None,) * len(layers)), strict=True)


def layer_changes(root: Node, rules: Rules, *, are_plain: bool = False) -> LayerChanges:
    """Say what is done to the layers of all images; images that stay are not in it.

    Args:
        root: the manifests.
        rules: of the destination.
        are_plain: layers are plain tar files, whatever their media types tell.
    """
    changes: dict[Digest, tuple[Recompression | None, ...]] = {}
    for node in root.images():
        found = tuple(
            rules.change(node.image, layer, is_plain=are_plain) for layer in node.image.layers
        )
        if any(found):
            changes[node.raw.digest] = found
    return changes


def checked_layers(root: Node, changes: LayerChanges) -> Iterator[tuple[Node, tuple[int, ...]]]:
    """Give the images whose config is needed to check layers, and which layers these are.

    An image of schema 1 has none: what its layers unpack to shows once they have passed.
    """
    for node in root.images():
        if node.image.config is None:
            continue
        found = enumerate(changes.get(node.raw.digest, ()))
        unpacked = tuple(n for n, change in found if change and change.before != "none")
        if unpacked:
            yield node, unpacked


def diff_ids(
    root: Node, changes: LayerChanges, configs: Mapping[Digest, bytes]
) -> Mapping[Digest, Digest]:
    """Give the digest that each layer must have once it is decompressed, as configs say.

    Args:
        root: the manifests.
        changes: what is done to layers.
        configs: all configs that are needed for it, by digest.

    Raises:
        ManifestInvalid: a config is broken, does not fit its manifest, or contradicts another.
    """
    expected: dict[Digest, Digest] = {}
    for node, positions in checked_layers(root, changes):
        layers, ids = node.image.layers, ids_in_config(node, configs)
        for position in positions:
            digest, diff_id = layers[position].digest, ids[position]
            if expected.setdefault(digest, diff_id) != diff_id:
                raise ManifestInvalid(
                    f"layer {digest} has diff ID {expected[digest]} and also {diff_id}"
                )
    return expected


def ids_in_config(node: Node, configs: Mapping[Digest, bytes]) -> tuple[Digest, ...]:
    """Give the diff IDs of an image, one for each of its layers.

    Raises:
        ManifestInvalid: the config is broken, or does not fit the manifest.
    """
    config, layers = node.image.config, node.image.layers
    ids = read_diff_ids(configs[config.digest]) if config else ()
    if len(ids) != len(layers):
        raise ManifestInvalid(
            f"image {node.raw.digest} has {len(layers)} layers, and its config has diff IDs "
            f"for {len(ids)}"
        )
    return ids
