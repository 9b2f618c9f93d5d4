"""Platforms, and which image of an index fits one (OCI image-spec image-index.md, `platform`)."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from typing import Final, Self

from regcopy.errors import InvalidPlatform
from regcopy.text import printable

_PART: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")

# What a machine calls itself, in Go's words (GOARCH, GOARM).
_MACHINES: Final = {
    "x86_64": ("amd64", ""),
    "aarch64": ("arm64", "v8"),
    "armv8l": ("arm", "v8"),
    "armv7l": ("arm", "v7"),
    "armv6l": ("arm", "v6"),
    "i686": ("386", ""),
    "i386": ("386", ""),
    "loongarch64": ("loong64", ""),
}
_ALIASES: Final = {"x86_64": "amd64", "x86-64": "amd64", "aarch64": "arm64", "armhf": "arm"}

# From the newest to the oldest: a machine of one variant runs all that follow it.
_VARIANTS: Final = {"arm": ("v8", "v7", "v6", "v5"), "arm64": ("v8",)}


@dataclass(frozen=True, slots=True, order=True)
class Platform:
    """Operating system, architecture and variant, in Go's words."""

    os: str
    architecture: str
    variant: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse `os/architecture[/variant]`, such as `linux/arm64/v8`.

        Raises:
            InvalidPlatform: another number of parts, or a part with odd characters.
        """
        parts = text.strip().split("/")
        if len(parts) not in (2, 3) or not all(_PART.fullmatch(part) for part in parts):
            raise InvalidPlatform(
                f'invalid platform "{printable(text, limit=100)}"',
                hint="write os/architecture[/variant], such as linux/arm64/v8",
            )
        architecture = _ALIASES.get(parts[1].lower(), parts[1].lower())
        return cls(parts[0].lower(), architecture, parts[2] if len(parts) == 3 else "")

    @classmethod
    def local(cls) -> Self:
        """Platform of this machine."""
        machine = os.uname().machine if hasattr(os, "uname") else "x86_64"
        architecture, variant = _MACHINES.get(machine, (machine, ""))
        system = {"win32": "windows", "darwin": "darwin"}.get(sys.platform, "linux")
        return cls(system, architecture, variant)

    def candidates(self) -> tuple[Platform, ...]:
        """Platforms that run here, the best first.

        The order is containers/image's: with a variant, that variant and those older
        than it, then none; without one, none first and then every known variant.
        """
        known = _VARIANTS.get(self.architecture, ())
        if not self.variant:
            variants = ("", *known)
        elif self.variant in known:
            variants = (*known[known.index(self.variant) :], "")
        else:
            variants = (self.variant, "")
        return tuple(Platform(self.os, self.architecture, variant) for variant in variants)

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)
