"""What a copy will do, decided before anything moves. Pure: no I/O.

Of the manifests to copy, the options and what the destination takes, it makes a list of
blobs to place, each with what is done to it on the way, and says into which family each
manifest must be converted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from regcopy.copying.options import CopyOptions
from regcopy.copying.recompression import (
    LayerChanges,
    Recompression,
    Rules,
    checked_layers,
    layer_changes,
)
from regcopy.copying.tree import Node
from regcopy.errors import ManifestInvalid, ManifestUnsupported
from regcopy.events import CopyStarted, PlannedImage, Role
from regcopy.model.convert import needs_config
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.manifest import ImageIndex
from regcopy.model.mediatypes import (
    FOREIGN_LAYERS,
    INDEXES,
    OCI_INDEX,
    OCI_MANIFEST,
    TO_DOCKER,
    Format,
    format_of,
)
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


@dataclass(frozen=True)
class Plan:
    """What is placed and written.

    Attributes:
        root: the manifests.
        blobs: each digest once for each thing that is done to it, in the order of first need.
        targets: family that a manifest is converted into; those that stay are not in it.
        layers: what is done to the layers of images.
        configs: configs that must be read first: to write them anew, or to check layers.
        strip: entries of the index that are not copied are taken out of it.
    """

    root: Node
    blobs: tuple[PlannedBlob, ...]
    targets: Mapping[Digest, Format] = field(default_factory=dict)
    layers: LayerChanges = field(default_factory=dict)
    configs: tuple[Descriptor, ...] = ()
    strip: bool = False

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
        reasons: list[str] = []
        for family in dict.fromkeys(self.targets.values()):
            name = "OCI" if family == "oci" else "Docker schema 2"
            reasons.append(f"manifests were converted to {name}")
        reasons.extend(dict.fromkeys(str(change) for change in made))
        if self.strip:
            reasons.append("the index was cut down to the platforms copied")
        return tuple(reasons)

    def changes_of(self, node: Node) -> Iterator[tuple[Descriptor, Recompression | None]]:
        """Give the layers of an image, each with what is done to it."""
        layers = node.image.layers
        changes = self.layers.get(node.raw.digest, (None,) * len(layers))
        return zip(layers, changes, strict=True)

    def layers_to_be(self, node: Node) -> Mapping[Digest, Descriptor]:
        """What layers of an image will be, by the digest they have: only the types are known."""
        return {
            layer.digest: replace(layer, media_type=change.media_type(layer))
            for layer, change in self.changes_of(node)
            if change is not None
        }

    def started(self) -> CopyStarted:
        """The plan as the event that opens a copy."""
        parsed = self.root.parsed
        images = tuple(self.root.images())
        return CopyStarted(
            images=len(images),
            listed=len(parsed.manifests) if isinstance(parsed, ImageIndex) else 1,
            is_index=isinstance(parsed, ImageIndex),
            blobs=len(self.blobs),
            total_bytes=self.total_bytes,
            plan=tuple(_planned_image(image) for image in images),
        )


def _planned_image(node: Node) -> PlannedImage:
    config = node.image.config
    return PlannedImage(
        node.raw.digest,
        tuple(layer.digest for layer in node.image.layers),
        config.digest if config else None,
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
    targets = _targets(root, layers, options, capabilities)
    strip = options.instances.strip and _drops_entries(root)
    blobs, configs = _blobs(root, targets, layers)
    plan = Plan(root, blobs, targets, layers, configs, strip)
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


def _targets(
    root: Node, layers: LayerChanges, options: CopyOptions, capabilities: Capabilities
) -> Mapping[Digest, Format]:
    targets: dict[Digest, Format] = {}
    for node in root.walk():
        media_type = node.raw.media_type
        target = target_format(media_type, options, capabilities)
        needs_oci = any(
            c is not None and c.after == "zstd" for c in layers.get(node.raw.digest, ())
        )
        # A list of Docker's would name images that its readers do not expect there.
        has_oci = any(targets.get(child.raw.digest) == "oci" for child in node.children)
        if (needs_oci or has_oci) and (target or format_of(media_type)) == "v2s2":
            target = _oci_for_zstd(media_type, options, capabilities)
        if target is not None:
            targets[node.raw.digest] = target
    return targets


def _oci_for_zstd(
    media_type: str, options: CopyOptions, capabilities: Capabilities
) -> Format | None:
    accepted = capabilities.manifest_types
    if options.format == "v2s2" or (accepted and _in_family(media_type, "oci") not in accepted):
        raise ManifestUnsupported(
            "layers are to be compressed with zstd, which Docker schema 2 does not have",
            hint="choose --dest-compress-format gzip, or --format oci",
        )
    return None if format_of(media_type) == "oci" else "oci"


def target_format(
    media_type: str, options: CopyOptions, capabilities: Capabilities
) -> Format | None:
    """Family that a manifest must be converted into, None where it stays as it is.

    Raises:
        ManifestUnsupported: the destination takes it neither as it is nor converted.
    """
    family = format_of(media_type)
    wanted = options.format or family
    accepted = capabilities.manifest_types
    if not accepted or _in_family(media_type, wanted) in accepted:
        return None if wanted == family else wanted
    others: dict[Format, Format] = {"oci": "v2s2", "v2s2": "oci"}
    other = others[wanted] if wanted else None
    if options.format is None and other and _in_family(media_type, other) in accepted:
        return other
    if media_type in INDEXES:
        raise ManifestUnsupported(
            "the destination holds single images, and this is an index of several",
            hint="leave out --all; --platform chooses one image",
        )
    raise ManifestUnsupported(
        f'the destination takes no manifest of type "{_in_family(media_type, wanted)}"',
        hint="" if options.format is None else "leave out --format, or choose the other one",
    )


def _in_family(media_type: str, family: Format | None) -> str:
    """Type of the same kind of manifest in a family."""
    if family is None or format_of(media_type) == family:
        return media_type
    is_index = media_type in (OCI_INDEX, TO_DOCKER[OCI_INDEX])
    oci = OCI_INDEX if is_index else OCI_MANIFEST
    return oci if family == "oci" else TO_DOCKER[oci]


def _drops_entries(root: Node) -> bool:
    if not isinstance(root.parsed, ImageIndex):
        return False
    kept = {child.raw.digest for child in root.children}
    return any(entry.digest not in kept for entry in root.parsed.manifests)


def _blobs(
    root: Node, targets: Mapping[Digest, Format], layers: LayerChanges
) -> tuple[tuple[PlannedBlob, ...], tuple[Descriptor, ...]]:
    blobs: dict[tuple[Digest, Recompression | None], PlannedBlob] = {}
    read: dict[Digest, Descriptor] = {}
    for node in root.images():
        image = node.image
        changes = layers.get(node.raw.digest, (None,) * len(image.layers))
        for layer, change in zip(image.layers, changes, strict=True):
            if layer.urls and layer.media_type in FOREIGN_LAYERS:
                continue  # whoever runs the image fetches it from there
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
