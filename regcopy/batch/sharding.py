"""Divide a list among machines: each line in one part, the same for everybody who divides.

Images that share layers belong together: whoever copies the second one has the layers of the
first one already. Most lists are one large family that shares a base, so families are split
where a part would become too heavy, and then at the price of the fewest shared bytes.
"""

from __future__ import annotations

import hashlib
import heapq
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self

from regcopy.batch.estimate import Estimate
from regcopy.batch.lines import Line
from regcopy.batch.one_file import FilesOfLines
from regcopy.config.environment import Environment
from regcopy.errors import UsageError
from regcopy.model.digest import Digest
from regcopy.text import printable

MAX_SHARDS: Final = 10_000
# Every line costs requests, however few bytes it has: about as long as these bytes take.
LINE_BYTES: Final = 1024 * 1024
_SLACK: Final = 1.1
_SHARD: Final = re.compile(r"([0-9]{1,6}|auto)/([0-9]{1,6})")
_INDEX: Final = re.compile(r"[0-9]{1,6}")
_INDEX_VARIABLE: Final = "JOB_COMPLETION_INDEX"


@dataclass(frozen=True, slots=True)
class Shard:
    """The `number`-th of `count` parts; the first is 1."""

    number: int
    count: int

    def __post_init__(self) -> None:
        if not 1 <= self.count <= MAX_SHARDS:
            raise UsageError(f"{self.count} parts: not a number from 1 to {MAX_SHARDS}")
        if not 1 <= self.number <= self.count:
            raise UsageError(
                f"part {self.number} of {self.count}: there is no such part",
                hint="the first part is 1",
            )

    @classmethod
    def parse(cls, text: str, environment: Environment) -> Self:
        """Parse `I/N`; or `auto/N`, which takes a Kubernetes Job's index for I.

        Such a Job numbers its pods from 0, in `JOB_COMPLETION_INDEX`.

        Raises:
            UsageError: anything else, or no such part.
        """
        found = _SHARD.fullmatch(text)
        if found is None:
            raise UsageError(
                f'"{printable(text, limit=100)}" is no part of a list',
                hint="write 2/8 for the second of eight parts, or auto/8 in a Job with an index",
            )
        count = int(found[2])
        if found[1] != "auto":
            return cls(int(found[1]), count)
        index = environment.get(_INDEX_VARIABLE)
        if _INDEX.fullmatch(index) is None:
            raise UsageError(
                f"auto/{count}: {_INDEX_VARIABLE} is not set to a number",
                hint="Kubernetes sets it in Jobs with completionMode: Indexed",
            )
        return cls(int(index) + 1, count)

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a list.

    Attributes:
        shard: which part it is.
        lines: in the order of the list.
        total_bytes: of its blobs, each counted once.
    """

    shard: Shard
    lines: tuple[Line, ...]
    total_bytes: int = 0


def part_by_hash(lines: Sequence[Line], shard: Shard) -> tuple[Line, ...]:
    """Take the lines of a part without any look at the images: by a hash of their names.

    The lines of one file, which only one machine can write, are in one part: that of the first
    of them. The path of the file does not count, which differs among machines.
    """
    files = FilesOfLines()
    firsts: dict[str, str] = {}

    def number(line: Line) -> int:
        names, file = f"{line.source} {line.destination}", files.find(line)
        return _hashed(firsts.setdefault(file, names) if file else names, shard.count)

    return tuple(line for line in lines if number(line) == shard.number - 1)


def _hashed(name: str, count: int) -> int:
    content = name.encode("utf-8", "surrogateescape")
    return int.from_bytes(hashlib.sha256(content).digest()[:8], "big") % count


def split_by_bytes(estimates: Sequence[Estimate], count: int) -> tuple[Part, ...]:
    """Divide lines so that all parts have about as much to do.

    The result depends on nothing but the arguments.

    Args:
        estimates: of all lines, in the order of the list.
        count: number of parts; some are empty where there are more of them than lines.
    """
    shards = [Shard(number, count) for number in range(1, count + 1)]
    division = _Division(estimates, count)
    for estimate in _in_order(estimates):
        division.place(estimate)
    return tuple(
        Part(shard, tuple(sorted(lines, key=lambda line: line.number)), size)
        for shard, lines, size in zip(shards, division.lines, division.bytes, strict=True)
    )


def _in_order(estimates: Sequence[Estimate]) -> list[Estimate]:
    """Families one after another, the heaviest first, and within each the heaviest image first."""
    users = Counter(digest for estimate in estimates for digest in estimate.blobs)

    def family(estimate: Estimate) -> tuple[int, str]:
        # The blob that saves most when its users stay together.
        saving = ((size * (users[d] - 1), str(d)) for d, size in estimate.blobs.items())
        return max(saving, default=(0, ""))

    return sorted(
        estimates,
        key=lambda one: (*_descending(family(one)), -one.total_bytes, one.line.number),
    )


def _descending(family: tuple[int, str]) -> tuple[int, str]:
    saved, name = family
    return -saved, name if saved else ""


class _Division:
    """Parts that are being filled."""

    def __init__(self, estimates: Sequence[Estimate], count: int) -> None:
        self.lines: list[list[Line]] = [[] for _ in range(count)]
        self.bytes = [0] * count
        self._weight = [0] * count
        self._holders: dict[Digest, set[int]] = {}
        # The lightest part is on top; entries that are out of date are dropped when seen.
        self._lightest = [(0, number) for number in range(count)]
        self._limit = self._fair_share(estimates, count)
        self._files = FilesOfLines()
        self._writers: dict[str, int] = {}

    @staticmethod
    def _fair_share(estimates: Sequence[Estimate], count: int) -> float:
        sizes: dict[Digest, int] = {}
        for estimate in estimates:
            sizes.update(estimate.blobs)
        whole = sum(sizes.values()) + LINE_BYTES * len(estimates)
        return _SLACK * whole / count

    def place(self, estimate: Estimate) -> None:
        """Put a line where its file is written, where most of its bytes are, or where room is."""
        shared = self._shared(estimate.blobs)
        total = estimate.total_bytes
        file = self._files.find(estimate.line)
        best = self._writers[file] if file in self._writers else self._best(shared, total)
        if file:
            self._writers[file] = best
        added = total - shared.get(best, 0)
        self.lines[best].append(estimate.line)
        self.bytes[best] += added
        self._weight[best] += added + LINE_BYTES
        heapq.heappush(self._lightest, (self._weight[best], best))
        for digest in estimate.blobs:
            self._holders.setdefault(digest, set()).add(best)

    def _best(self, shared: Mapping[int, int], total: int) -> int:
        best = max(shared, key=lambda part: (shared[part], -part), default=-1)
        if best < 0 or self._weight[best] + self._added(total, shared[best]) > self._limit:
            return self._roomiest(shared, total)
        return best

    def _shared(self, blobs: Mapping[Digest, int]) -> dict[int, int]:
        """Bytes of the line that each part has already."""
        shared: dict[int, int] = {}
        for digest, size in blobs.items():
            for part in self._holders.get(digest, ()):
                shared[part] = shared.get(part, 0) + size
        return shared

    @staticmethod
    def _added(total: int, shared: int) -> int:
        return total - shared + LINE_BYTES

    def _roomiest(self, shared: Mapping[int, int], total: int) -> int:
        """The part that is lightest after it took the line."""
        candidates = {*shared, self._lightest_part()}
        return min(
            candidates,
            key=lambda part: (self._weight[part] + self._added(total, shared.get(part, 0)), part),
        )

    def _lightest_part(self) -> int:
        while True:
            weight, part = self._lightest[0]
            if weight == self._weight[part]:
                return part
            heapq.heappop(self._lightest)
