"""A wished-for difference from skopeo, and where it shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["newer", "better", "unsupported"]
World = Literal["images", "registries", "logins", "keys"]


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference.

    Attributes:
        line: command line on which it shows; {0} is a name that each program has for itself.
        what: what is different, for the table of README.md; "" to leave it out there.
        reason: why that is wished for.
        world: what the line is run in, see `test_differences.py`.
        files: written for each program before, by their names.
        before: command lines that are run first.
    """

    kind: Kind
    line: str
    what: str
    reason: str
    world: World = "images"
    files: Mapping[str, str] = field(default_factory=dict)
    before: tuple[str, ...] = ()

    @property
    def command(self) -> str:
        """Command that it is about; "" for the program as a whole."""
        words = (word for word in self.line.split() if not word.startswith("-"))
        return next((word for word in words if "=" not in word), "")
