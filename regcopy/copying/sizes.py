"""The sizes of layers that no manifest tells: those of images of Docker's schema 1."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from regcopy.model.manifest import ImageManifest, ParsedManifest
from regcopy.model.mediatypes import SCHEMA1
from regcopy.streams.blob import BlobStream
from regcopy.transports.abilities import TellsSizes

if TYPE_CHECKING:
    from regcopy.copying.pool import Pool
    from regcopy.copying.tree import Node
    from regcopy.model.descriptor import Descriptor
    from regcopy.model.digest import Digest
    from regcopy.transports.base import ImageSource


def size_of(source: ImageSource, blob: Descriptor) -> int:
    """Find out how large a blob is; it is read for that where its place cannot tell.

    Raises:
        NotFound: there is no such blob.
        RegcopyError: it cannot be read.
    """
    told = source.blob_size(blob) if isinstance(source, TellsSizes) else None
    if told is not None:
        return told
    with BlobStream(lambda at: source.open_blob(blob, offset=at), blob) as stream:
        stream.drain()
        return stream.descriptor().size


def measured(root: Node, source: ImageSource, pool: Pool) -> Node:
    """Enter the sizes of layers wherever a manifest does not tell them. Errors as `size_of`."""
    images = [node.image for node in root.images() if node.raw.media_type in SCHEMA1]
    if not images:
        return root
    layers = list({layer.digest: layer for image in images for layer in image.layers}.values())
    found = pool.map(lambda layer: size_of(source, layer), layers)
    sizes = {layer.digest: size for layer, size in zip(layers, found, strict=True)}
    return _with_sizes(root, sizes, {})


def _with_sizes(node: Node, sizes: Mapping[Digest, int], made: dict[Digest, Node]) -> Node:
    # What is below a manifest is made once, however many entries name it.
    if node.raw.digest not in made:
        made[node.raw.digest] = replace(
            node,
            parsed=_with_layers(node.parsed, sizes),
            children=tuple(_with_sizes(child, sizes, made) for child in node.children),
        )
    return replace(made[node.raw.digest], platform=node.platform)


def _with_layers(parsed: ParsedManifest, sizes: Mapping[Digest, int]) -> ParsedManifest:
    if not isinstance(parsed, ImageManifest) or parsed.media_type not in SCHEMA1:
        return parsed
    layers = tuple(replace(layer, size=sizes[layer.digest]) for layer in parsed.layers)
    return replace(parsed, layers=layers)
