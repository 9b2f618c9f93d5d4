"""What a copy will do, decided before anything moves. Pure: no I/O.

Of the manifests to copy, the options and what the destination takes, it makes a list of
blobs to place and says into which family each manifest must be converted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from regcopy.copying.options import CopyOptions
from regcopy.copying.tree import Node
from regcopy.errors import ManifestInvalid, ManifestUnsupported
from regcopy.events import CopyStarted, PlannedImage, Role
from regcopy.model.convert import can_gzip, needs_config
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.manifest import ImageIndex, ImageManifest
from regcopy.model.mediatypes import (
    FOREIGN_LAYERS,
    OCI_INDEX,
    OCI_MANIFEST,
    TO_DOCKER,
    Format,
    format_of,
)
from regcopy.transports.base import Capabilities


@dataclass(frozen=True, slots=True)
class PlannedBlob:
    """A blob to place, once for all the images that need it.

    Attributes:
        gzip: it is a plain tar file that is compressed on the way, so that what arrives has
            another digest.
    """

    blob: Descriptor
    role: Role
    gzip: bool = False


@dataclass(frozen=True)
class Plan:
    """What is placed and written.

    Attributes:
        root: the manifests.
        blobs: each digest once, in the order of first need.
        targets: family that a manifest is converted into; those that stay are not in it.
        configs: configs that a conversion needs to read and may write anew.
        strip: entries of the index that are not copied are taken out of it.
    """

    root: Node
    blobs: tuple[PlannedBlob, ...]
    targets: Mapping[Digest, Format] = field(default_factory=dict)
    configs: tuple[Descriptor, ...] = ()
    strip: bool = False

    @property
    def total_bytes(self) -> int:
        """Bytes of all blobs, as they are at the source."""
        return sum(planned.blob.size for planned in self.blobs)

    @property
    def gzips(self) -> bool:
        """Whether a layer is compressed on the way."""
        return any(planned.gzip for planned in self.blobs)

    @property
    def changes(self) -> tuple[str, ...]:
        """Why the manifests at the destination will not be the source's bytes; mostly empty."""
        reasons: list[str] = []
        for family in dict.fromkeys(self.targets.values()):
            name = "OCI" if family == "oci" else "Docker schema 2"
            reasons.append(f"manifests were converted to {name}")
        if self.gzips:
            reasons.append("plain layers were gzipped")
        if self.strip:
            reasons.append("the index was cut down to the platforms copied")
        return tuple(reasons)

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
    if not isinstance(node.parsed, ImageManifest):
        raise TypeError("an index is no image")
    config = node.parsed.config
    return PlannedImage(
        node.raw.digest,
        tuple(layer.digest for layer in node.parsed.layers),
        config.digest if config else None,
    )


def make_plan(root: Node, options: CopyOptions, capabilities: Capabilities) -> Plan:
    """Decide what is placed and written.

    Raises:
        ManifestUnsupported: the destination takes no such manifest, or bytes would have to
            change and may not.
        ManifestInvalid: one digest is given with two sizes.
    """
    fixed = options.preserve_digests or capabilities.required_digest is not None
    targets = {
        node.raw.digest: target
        for node in root.walk()
        if (target := target_format(node.raw.media_type, options, capabilities)) is not None
    }
    strip = options.instances.strip and _drops_entries(root)
    blobs, configs = _blobs(root, targets, gzips=capabilities.layers == "compressed" and not fixed)
    plan = Plan(root, blobs, targets, configs, strip)
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
    root: Node, targets: Mapping[Digest, Format], *, gzips: bool
) -> tuple[tuple[PlannedBlob, ...], tuple[Descriptor, ...]]:
    blobs: dict[Digest, PlannedBlob] = {}
    rewritten: dict[Digest, Descriptor] = {}
    for node in root.images():
        if not isinstance(node.parsed, ImageManifest):
            continue
        for layer in node.parsed.layers:
            if layer.urls and layer.media_type in FOREIGN_LAYERS:
                continue  # whoever runs the image fetches it from there
            gzip = gzips and can_gzip(node.parsed, layer)
            _add(blobs, PlannedBlob(layer, "layer", gzip))
        config = node.parsed.config
        if config is None:
            continue
        if needs_config(node.parsed, targets.get(node.raw.digest)):
            rewritten[config.digest] = config
        else:
            _add(blobs, PlannedBlob(config, "config"))
    return tuple(blobs.values()), tuple(rewritten.values())


def _add(blobs: dict[Digest, PlannedBlob], planned: PlannedBlob) -> None:
    first = blobs.setdefault(planned.blob.digest, planned)
    if first.blob.size != planned.blob.size:
        raise ManifestInvalid(
            f"{planned.blob.digest} is given as {first.blob.size} and as {planned.blob.size} bytes"
        )
