"""What a copy will do, decided before anything moves. Pure: no I/O.

Of the manifests to copy, the options and what the destination takes, it makes a list of
blobs to place, each with what is done to it on the way, and says into which family each
manifest must be converted.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from regcopy.copying.fitting import images_to_fit, layers_to_unpack
from regcopy.copying.options import CopyOptions
from regcopy.copying.recompression import (
    LayerChanges,
    Recompression,
    Rules,
    changes_of,
    checked_layers,
    layer_changes,
)
from regcopy.copying.schema1 import leaving as leaving_schema1
from regcopy.copying.schema1 import real_layers
from regcopy.copying.targets import target_formats
from regcopy.copying.tree import Node
from regcopy.errors import ManifestInvalid, ManifestUnsupported
from regcopy.events import CopyStarted, PlannedImage, Role
from regcopy.model.convert import FAMILY_NAMES, needs_config
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.manifest import ImageIndex, unique
from regcopy.model.mediatypes import Format
from regcopy.transports.base import Capabilities


class PlannedBlob(NamedTuple):
    """A blob to place, once for all the images that need it so.

    Attributes:
        change: what is done to it on the way, so that what arrives has another digest; None
            where it stays as it is.
    """

    blob: Descriptor
    role: Role
    change: Recompression | None = None


@dataclass(frozen=True, eq=False)
class Plan:
    """What is placed and written.

    Attributes:
        root: the manifests.
        blobs: each digest once for each thing that is done to it, in the order of first need.
        targets: family that a manifest is converted into; those that stay are not in it.
        layers: what is done to the layers of images.
        configs: configs that must be read first: to write them anew, or to check layers.
        unpacked: layers whose diff IDs must be learned: no config tells them, or nobody else
            compares them with it.
        fitted: images whose layers are compared with their configs once they have passed.
        strip: entries that are not copied are taken out of the index, and of those inside it.
    """

    root: Node
    blobs: tuple[PlannedBlob, ...]
    targets: Mapping[Digest, Format] = field(default_factory=dict)
    layers: LayerChanges = field(default_factory=dict)
    configs: tuple[Descriptor, ...] = ()
    unpacked: tuple[Descriptor, ...] = ()
    strip: bool = False
    fitted: tuple[Node, ...] = ()

    @property
    def total_bytes(self) -> int:
        """Bytes of all blobs, as they are at the source."""
        return sum(planned.blob.size for planned in self.blobs)

    @property
    def changes(self) -> tuple[str, ...]:
        """Why the manifests at the destination will not be the source's bytes; mostly empty."""
        return self.reasons(planned.change for planned in self.blobs if planned.change)

    def reasons(self, made: Iterable[Recompression]) -> tuple[str, ...]:
        """Say what was done, where these were the changes that were made to layers."""
        families = dict.fromkeys(self.targets.values())
        reasons = [f"manifests were converted to {FAMILY_NAMES[one]}" for one in families]
        reasons.extend(dict.fromkeys(str(change) for change in made))
        if self.strip:
            reasons.append("the index was cut down to the platforms copied")
        return tuple(reasons)

    def changes_of(self, node: Node) -> Iterator[tuple[Descriptor, Recompression | None]]:
        """Give the layers of an image, each with what is done to it."""
        return changes_of(node, self.layers)

    def layers_to_be(self, node: Node) -> Mapping[Digest, Descriptor]:
        """What layers of an image will be, by the digest they have: only the types are known."""
        return {
            layer.digest: replace(layer, media_type=change.media_type(layer))
            for layer, change in self.changes_of(node)
            if change is not None
        }

    def started(self, signed: frozenset[Digest]) -> CopyStarted:
        """The plan as the event that opens a copy; `signed` has signatures that travel too."""
        parsed = self.root.parsed
        images = tuple(self.root.images())
        placed = {planned.blob.digest for planned in self.blobs}
        return CopyStarted(
            images=len(images),
            listed=len(parsed.manifests) if isinstance(parsed, ImageIndex) else 1,
            is_index=isinstance(parsed, ImageIndex),
            blobs=len(self.blobs),
            total_bytes=self.total_bytes,
            plan=tuple(_planned_image(image, placed) for image in images),
            signed=signed,
        )


def _planned_image(node: Node, placed: Collection[Digest]) -> PlannedImage:
    config = node.image.config
    return PlannedImage(
        node.raw.digest,
        tuple(layer.digest for layer in node.image.layers if layer.digest in placed),
        config.digest if config and config.digest in placed else None,
    )


def make_plan(
    root: Node, options: CopyOptions, capabilities: Capabilities, *, plain_layers: bool = False
) -> Plan:
    """Decide what is placed and written.

    Args:
        root: the manifests.
        options: what the user wants.
        capabilities: what the destination takes.
        plain_layers: the source has plain layers, whatever their media types tell.

    Raises:
        ManifestUnsupported: the destination takes no such manifest, or bytes would have to
            change and may not.
        ManifestInvalid: one digest is given with two sizes.
    """
    fixed = options.preserve_digests or capabilities.required_digest is not None
    layers = layer_changes(root, Rules.of(options, capabilities), are_plain=plain_layers)
    targets = target_formats(root, layers, options, capabilities)
    strip = options.instances.strip and _drops_entries(root)
    leaving = {node.raw.digest: real_layers(node) for node in leaving_schema1(root, targets)}
    blobs, configs = _blobs(
        root, targets, layers, leaving, lacks_foreign=capabilities.lacks_foreign
    )
    fitted = images_to_fit(root, capabilities)
    packed = () if plain_layers else fitted
    unpacked = unique(
        [layer for kept in leaving.values() for layer in kept.values()]
        + [layer for node in packed for layer in layers_to_unpack(node, layers)]
    )
    configs = unique((*configs, *(node.image.config for node in fitted if node.image.config)))
    plan = Plan(root, blobs, targets, layers, configs, unpacked, strip, fitted)
    if fixed and plan.changes:
        why = "digests are to be preserved" if options.preserve_digests else "its name has a digest"
        raise ManifestUnsupported(
            f"bytes would have to change ({'; '.join(plan.changes)}), and {why}",
            hint="choose a destination or --format that takes the image as it is",
        )
    required = capabilities.required_digest
    if required is not None and required != root.raw.digest:
        raise ManifestUnsupported(
            f"the image has digest {root.raw.digest}, and the destination demands {required}",
            hint="copy to a tag, or to the name with the image's own digest",
        )
    return plan


def _drops_entries(node: Node) -> bool:
    if not isinstance(node.parsed, ImageIndex):
        return False
    kept = {child.raw.digest for child in node.children}
    if any(entry.digest not in kept for entry in node.parsed.manifests):
        return True
    return any(_drops_entries(child) for child in node.children)


def _blobs(
    root: Node,
    targets: Mapping[Digest, Format],
    layers: LayerChanges,
    leaving: Mapping[Digest, Mapping[Digest, Descriptor]],
    *,
    lacks_foreign: bool,
) -> tuple[tuple[PlannedBlob, ...], tuple[Descriptor, ...]]:
    blobs: dict[tuple[Digest, Recompression | None], PlannedBlob] = {}
    read: dict[Digest, Descriptor] = {}
    for node in root.images():
        image = node.image
        kept = leaving.get(node.raw.digest)
        for layer, change in changes_of(node, layers):
            if lacks_foreign and layer.is_foreign:
                continue  # whoever runs the image fetches it from there
            if kept is not None and layer.digest not in kept:
                continue  # only schema 1 has empty layers
            _add(blobs, PlannedBlob(layer, "layer", change))
        if image.config is None:
            continue
        if needs_config(image, targets.get(node.raw.digest)):
            read[image.config.digest] = image.config
        else:
            _add(blobs, PlannedBlob(image.config, "config"))
    for node, _ in checked_layers(root, layers):
        if node.image.config is not None:
            read[node.image.config.digest] = node.image.config
    return tuple(blobs.values()), tuple(read.values())


def _add(
    blobs: dict[tuple[Digest, Recompression | None], PlannedBlob], planned: PlannedBlob
) -> None:
    first = blobs.setdefault((planned.blob.digest, planned.change), planned)
    if first.blob.size != planned.blob.size:
        raise ManifestInvalid(
            f"{planned.blob.digest} is given as {first.blob.size} and as {planned.blob.size} bytes"
        )
