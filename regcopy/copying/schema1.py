"""Images of Docker's schema 1 on the way: what they become, and what becomes one of them.

Their manifest does not tell what layers unpack to. That is learned while the layers pass, so
the config that such an image gets elsewhere is made when all of them are there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from regcopy.errors import ManifestUnsupported
from regcopy.model.convert import RewrittenImage, can_recompress, rewrite_image
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.manifest import ImageManifest, RawManifest
from regcopy.model.mediatypes import (
    DOCKER_LAYER,
    DOCKER_LAYER_GZIP,
    DOCKER_LAYER_ZSTD,
    DOCKER_MANIFEST,
    DOCKER_SCHEMA1_SIGNED,
    SCHEMA1,
    Compression,
    Format,
    compression_of,
)
from regcopy.text import printable
from regcopy.transports.signatures import NamesImages

if TYPE_CHECKING:
    from regcopy.copying.tree import Node
    from regcopy.streams.watched import PlainLayer
    from regcopy.transports.base import ImageReference

_TYPES: Final[Mapping[Compression, str]] = {
    "none": DOCKER_LAYER,
    "gzip": DOCKER_LAYER_GZIP,
    "zstd": DOCKER_LAYER_ZSTD,
}
FindPlain = Callable[[Digest], "PlainLayer | None"]
"""Tells what a layer unpacks to, None where that is not known yet."""


def not_yet_found(_: Digest) -> PlainLayer:
    """Stand in for what a layer unpacks to, where a conversion is only tried."""
    from regcopy.streams.watched import PlainLayer

    return PlainLayer(Digest.of(b""), "gzip")


def leaving(root: Node, targets: Mapping[Digest, Format]) -> Iterator[Node]:
    """Give the images of schema 1 that become something else."""
    for node in root.images():
        if node.raw.media_type in SCHEMA1 and targets.get(node.raw.digest) in ("v2s2", "oci"):
            yield node


def real_layers(node: Node) -> dict[Digest, Descriptor]:
    """Give the layers that an image of schema 1 keeps elsewhere, by digest."""
    from regcopy.model.schema1 import read_schema1  # few images are that old

    wanted = set(read_schema1(node.raw.payload).layers)
    return {one.digest: one for one in node.image.layers if one.digest in wanted}


def from_schema1(
    node: Node, *, to: Format, layers: Mapping[Digest, Descriptor], find: FindPlain
) -> RewrittenImage:
    """Convert an image of schema 1, and make its config.

    Args:
        node: the image, with the sizes of its layers.
        to: schema 2 or OCI.
        layers: what became of layers that were changed on the way.
        find: knows all layers.

    Raises:
        ManifestInvalid: the config that its history tells is broken.
        ManifestUnsupported: the other family has no place for one of its layers.
    """
    from regcopy.model.schema1 import read_schema1, schema2_of

    image = read_schema1(node.raw.payload)
    plain = {digest: _found(digest, find) for digest in image.layers}
    described = real_layers(node)
    for digest, found in plain.items():
        if digest not in layers and found.compression == "zstd" and to == "v2s2":
            _refuse_zstd(digest, "Docker schema 2")
        described[digest] = replace(described[digest], media_type=_TYPES[found.compression])
    manifest, config = schema2_of(
        image, described, {digest: found.diff_id for digest, found in plain.items()}
    )
    raw = RawManifest(manifest, DOCKER_MANIFEST)
    made = rewrite_image(raw, to=to, layers=layers, config=config)
    return made if made.config is not None else RewrittenImage(made.manifest, config)


def _found(layer: Digest, find: FindPlain) -> PlainLayer:
    found = find(layer)
    if found is None:
        raise RuntimeError(f"nobody has looked into layer {layer}")
    return found


def to_schema1(
    node: Node,
    *,
    layers: Mapping[Digest, Descriptor],
    config: bytes | None,
    destination: ImageReference,
) -> RewrittenImage:
    """Convert an image to schema 1, and sign it with a key that is made for it.

    Args:
        node: an image of schema 2 or OCI.
        layers: what became of layers that were changed on the way.
        config: of the image; None for an artifact, which cannot be converted.
        destination: gives it the name that stands in the manifest, where it has one.

    Raises:
        ManifestInvalid: the config is broken.
        ManifestUnsupported: schema 1 has no place for this image.
        TransportUnavailable: the library that signs is not installed.
    """
    from regcopy.model.to_schema1 import EMPTY_LAYER, EMPTY_LAYER_DIGEST, schema1_text
    from regcopy.trust.schema1_signature import sign_schema1

    if config is None:
        raise ManifestUnsupported(
            "this artifact cannot be converted: Docker schema 1 has images alone",
            hint="leave out --format",
        )
    for layer in node.image.layers:
        _check_layer(node.image, layer, layers.get(layer.digest, layer))
    name, tag = _name(destination)
    text = schema1_text(
        config,
        [layer.digest for layer in node.image.layers],
        {before: after.digest for before, after in layers.items()},
        name=name,
        tag=tag,
    )
    needs_empty = str(EMPTY_LAYER_DIGEST).encode() in text
    signed = RawManifest(sign_schema1(text), DOCKER_SCHEMA1_SIGNED)
    return RewrittenImage(signed, None, EMPTY_LAYER if needs_empty else None)


def within_schema1(
    node: Node, *, layers: Mapping[Digest, Descriptor], destination: ImageReference | None
) -> RewrittenImage:
    """Write an image of schema 1 anew where something in it must change, and sign it.

    Args:
        node: the image.
        layers: what became of layers that were changed on the way.
        destination: whose name the manifest is to have; None where it keeps its own.

    Raises:
        TransportUnavailable: the library that signs is not installed.
    """
    from regcopy.model.schema1 import read_schema1
    from regcopy.model.to_schema1 import schema1_text_with
    from regcopy.trust.schema1_signature import sign_schema1

    image = read_schema1(node.raw.payload)
    own = (image.name, image.tag)
    name, tag = own if destination is None else _name(destination)
    if not layers and (name, tag) == own:
        if destination is None or node.raw.payload != node.raw.content:
            return RewrittenImage(node.raw, None)
        text = node.raw.payload  # a registry wants a signature
    else:
        now = {before: after.digest for before, after in layers.items()}
        text = schema1_text_with(image._replace(name=name, tag=tag), now)
    return RewrittenImage(RawManifest(sign_schema1(text), DOCKER_SCHEMA1_SIGNED), None)


def _name(destination: ImageReference) -> tuple[str, str]:
    """Repository and tag as they stand in a manifest: none where the place has none."""
    if not isinstance(destination, NamesImages):
        return "", ""
    return destination.image_name.repository, destination.image_name.tag


def _check_layer(image: ImageManifest, layer: Descriptor, now: Descriptor) -> None:
    if layer.urls:
        raise ManifestUnsupported(
            f"layer {layer.digest} comes from an address of its own, for which Docker schema 1 "
            "has no place",
            hint="use --format v2s2",
        )
    if not can_recompress(image, layer):
        raise ManifestUnsupported(
            f'Docker schema 1 has no layer of type "{printable(layer.media_type, limit=150)}"',
            hint="leave out --format",
        )
    if compression_of(now.media_type) == "zstd":
        _refuse_zstd(layer.digest, "Docker schema 1")


def _refuse_zstd(layer: Digest, family: str) -> None:
    raise ManifestUnsupported(
        f"layer {layer} is compressed with zstd, which {family} does not have",
        hint="add --dest-compress-format gzip, or use --format oci",
    )
