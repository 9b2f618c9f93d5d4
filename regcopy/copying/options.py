"""What a copy may be told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from regcopy.errors import UsageError
from regcopy.model.mediatypes import CompressionFormat, Format
from regcopy.model.platform import Platform
from regcopy.streams.compress import LEVELS

if TYPE_CHECKING:
    from regcopy.transports.base import LayerForm
    from regcopy.trust.signers import Signer


@dataclass(frozen=True, slots=True)
class Instances:
    """Which images of an index are copied; an image that stands alone is always copied whole.

    Attributes:
        kind: "system" copies the one image for a platform and not the index; "all" the
            index and all that it names; "index-only" the index alone; "platforms" the
            index and the images for `platforms`.
        platforms: what "platforms" selects.
        strip: rewrite the index so that it names only what was copied.
    """

    kind: Literal["system", "all", "index-only", "platforms"] = "system"
    platforms: tuple[Platform, ...] = ()
    strip: bool = False

    def __post_init__(self) -> None:
        if (self.kind == "platforms") != bool(self.platforms):
            raise UsageError("a list of platforms and the choice to copy by platform go together")
        if self.strip and self.kind != "platforms":
            raise UsageError("removing platforms from an index needs a list of platforms to keep")


@dataclass(frozen=True, slots=True)
class CompressionOptions:
    """How layers are compressed on the way.

    Attributes:
        layers: how they arrive at a destination that takes them as they are (a folder); others
            have their own way.
        format: for layers that are compressed on the way, gzip by default. Where it is given,
            layers in another format are compressed anew, unless the destination has them.
        level: 0 to 9 for gzip, 1 to 22 for zstd and zstd:chunked (above 11 counts as 11).
        force: compress anew even where the destination has the layer in another format.
    """

    layers: LayerForm = "any"
    format: CompressionFormat | None = None
    level: int | None = None
    force: bool = False

    def __post_init__(self) -> None:
        if self.force and self.format is None:
            raise UsageError("to force a format of compression, name one")
        levels = LEVELS[self.format or "gzip"]
        if self.level is not None and self.level not in levels:
            raise UsageError(
                f"{self.format or 'gzip'} has no level {self.level}",
                hint=f"choose one from {levels[0]} to {levels[-1]}",
            )


@dataclass(frozen=True, slots=True)
class CopyOptions:
    """How one image is copied.

    Attributes:
        instances: which images of an index.
        platform: the platform that "system" means; this machine's by default.
        preserve_digests: fail where anything would have to change bytes.
        compression: how layers are compressed.
        format: manifest family to write, None for what the source has where it is accepted.
        additional_tags: more tags for the same manifest, in the destination's repository.
        precompute_digests: where layers get another compression on the way to a registry, make
            each in a temporary file first, and ask whether it is there before it is uploaded.
        remove_signatures: leave the source's signatures behind.
        signers: who sign what is written.
        referrers: copy what refers to the image, too (signatures, SBOMs, attestations); then no
            byte of it may change, as with `preserve_digests`.
        parallel: blobs under way at once; 0 for the default.
    """

    instances: Instances = field(default_factory=Instances)
    platform: Platform = field(default_factory=Platform.local)
    preserve_digests: bool = False
    compression: CompressionOptions = field(default_factory=CompressionOptions)
    format: Format | None = None
    additional_tags: tuple[str, ...] = ()
    precompute_digests: bool = False
    remove_signatures: bool = False
    signers: tuple[Signer, ...] = ()
    referrers: bool = False
    parallel: int = 0
