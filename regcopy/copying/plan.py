"""What a copy will do, decided before anything moves. Pure: no I/O.

Of the manifests to copy, the options and what the destination takes, it makes a list of
blobs to place, each with what is done to it on the way, and says into which family each
manifest must be converted.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
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
from regcopy.copying.schema1 import leaving as leaving_schema1
from regcopy.copying.schema1 import real_layers
from regcopy.copying.tree import Node
from regcopy.errors import ManifestInvalid, ManifestUnsupported
from regcopy.events import CopyStarted, PlannedImage, Role
from regcopy.model.convert import FAMILY_NAMES, needs_config
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.manifest import ImageIndex, unique
from regcopy.model.mediatypes import (
    DOCKER_SCHEMA1_SIGNED,
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


@dataclass(frozen=True, eq=False)
class Plan:
    """What is placed and written.

    Attributes:
        root: the manifests.
        blobs: each digest once for each thing that is done to it, in the order of first need.
        targets: family that a manifest is converted into; those that stay are not in it.
        layers: what is done to the layers of images.
        configs: configs that must be read first: to write them anew, or to check layers.
        unpacked: layers whose diff IDs must be learned, as no config tells them.
        strip: entries of the index that are not copied are taken out of it.
    """

    root: Node
    blobs: tuple[PlannedBlob, ...]
    targets: Mapping[Digest, Format] = field(default_factory=dict)
    layers: LayerChanges = field(default_factory=dict)
    configs: tuple[Descriptor, ...] = ()
    unpacked: tuple[Descriptor, ...] = ()
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
        families = dict.fromkeys(self.targets.values())
        reasons = [f"manifests were converted to {FAMILY_NAMES[one]}" for one in families]
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
    targets = _targets(root, layers, options, capabilities)
    strip = options.instances.strip and _drops_entries(root)
    leaving = {node.raw.digest: real_layers(node) for node in leaving_schema1(root, targets)}
    blobs, configs = _blobs(root, targets, layers, leaving)
    unpacked = unique(layer for kept in leaving.values() for layer in kept.values())
    plan = Plan(root, blobs, targets, layers, configs, unpacked, strip)
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
            c is not None and c.after in ("zstd", "zstd:chunked")
            for c in layers.get(node.raw.digest, ())
        )
        # A list of Docker's would name images that its readers do not expect there.
        has_oci = any(targets.get(child.raw.digest) == "oci" for child in node.children)
        if (needs_oci or has_oci) and (target or format_of(media_type)) != "oci":
            target = _oci_for_zstd(media_type, options, capabilities)
        if target is not None:
            targets[node.raw.digest] = target
    return targets


def _oci_for_zstd(
    media_type: str, options: CopyOptions, capabilities: Capabilities
) -> Format | None:
    accepted = capabilities.manifest_types
    is_refused = bool(accepted) and _in_family(media_type, "oci") not in accepted
    if options.format not in (None, "oci") or is_refused:
        family = FAMILY_NAMES["v2s1" if options.format == "v2s1" else "v2s2"]
        raise ManifestUnsupported(
            f"layers are to be compressed with zstd, which {family} does not have",
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
    accepted = capabilities.manifest_types
    family = format_of(media_type)
    is_fixed = options.preserve_digests or capabilities.required_digest is not None
    wanted = _choices(family, accepted, is_fixed=is_fixed)
    if options.format is not None:
        # Images of schema 1 stand in lists of schema 2.
        is_list = options.format == "v2s1" and media_type in INDEXES
        wanted = ("v2s2",) if is_list else (options.format,)
    for choice in wanted:
        if not accepted or _in_family(media_type, choice) in accepted:
            # In a registry, schema 1 has the registry's name in it, and must be signed.
            is_renamed = choice == "v2s1" and bool(accepted) and not is_fixed
            return choice if choice != family or is_renamed else None
    if media_type in INDEXES:
        raise ManifestUnsupported(
            "the destination holds single images, and this is an index of several",
            hint="leave out --all; --platform chooses one image",
        )
    raise ManifestUnsupported(
        f'the destination takes no manifest of type "{_in_family(media_type, wanted[0])}"',
        hint="" if options.format is None else "leave out --format, or choose the other one",
    )


def _choices(
    family: Format | None, accepted: Collection[str], *, is_fixed: bool
) -> tuple[Format | None, ...]:
    """Families for a manifest, the best first: its own, but for schema 1."""
    if family == "oci":
        return ("oci", "v2s2")
    if family == "v2s2":
        return ("v2s2", "oci")
    if family == "v2s1":
        # Nearly all registries refuse it; what takes everything, such as a folder, can have it.
        keeps = is_fixed or not accepted
        return ("v2s1", "v2s2", "oci") if keeps else ("v2s2", "oci")
    return (None,)


def _in_family(media_type: str, family: Format | None) -> str:
    """Type of the same kind of manifest in a family."""
    if family is None or format_of(media_type) == family:
        return media_type
    is_index = media_type in (OCI_INDEX, TO_DOCKER[OCI_INDEX])
    if family == "v2s1":
        return DOCKER_SCHEMA1_SIGNED
    oci = OCI_INDEX if is_index else OCI_MANIFEST
    return oci if family == "oci" else TO_DOCKER[oci]


def _drops_entries(root: Node) -> bool:
    if not isinstance(root.parsed, ImageIndex):
        return False
    kept = {child.raw.digest for child in root.children}
    return any(entry.digest not in kept for entry in root.parsed.manifests)


def _blobs(
    root: Node,
    targets: Mapping[Digest, Format],
    layers: LayerChanges,
    leaving: Mapping[Digest, Mapping[Digest, Descriptor]],
) -> tuple[tuple[PlannedBlob, ...], tuple[Descriptor, ...]]:
    blobs: dict[tuple[Digest, Recompression | None], PlannedBlob] = {}
    read: dict[Digest, Descriptor] = {}
    for node in root.images():
        image = node.image
        changes = layers.get(node.raw.digest, (None,) * len(image.layers))
        kept = leaving.get(node.raw.digest)
        for layer, change in zip(image.layers, changes, strict=True):
            if layer.urls and layer.media_type in FOREIGN_LAYERS:
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
