"""Manifests and indexes: the received bytes, and what they mean.

Sources: OCI image-spec manifest.md and image-index.md; Docker "Image Manifest Version 2,
Schema 2". `RawManifest` keeps the bytes, which are what is written; the parsed values
beside it are read-only views for planning.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from regcopy.errors import LimitExceeded, ManifestInvalid, ManifestUnsupported, SizeMismatch
from regcopy.model._json import JsonObject, load_object
from regcopy.model.descriptor import UNKNOWN_SIZE, Descriptor
from regcopy.model.digest import Digest
from regcopy.model.mediatypes import (
    DOCKER_LAYER_GZIP,
    DOCKER_LIST,
    DOCKER_MANIFEST,
    DOCKER_SCHEMA1,
    DOCKER_SCHEMA1_SIGNED,
    IMAGE_MANIFESTS,
    INDEXES,
    OCI_ARTIFACT,
    OCI_INDEX,
    OCI_MANIFEST,
    SCHEMA1,
)
from regcopy.model.platform import Platform
from regcopy.text import printable

# The limit of the distribution specification's own advice and of containers/image.
MAX_MANIFEST_BYTES: Final = 4 * 1024 * 1024
MAX_INDEX_ENTRIES: Final = 1000
MAX_LAYERS: Final = 10_000

_KNOWN: Final = frozenset(
    {
        "schemaVersion",
        "mediaType",
        "artifactType",
        "config",
        "layers",
        "manifests",
        "blobs",
        "subject",
        "annotations",
        "fsLayers",
    }
)
# Which kinds of manifest have which of these members; none has two.
_EXPECTED: Final[Mapping[str, frozenset[str]]] = {
    "manifests": INDEXES,
    "layers": IMAGE_MANIFESTS,
    "blobs": frozenset({OCI_ARTIFACT}),
    "fsLayers": SCHEMA1,
}


@dataclass(frozen=True)
class RawManifest:
    """Exact bytes of a manifest, and the media type they were served with."""

    content: bytes
    media_type: str

    @cached_property
    def digest(self) -> Digest:
        """SHA-256 digest of the payload.

        Raises:
            ManifestInvalid: a signed manifest of Docker's schema 1 contradicts itself.
        """
        return Digest.of(self.payload)

    @cached_property
    def payload(self) -> bytes:
        """What the digest is of: all bytes, but in schema 1 not the signatures. As `digest`."""
        if self.media_type not in SCHEMA1:
            return self.content
        from regcopy.model.jws import payload_of  # few images are that old

        return payload_of(self.content)

    @property
    def size(self) -> int:
        """Number of bytes."""
        return len(self.content)

    def check(self, digest: Digest, size: int | None = None) -> None:
        """Raise DigestMismatch or SizeMismatch unless these are the bytes asked for.

        Raises:
            ManifestInvalid: as `digest`.
        """
        if size is not None and size != self.size:
            raise SizeMismatch(size, self.size, what="manifest")
        if digest != self.digest:
            digest.check(self.payload)

    @classmethod
    def described(cls, content: bytes, descriptor: Descriptor) -> RawManifest:
        """Take what was found under a descriptor, and check that it is that.

        Raises:
            DigestMismatch, SizeMismatch: it is not.
            ManifestInvalid: the descriptor has no media type, and the content tells none.
        """
        raw = cls(content, descriptor.media_type)
        raw.check(descriptor.digest, descriptor.size)
        return raw if raw.media_type else cls(content, media_type_of(content))

    def descriptor(self) -> Descriptor:
        """Media type, digest and size of these bytes."""
        return Descriptor(self.media_type, self.digest, self.size)


@dataclass(frozen=True)
class ImageManifest:
    """One image or artifact: a config and layers (or an artifact's blobs)."""

    media_type: str
    config: Descriptor | None
    layers: tuple[Descriptor, ...]
    subject: Descriptor | None
    annotations: Mapping[str, str]
    artifact_type: str = ""

    @property
    def blobs(self) -> tuple[Descriptor, ...]:
        """Layers in order, then the config: all that must be there before the manifest."""
        return self.layers if self.config is None else (*self.layers, self.config)


@dataclass(frozen=True)
class ImageIndex:
    """A list of manifests, each for its platform."""

    media_type: str
    manifests: tuple[Descriptor, ...]
    subject: Descriptor | None
    annotations: Mapping[str, str]
    artifact_type: str = ""

    def choose(self, wanted: Platform) -> Descriptor:
        """Pick the best entry for a platform, as containers/image does.

        An entry of an OCI index that names no platform fits all, and better than none.

        Raises:
            ManifestUnsupported: no entry fits; the message lists what there is.
        """
        for candidate in wanted.candidates():
            for entry in self.manifests:
                if entry.platform == candidate:
                    return entry
        for entry in self.manifests:
            if entry.platform is None and self.media_type == OCI_INDEX:
                return entry
        have = ", ".join(dict.fromkeys(str(e.platform) for e in self.manifests if e.platform))
        raise ManifestUnsupported(
            f"no image found in image index for platform {wanted}",
            hint=f"it has: {have or 'no platforms'}; choose one with --platform or copy --all",
        )


ParsedManifest = ImageManifest | ImageIndex


def check_size(size: int) -> None:
    """Raise LimitExceeded where a manifest of so many bytes is not even read."""
    if size > MAX_MANIFEST_BYTES:
        raise LimitExceeded(f"manifest of {size} bytes is over the limit of {MAX_MANIFEST_BYTES}")


def parse_manifest(raw: RawManifest) -> ParsedManifest:
    """Read a manifest strictly; its kind is what the body says (CVE-2021-41190).

    Raises:
        ManifestInvalid: broken, ambiguous, or its kind is not the one it was served as.
        ManifestUnsupported: a kind that regcopy cannot take apart.
        LimitExceeded: too large, or too many entries.
    """
    check_size(raw.size)
    document = JsonObject(load_object(raw.content))
    document.refuse_lookalikes(_KNOWN)
    media_type = _kind(document, raw.media_type)
    if media_type in SCHEMA1:
        if raw.media_type not in SCHEMA1 | {""}:
            # Whoever goes by the type takes all bytes for what the digest is of.
            shown = printable(raw.media_type, limit=150)
            raise ManifestInvalid(f'manifest of Docker schema 1 is given as "{shown}"')
        del document  # its payload is read instead, and both together take twice the memory
        return _parse_schema1(RawManifest(raw.content, media_type))
    if media_type in INDEXES:
        return _parse_index(document, media_type)
    if media_type in IMAGE_MANIFESTS:
        return _parse_image(document, media_type)
    if media_type == OCI_ARTIFACT:
        return _parse_artifact(document)
    raise ManifestUnsupported(f'unknown manifest type "{printable(media_type, limit=150)}"')


def _kind(document: JsonObject, served_as: str) -> str:
    members = document.members
    families = [name for name in _EXPECTED if name in members]
    if len(families) > 1:
        raise ManifestInvalid(
            f'ambiguous manifest: it has both "{families[0]}" and "{families[1]}"'
        )
    kind = document.string("mediaType") or _served_kind(served_as) or _guess(document)
    known = INDEXES | IMAGE_MANIFESTS | SCHEMA1 | {OCI_ARTIFACT}
    if kind in known and families and kind not in _EXPECTED[families[0]]:
        raise ManifestInvalid(f'manifest says it is "{kind}" and has "{families[0]}"')
    if "manifests" in members and "config" in members:
        raise ManifestInvalid('ambiguous manifest: it has both "manifests" and "config"')
    if served_as in known and kind in known and kind != served_as:
        raise ManifestInvalid(f'manifest was served as "{served_as}" and says it is "{kind}"')
    return kind


def media_type_of(content: bytes) -> str:
    """Media type of a manifest that came without one (a file), from what it says itself.

    Raises:
        ManifestInvalid: this is no manifest, or one that could be read in two ways.
    """
    document = JsonObject(load_object(content))
    document.refuse_lookalikes(_KNOWN)
    return _kind(document, "")


def _served_kind(served_as: str) -> str:
    return served_as if served_as in INDEXES | IMAGE_MANIFESTS | {OCI_ARTIFACT} | SCHEMA1 else ""


def _guess(document: JsonObject) -> str:
    """Kind of a manifest that says nothing itself and came without a usable type (a file)."""
    if "manifests" in document.members:
        _check_count(document, "manifests", MAX_INDEX_ENTRIES)
        entries = document.children("manifests")
        docker = entries and all(e.string("mediaType") == DOCKER_MANIFEST for e in entries)
        return DOCKER_LIST if docker else OCI_INDEX
    if "fsLayers" in document.members:
        is_signed = document.members.get("signatures") is not None
        return DOCKER_SCHEMA1_SIGNED if is_signed else DOCKER_SCHEMA1
    config = document.child("config")
    if config is not None and config.string("mediaType").startswith("application/vnd.docker."):
        return DOCKER_MANIFEST
    if "layers" in document.members:
        return OCI_MANIFEST
    raise ManifestInvalid("this is no manifest: it has neither layers nor manifests")


def _check_count(document: JsonObject, key: str, limit: int) -> None:
    # Before anything is made of them, so that a million of them cost nothing.
    if (count := document.count(key)) > limit:
        raise LimitExceeded(f"manifest names {count} {key}; the limit is {limit}")


def _check_schema_version(document: JsonObject) -> None:
    if document.integer("schemaVersion") != 2:
        document.fail("schemaVersion", "is not 2")


def _parse_image(document: JsonObject, media_type: str) -> ImageManifest:
    _check_schema_version(document)
    config = document.child("config")
    if config is None:
        document.fail("config", "is missing")
    _check_count(document, "layers", MAX_LAYERS)
    layers = document.children("layers")
    return ImageManifest(
        media_type=media_type,
        config=Descriptor.from_json(config),
        layers=tuple(Descriptor.from_json(layer) for layer in layers),
        subject=_subject(document),
        annotations=document.string_map("annotations"),
        artifact_type=document.string("artifactType"),
    )


def _parse_artifact(document: JsonObject) -> ImageManifest:
    _check_count(document, "blobs", MAX_LAYERS)
    return ImageManifest(
        media_type=OCI_ARTIFACT,
        config=None,
        layers=tuple(Descriptor.from_json(blob) for blob in document.children("blobs")),
        subject=_subject(document),
        annotations=document.string_map("annotations"),
        artifact_type=document.string("artifactType"),
    )


def _parse_schema1(raw: RawManifest) -> ImageManifest:
    from regcopy.model.schema1 import read_schema1

    # Layers that are thrown away are there all the same, and belong to this manifest.
    blobs = read_schema1(raw.payload).blobs
    layers = (Descriptor(DOCKER_LAYER_GZIP, blob, UNKNOWN_SIZE) for blob in blobs)
    return ImageManifest(raw.media_type, None, tuple(layers), None, {})


def _parse_index(document: JsonObject, media_type: str) -> ImageIndex:
    _check_schema_version(document)
    _check_count(document, "manifests", MAX_INDEX_ENTRIES)
    entries = document.children("manifests")
    return ImageIndex(
        media_type=media_type,
        manifests=tuple(Descriptor.from_json(entry) for entry in entries),
        subject=_subject(document),
        annotations=document.string_map("annotations"),
        artifact_type=document.string("artifactType"),
    )


def _subject(document: JsonObject) -> Descriptor | None:
    subject = document.child("subject")
    return None if subject is None else Descriptor.from_json(subject)


def unique(descriptors: Iterable[Descriptor]) -> tuple[Descriptor, ...]:
    """Each digest once, in order of first appearance.

    Raises:
        ManifestInvalid: one digest with two sizes; one of them is a lie.
    """
    seen: dict[Digest, Descriptor] = {}
    for descriptor in descriptors:
        first = seen.setdefault(descriptor.digest, descriptor)
        if first.size != descriptor.size:
            raise ManifestInvalid(
                f"{descriptor.digest} is given as {first.size} and as {descriptor.size} bytes"
            )
    return tuple(seen.values())
