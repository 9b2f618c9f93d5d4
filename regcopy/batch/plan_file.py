"""A plan: which lines of a list are whose, in a file that all machines read.

With it, the manifests of the list are read once and not by each machine, and a tag that
moves in between cannot make two machines divide the list in two ways.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

from regcopy.batch.lines import Line
from regcopy.batch.sharding import Part, Shard
from regcopy.errors import ContentError, UsageError
from regcopy.streams.blob import Readable, read_limited

_MAX_PLAN_BYTES: Final = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class SharedPlan:
    """A division of one list.

    Attributes:
        list_digest: of the list that it was made for.
        parts: line numbers and bytes of each part.
        unknown: lines whose size could not be found out.
    """

    list_digest: str
    parts: tuple[tuple[tuple[int, ...], int], ...]
    unknown: int = 0

    @classmethod
    def of(cls, lines: Sequence[Line], parts: Sequence[Part], *, unknown: int = 0) -> Self:
        """Make a plan of parts."""
        numbers = tuple(
            (tuple(line.number for line in part.lines), part.total_bytes) for part in parts
        )
        return cls(list_digest(lines), numbers, unknown)

    @classmethod
    def read(cls, file: Readable, *, name: str = "the plan") -> Self:
        """Read what `to_json` gave.

        Raises:
            ContentError: this is no plan.
        """
        content = read_limited(file, _MAX_PLAN_BYTES, what=name)
        try:
            document: object = json.loads(content)
            if isinstance(document, dict):
                digest, parts = document["list"], document["parts"]
                return cls(str(digest), tuple(_part(part) for part in parts))
        except (ValueError, KeyError, TypeError, RecursionError):
            pass
        raise ContentError(f"{name} is no plan", hint="plans are what `plan --json` prints")

    def to_json(self) -> dict[str, object]:
        """Give the plan as a JSON object."""
        count = len(self.parts)
        return {
            "list": self.list_digest,
            "shards": count,
            "lines": sum(len(lines) for lines, _ in self.parts),
            "bytes": sum(size for _, size in self.parts),
            "unknown": self.unknown,
            "parts": [
                {
                    "shard": f"{number}/{count}",
                    "images": len(lines),
                    "bytes": size,
                    "lines": list(lines),
                }
                for number, (lines, size) in enumerate(self.parts, 1)
            ],
        }

    def lines_of(self, lines: Sequence[Line], shard: Shard) -> tuple[Line, ...]:
        """Take the lines of one part.

        Raises:
            UsageError: the plan is for another list, or another number of parts.
        """
        if self.list_digest != list_digest(lines):
            raise UsageError("the plan was made for another list", hint="make a new plan")
        if shard.count != len(self.parts):
            raise UsageError(f"the plan has {len(self.parts)} parts, and not {shard.count}")
        wanted = set(self.parts[shard.number - 1][0])
        return tuple(line for line in lines if line.number in wanted)


def list_digest(lines: Sequence[Line]) -> str:
    """Give a digest of a list, without its comments."""
    hasher = hashlib.sha256()
    for line in lines:
        hasher.update(f"{line.number} {line}\n".encode("utf-8", "surrogateescape"))
    return f"sha256:{hasher.hexdigest()}"


def _part(document: object) -> tuple[tuple[int, ...], int]:
    if not isinstance(document, dict):
        raise TypeError("no object")
    lines, size = document["lines"], document["bytes"]
    if not all(type(number) is int for number in lines) or type(size) is not int:
        raise TypeError("no numbers")
    return tuple(lines), size
