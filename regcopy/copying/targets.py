"""Which family a manifest is written in: its own wherever that is possible."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from regcopy.copying.options import CopyOptions
from regcopy.copying.recompression import LayerChanges
from regcopy.copying.tree import Node
from regcopy.errors import ManifestUnsupported
from regcopy.model.convert import FAMILY_NAMES
from regcopy.model.digest import Digest
from regcopy.model.mediatypes import (
    DOCKER_SCHEMA1_SIGNED,
    INDEXES,
    OCI_INDEX,
    OCI_MANIFEST,
    TO_DOCKER,
    Format,
    format_of,
)
from regcopy.transports.base import Capabilities


def target_formats(
    root: Node, layers: LayerChanges, options: CopyOptions, capabilities: Capabilities
) -> Mapping[Digest, Format]:
    """Give the family of each manifest that must be converted, by its digest.

    Raises:
        ManifestUnsupported: the destination, or the family that is asked for, has no place
            for a manifest or for its layers.
    """
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
