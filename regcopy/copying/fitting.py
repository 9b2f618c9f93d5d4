"""Packed layers for a destination that unpacks them itself, compared with the config before.

A daemon is given layers as they are, and some take in whatever they unpack to. So each is
unpacked beside its passing (`streams/watched.py`), and an image that does not fit its config is
not completed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from regcopy.copying.recompression import LayerChanges, changes_of, ids_in_config
from regcopy.copying.schema1 import FindPlain
from regcopy.copying.tree import Node
from regcopy.errors import DigestMismatch, located
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.mediatypes import compression_of
from regcopy.transports.base import Capabilities


def images_to_fit(root: Node, capabilities: Capabilities) -> tuple[Node, ...]:
    """Give the images whose layers are to be compared with their configs."""
    if capabilities.layers != "plain or gzip":
        return ()
    return tuple(node for node in root.images() if node.image.config is not None)


def layers_to_unpack(node: Node, changes: LayerChanges) -> tuple[Descriptor, ...]:
    """Give the layers of an image that stay packed."""
    return tuple(
        layer
        for layer, change in changes_of(node, changes)
        if change is None and compression_of(layer.media_type) == "gzip"
    )


def check_fit(
    images: Sequence[Node],
    changes: LayerChanges,
    configs: Mapping[Digest, bytes],
    find: FindPlain,
) -> None:
    """Compare what layers unpack to with the configs; those that were changed have been.

    Args:
        images: of `images_to_fit`.
        changes: what was done to layers.
        configs: by digest.
        find: gives what a layer was found to unpack to; None for one that is plain.

    Raises:
        DigestMismatch: a layer is not the one that the config names.
        ManifestInvalid: a config is broken, or names another number of layers.
    """
    for node in images:
        ids = ids_in_config(node, configs)
        for (layer, change), diff_id in zip(changes_of(node, changes), ids, strict=True):
            found = find(layer.digest)
            plain = found.diff_id if found else layer.digest
            if change is None and plain != diff_id:
                with located(operation=f"decompressing layer {layer.digest}"):
                    raise DigestMismatch(diff_id, plain)
