"""What becomes of a manifest where bytes must change. Pure: no I/O.

Bytes change for three reasons only: another family was asked for or is all that the
destination takes, a layer got another compression on the way, or an index is cut down to
the platforms copied. What is written then is what the types of image-spec v1.1 and of Docker's
schema 2 have a place for, in the order of their members, so that other tools that convert
the same image give it the same digest. In all other cases the manifest that came is the
manifest that goes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Final, NamedTuple

from regcopy.errors import ManifestUnsupported
from regcopy.model._encode import (
    by_name,
    docker_descriptor,
    oci_descriptor,
    platform_members,
    present,
)
from regcopy.model._json import JsonObject, dump_object, load_object
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.image_config import to_oci_config
from regcopy.model.manifest import ImageIndex, ImageManifest, RawManifest, parse_manifest
from regcopy.model.mediatypes import (
    DOCKER_CONFIG,
    DOCKER_LIST,
    DOCKER_MANIFEST,
    IMAGE_MANIFESTS,
    LAYERS_TO_DOCKER,
    LAYERS_TO_OCI,
    OCI_CONFIG,
    OCI_INDEX,
    OCI_LAYER_ZSTD,
    OCI_MANIFEST,
    SCHEMA1,
    Format,
    compression_of,
    format_of,
)
from regcopy.text import printable

_NO_LAYERS: Final[Mapping[Digest, Descriptor]] = MappingProxyType({})
# Early clients pushed Docker's config without a type of its own.
_IMAGE_CONFIGS: Final = frozenset({OCI_CONFIG, DOCKER_CONFIG, "application/octet-stream"})
FAMILY_NAMES: Final[Mapping[Format, str]] = {
    "oci": "OCI",
    "v2s2": "Docker schema 2",
    "v2s1": "Docker schema 1",
}


class RewrittenImage(NamedTuple):
    """A manifest as it is written, and the config that belongs to it.

    Attributes:
        config: bytes of a new config, None where the source's config stays, or there is none.
        layer: a layer that the source does not have, None where there is none.
    """

    manifest: RawManifest
    config: bytes | None
    layer: bytes | None = None


def needs_config(parsed: ImageManifest, to: Format | None) -> bool:
    """Tell whether `rewrite_image` must be given the bytes of the config."""
    if to == "v2s1":
        return parsed.media_type in IMAGE_MANIFESTS
    return to == "oci" and parsed.media_type == DOCKER_MANIFEST


def can_recompress(parsed: ImageManifest, layer: Descriptor) -> bool:
    """Tell whether a layer is one of an image that may get another compression on the way.

    What an artifact names is not touched: whoever reads it may look for these very bytes.
    Neither is a layer that can be fetched from somewhere else by its digest.
    """
    has_config = parsed.config is not None and parsed.config.media_type in _IMAGE_CONFIGS
    is_image = has_config or parsed.media_type in SCHEMA1
    return is_image and compression_of(layer.media_type) is not None and not layer.urls


def rewrite_image(
    raw: RawManifest,
    *,
    to: Format | None,
    layers: Mapping[Digest, Descriptor] = _NO_LAYERS,
    config: bytes | None = None,
) -> RewrittenImage:
    """Convert an image, and enter layers that were replaced on the way.

    Args:
        raw: manifest of an image, as it came.
        to: family to write, None for the one it has.
        layers: what became of layers, by the digest they had; others stay.
        config: bytes of the source's config, where `needs_config` says so.

    Returns:
        `raw` itself where nothing changes.

    Raises:
        ManifestUnsupported: the other family has no place for this.
        ManifestInvalid: manifest or config is broken.
        DigestMismatch: `config` is not the config of this image.
    """
    parsed = parse_manifest(raw)
    if not isinstance(parsed, ImageManifest):
        raise TypeError("an index is no image")
    family = format_of(parsed.media_type)
    target = to or family
    if target == "v2s1":
        raise TypeError("schema 1 is made with its signature, in regcopy.copying.schema1")
    if target == family and not any(layer.digest in layers for layer in parsed.layers):
        return RewrittenImage(raw, None)
    if target is None or parsed.config is None:
        raise _unsupported("it is an artifact, not an image")
    converts = target != family
    if converts and parsed.config.media_type not in _IMAGE_CONFIGS:
        shown = printable(parsed.config.media_type, limit=150)
        raise _unsupported(f'{FAMILY_NAMES[target]} has no config of type "{shown}"')
    entries = [_layer(layer, layers, target, converts=converts) for layer in parsed.layers]
    if target == "v2s2":
        described = replace(parsed.config, media_type=DOCKER_CONFIG) if converts else parsed.config
        return RewrittenImage(_docker_manifest(described, entries), None)
    if converts:
        return _converted_to_oci(parsed.config, config, entries)
    source = JsonObject(load_object(raw.content))
    return RewrittenImage(_updated_oci_manifest(source, entries), None)


def _layer(
    before: Descriptor, layers: Mapping[Digest, Descriptor], target: Format, *, converts: bool
) -> Descriptor:
    after = layers.get(before.digest, before)
    if not converts and after is before:
        return before
    # A layer that several images share was replaced once, perhaps for one of the other family.
    media_type = _layer_type(after.media_type, target)
    # Docker's layers have no annotations; what stands there all the same is not taken over.
    # Those of a layer that was made on the way are about its new bytes.
    annotations = {} if after is before else after.annotations
    return replace(after, media_type=media_type, annotations=annotations)


def _layer_type(media_type: str, target: Format) -> str:
    known = LAYERS_TO_DOCKER if target == "v2s2" else LAYERS_TO_OCI
    if media_type in known:
        return known[media_type]
    if media_type in known.values():
        return media_type
    if media_type == OCI_LAYER_ZSTD:
        raise _unsupported(
            "Docker schema 2 has no zstd layers",
            hint="add --dest-compress-format gzip, or leave out --format",
        )
    shown = printable(media_type, limit=150)
    raise _unsupported(f'{FAMILY_NAMES[target]} has no layer of type "{shown}"')


def _unsupported(
    why: str, *, hint: str = "copy it without --format, to a place that takes it as it is"
) -> ManifestUnsupported:
    return ManifestUnsupported(f"this manifest cannot be converted: {why}", hint=hint)


def _docker_manifest(config: Descriptor, layers: Sequence[Descriptor]) -> RawManifest:
    document = {
        "schemaVersion": 2,
        "mediaType": DOCKER_MANIFEST,
        "config": docker_descriptor(config),
        "layers": [docker_descriptor(layer) for layer in layers],
    }
    return RawManifest(dump_object(document), DOCKER_MANIFEST)


def _converted_to_oci(
    before: Descriptor, config: bytes | None, layers: Sequence[Descriptor]
) -> RewrittenImage:
    if config is None:
        raise TypeError("this conversion needs the config")
    before.digest.check(config)
    converted = to_oci_config(config)
    described = Descriptor(OCI_CONFIG, Digest.of(converted), len(converted))
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": described.to_json(),
        "layers": _oci_layers(layers),
    }
    return RewrittenImage(RawManifest(dump_object(document), OCI_MANIFEST), converted)


def _updated_oci_manifest(source: JsonObject, layers: Sequence[Descriptor]) -> RawManifest:
    config = source.child("config")
    document = {
        "schemaVersion": 2,
        # Some tools leave it out; nobody asked for it to be put in.
        **present({"mediaType": source.string("mediaType")}),
        **present({"artifactType": source.string("artifactType")}),
        "config": oci_descriptor(config) if config else {},
        "layers": _oci_layers(layers),
        **_subject_and_annotations(source),
    }
    return RawManifest(dump_object(document), OCI_MANIFEST)


def _oci_layers(layers: Sequence[Descriptor]) -> list[dict[str, object]]:
    return [replace(layer, platform=None, artifact_type="").to_json() for layer in layers]


def _subject_and_annotations(source: JsonObject) -> dict[str, object]:
    subject = source.child("subject")
    return present(
        {
            "subject": oci_descriptor(subject) if subject else None,
            "annotations": by_name(source.string_map("annotations")),
        }
    )


def rewrite_index(
    raw: RawManifest,
    *,
    to: Format | None,
    children: Mapping[Digest, RawManifest],
    keep: Collection[Digest] | None = None,
) -> RawManifest:
    """Convert an index, enter manifests that changed, and leave out those that are not kept.

    Args:
        raw: an index, as it came.
        to: family to write, None for the one it has.
        children: what became of manifests, by the digest they had; others stay. Several
            entries may name one.
        keep: entries that stay, by the digest they had; None for all.

    Returns:
        `raw` itself where nothing changes.

    Raises:
        ManifestInvalid: the index is broken.
    """
    parsed = parse_manifest(raw)
    if not isinstance(parsed, ImageIndex):
        raise TypeError("an image is no index")
    family = format_of(parsed.media_type)
    target = to or family
    kept = [
        position
        for position, entry in enumerate(parsed.manifests)
        if keep is None or entry.digest in keep
    ]
    now = [_as_it_is_now(entry, children) for entry in parsed.manifests]
    if target == family and len(kept) == len(now) and tuple(now) == parsed.manifests:
        return raw
    source = JsonObject(load_object(raw.content))
    came = source.children("manifests")
    entries = [(came[position], now[position]) for position in kept]
    if target == "v2s2":
        return _docker_list(entries, with_features=family == "v2s2")
    if family == "v2s2":
        return _list_as_oci_index(entries)
    return _updated_oci_index(source, entries)


def _as_it_is_now(entry: Descriptor, children: Mapping[Digest, RawManifest]) -> Descriptor:
    child = children.get(entry.digest)
    if child is None or Digest.of(child.payload, entry.digest.algorithm) == entry.digest:
        return entry
    return replace(entry, media_type=child.media_type, digest=child.digest, size=child.size)


_Entries = Sequence[tuple[JsonObject, Descriptor]]


def _docker_list(entries: _Entries, *, with_features: bool) -> RawManifest:
    document = {
        "schemaVersion": 2,
        "mediaType": DOCKER_LIST,
        "manifests": [
            {**docker_descriptor(now), "platform": _docker_platform(entry, with_features)}
            for entry, now in entries
        ],
    }
    return RawManifest(dump_object(document), DOCKER_LIST)


def _docker_platform(entry: JsonObject, with_features: bool) -> dict[str, object]:
    platform = entry.child("platform")
    if platform is None:
        # Docker's list must name one; this is how it says that no machine is meant.
        return {"architecture": "unknown", "os": "unknown"}
    features = list(platform.strings("features")) if with_features else []
    return {**platform_members(platform), **present({"features": features})}


def _list_as_oci_index(entries: _Entries) -> RawManifest:
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [
            {
                **replace(now, platform=None, annotations={}, artifact_type="").to_json(),
                "platform": platform_members(entry.child("platform") or JsonObject({})),
            }
            for entry, now in entries
        ],
    }
    return RawManifest(dump_object(document), OCI_INDEX)


def _updated_oci_index(source: JsonObject, entries: _Entries) -> RawManifest:
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        **present({"artifactType": source.string("artifactType")}),
        "manifests": [oci_descriptor(entry, now) for entry, now in entries],
        **_subject_and_annotations(source),
    }
    return RawManifest(dump_object(document), OCI_INDEX)
