"""Semantic versions and constraints on them, with the grammar that skopeo takes.

skopeo uses the Go library Masterminds/semver (v3); its README has the tables that the rules
here follow, and semver.org the order of versions. A tag may begin with `v`, and minor and
patch may be missing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import total_ordering
from typing import Final, Self

from regcopy.errors import UsageError
from regcopy.text import printable

_MAX_TEXT: Final = 1000
_LARGEST: Final = 2**64 - 1
_SUFFIX: Final = (
    r"(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"
)
_VERSION: Final = re.compile(rf"v?([0-9]+)(?:\.([0-9]+))?(?:\.([0-9]+))?{_SUFFIX}", re.ASCII)
_PART: Final = r"(?:[0-9]+|[xX*])"
_PATTERN: Final = rf"v?({_PART})(?:\.({_PART}))?(?:\.({_PART}))?{_SUFFIX}"
_OPERATORS: Final = r"!=|>=|=>|<=|=<|~>|=|>|<|~|\^|"
_CONSTRAINT: Final = re.compile(rf"\s*({_OPERATORS})\s*{_PATTERN}", re.ASCII)
_BETWEEN: Final = re.compile(r"\s*,\s*|\s+", re.ASCII)
_RANGE: Final = re.compile(rf"\s*({_PATTERN})\s+-\s+({_PATTERN})\s*", re.ASCII)
_WILD: Final = frozenset({"x", "X", "*", None})


@total_ordering
@dataclass(frozen=True, slots=True)
class Version:
    """One version; build metadata counts for nothing."""

    major: int
    minor: int = 0
    patch: int = 0
    prerelease: str = ""

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Parse a tag; None where it is no version."""
        found = _VERSION.fullmatch(text) if len(text) <= _MAX_TEXT else None
        if found is None:
            return None
        return cls._make(found[1], found[2] or "0", found[3] or "0", found[4] or "")

    @classmethod
    def _make(cls, major: str, minor: str, patch: str, prerelease: str) -> Self | None:
        if any(len(part) > 20 or int(part) > _LARGEST for part in (major, minor, patch)):
            return None
        identifiers = prerelease.split(".") if prerelease else []
        if any(len(part) > 1 and part.isdigit() and part[0] == "0" for part in identifiers):
            return None
        return cls(int(major), int(minor), int(patch), prerelease)

    @property
    def numbers(self) -> tuple[int, int, int]:
        """Major, minor, patch."""
        return self.major, self.minor, self.patch

    def __lt__(self, other: Version) -> bool:
        return self._key() < other._key()

    def _key(self) -> tuple[tuple[int, int, int], bool, tuple[tuple[bool, int, str], ...]]:
        # Numbers come before words, and a release after all of its prereleases.
        parts = self.prerelease.split(".") if self.prerelease else []
        order = tuple(
            (False, int(part), "") if part.isdigit() else (True, 0, part) for part in parts
        )
        return self.numbers, not self.prerelease, order


@dataclass(frozen=True, slots=True)
class _Bound:
    """One comparison.

    Attributes:
        version: what is compared with; parts that were left open are 0.
        given: how many of major, minor and patch were given.
    """

    operator: str
    version: Version
    given: int

    def allows(self, version: Version) -> bool:
        # Nobody gets a prerelease who did not ask for one, or for all but one version.
        is_asked_for = bool(self.version.prerelease) or (self.operator, self.given) == ("!=", 3)
        if version.prerelease and not is_asked_for:
            return False
        return _COMPARE[self.operator](version, self)


@dataclass(frozen=True, slots=True)
class Constraint:
    """What versions are wanted: comparisons joined by spaces or commas (and), and `||` (or)."""

    text: str
    _choices: tuple[tuple[_Bound, ...], ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse `>=1.2, <3 || ~4.5`; also `1.x`, `^1.2`, `1.2 - 1.4`, `!=1.3`.

        Raises:
            UsageError: it is no constraint.
        """
        if len(text) > _MAX_TEXT:
            raise _improper(text)
        # Nothing at all is wanted as `*` is.
        parts = _without_ranges(text or "*").split("||")
        return cls(text, tuple(_bounds(part, text) for part in parts))

    def allows(self, tag: str) -> bool:
        """Tell whether a tag is a version that is wanted."""
        version = Version.parse(tag)
        return version is not None and any(
            all(bound.allows(version) for bound in bounds) for bounds in self._choices
        )


def _without_ranges(text: str) -> str:
    """Write `1.2 - 1.4` as the two comparisons that it means."""
    last = _RANGE.groups // 2 + 1
    return _RANGE.sub(lambda found: f">={found[1]} <={found[last]} ", text)


def _bounds(text: str, whole: str) -> tuple[_Bound, ...]:
    bounds: list[_Bound] = []
    at = 0
    while at < len(text.rstrip()):
        between = _BETWEEN.match(text, at) if bounds else None
        found = _CONSTRAINT.match(text, between.end() if between else at)
        if found is None or (bounds and between is None):
            raise _improper(whole)
        bounds.append(_bound(found, whole))
        at = found.end()
    if not bounds:
        raise _improper(whole)
    return tuple(bounds)


def _bound(found: re.Match[str], whole: str) -> _Bound:
    parts = [found[2], found[3], found[4]]
    given = next((count for count, part in enumerate(parts) if part in _WILD), 3)
    numbers = [*parts[:given], *["0"] * (3 - given)]
    version = Version.parse(".".join(numbers) + (f"-{found[5]}" if found[5] else ""))
    if version is None:
        raise _improper(whole)
    return _Bound(found[1], version, given)


def _improper(text: str) -> UsageError:
    return UsageError(
        f"improper constraint: {printable(text, limit=200)}",
        hint="for example >=1.2, <2.0 or ~1.4 or ^2",
    )


def _not_equal(version: Version, bound: _Bound) -> bool:
    if bound.given in (0, 3):
        return version != bound.version
    same = version.numbers[: bound.given] == bound.version.numbers[: bound.given]
    if same and bound.given == 2 and (version.prerelease or bound.version.prerelease):
        return version.prerelease != bound.version.prerelease
    return not same


def _greater(version: Version, bound: _Bound) -> bool:
    if bound.given == 3:
        return version > bound.version
    # >11 begins with 12, and >11.1 with 11.2.
    if version.major != bound.version.major or bound.given < 1:
        return version.major > bound.version.major or (
            bound.given < 1 and version.major == 0 and version > bound.version
        )
    return bound.given == 2 and version.minor > bound.version.minor


def _less_or_equal(version: Version, bound: _Bound) -> bool:
    if bound.given == 3:
        return version <= bound.version
    # <=11 is everything of 11, and <=11.1 everything of 11.1.
    if version.major != bound.version.major:
        return version.major < bound.version.major
    return bound.given == 1 or version.minor <= bound.version.minor


def _tilde(version: Version, bound: _Bound) -> bool:
    if version < bound.version:
        return False
    if bound.version.numbers == (0, 0, 0) and bound.given in (0, 3):
        return True
    same_minor = bound.given < 2 or version.minor == bound.version.minor
    return version.major == bound.version.major and same_minor


def _equal(version: Version, bound: _Bound) -> bool:
    return version == bound.version if bound.given == 3 else _tilde(version, bound)


def _caret(version: Version, bound: _Bound) -> bool:
    """Everything that changes no number left of the first one that is not 0."""
    least = bound.version
    if version < least:
        return False
    if least.major > 0 or bound.given == 1:
        return version.major == least.major
    if version.major > 0:
        return False
    if least.minor > 0 or bound.given == 2:
        return version.minor == least.minor
    return version.minor == 0 and version.patch == least.patch


_COMPARE: Final[Mapping[str, Callable[[Version, _Bound], bool]]] = {
    "": _equal,
    "=": _equal,
    "!=": _not_equal,
    ">": _greater,
    "<": lambda version, bound: version < bound.version,
    ">=": lambda version, bound: version >= bound.version,
    "=>": lambda version, bound: version >= bound.version,
    "<=": _less_or_equal,
    "=<": _less_or_equal,
    "~": _tilde,
    "~>": _tilde,
    "^": _caret,
}
