"""Content descriptors (OCI image-spec descriptor.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Self

from regcopy.model._json import JsonObject
from regcopy.model.digest import Digest
from regcopy.model.mediatypes import FOREIGN_LAYERS
from regcopy.model.platform import Platform

# A manifest of Docker's schema 1 does not tell how large its layers are.
UNKNOWN_SIZE: Final = -1

_KNOWN: Final = frozenset(
    {"mediaType", "digest", "size", "urls", "annotations", "platform", "artifactType", "data"}
)
_KNOWN_PLATFORM: Final = frozenset({"architecture", "os", "variant", "os.version", "os.features"})


@dataclass(frozen=True, slots=True)
class Descriptor:
    """Media type, digest and size of some content; a size other than UNKNOWN_SIZE is binding.

    Equality and hash cover media type, digest and size: the identity of the content.
    """

    media_type: str
    digest: Digest
    size: int
    platform: Platform | None = field(default=None, compare=False)
    annotations: Mapping[str, str] = field(default_factory=dict, compare=False)
    urls: tuple[str, ...] = field(default=(), compare=False)
    artifact_type: str = field(default="", compare=False)

    @property
    def is_foreign(self) -> bool:
        """Whether this is a layer that may not be distributed, and comes from its own `urls`."""
        return bool(self.urls) and self.media_type in FOREIGN_LAYERS

    @classmethod
    def from_json(cls, source: JsonObject) -> Self:
        """Read one descriptor.

        Raises:
            ManifestInvalid: a member is missing or has the wrong type or form.
        """
        source.refuse_lookalikes(_KNOWN)
        return cls(
            media_type=source.string("mediaType"),
            digest=source.digest("digest"),
            size=source.integer("size"),
            platform=_platform(source.child("platform")),
            annotations=source.string_map("annotations"),
            urls=source.strings("urls"),
            artifact_type=source.string("artifactType"),
        )

    def to_json(self) -> dict[str, object]:
        """Members in the order that Go's image-spec types have."""
        document: dict[str, object] = {
            "mediaType": self.media_type,
            "digest": str(self.digest),
            "size": self.size,
        }
        if self.urls:
            document["urls"] = list(self.urls)
        if self.annotations:
            document["annotations"] = dict(sorted(self.annotations.items()))
        if self.platform is not None:
            document["platform"] = platform_to_json(self.platform)
        if self.artifact_type:
            document["artifactType"] = self.artifact_type
        return document


def platform_to_json(platform: Platform) -> dict[str, str]:
    """Members of `platform`, in the specification's order."""
    document = {"architecture": platform.architecture, "os": platform.os}
    if platform.variant:
        document["variant"] = platform.variant
    return document


def _platform(source: JsonObject | None) -> Platform | None:
    if source is None:
        return None
    source.refuse_lookalikes(_KNOWN_PLATFORM)
    return Platform(source.string("os"), source.string("architecture"), source.string("variant"))
