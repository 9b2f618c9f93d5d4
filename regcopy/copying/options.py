"""What a copy may be told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from regcopy.errors import UsageError
from regcopy.model.mediatypes import Format
from regcopy.model.platform import Platform


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
class CopyOptions:
    """How one image is copied.

    Attributes:
        instances: which images of an index.
        platform: the platform that "system" means; this machine's by default.
        preserve_digests: fail where anything would have to change bytes.
        format: manifest family to write, None for what the source has where it is accepted.
        additional_tags: more tags for the same manifest, in the destination's repository.
        parallel: blobs under way at once; 0 for the default.
    """

    instances: Instances = field(default_factory=Instances)
    platform: Platform = field(default_factory=Platform.local)
    preserve_digests: bool = False
    format: Format | None = None
    additional_tags: tuple[str, ...] = ()
    parallel: int = 0
