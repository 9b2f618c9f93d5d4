"""Typed reading of JSON from strangers; errors name the place inside the document.

A document that two programs could read differently is refused (CVE-2021-41190 and its
kin): duplicate keys, keys that differ from a known one by case only (Go's decoder takes
them for the known one), NaN or Infinity, and halves of surrogate pairs.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final, NoReturn

from regcopy.errors import InvalidDigest, ManifestInvalid
from regcopy.model.digest import Digest
from regcopy.text import printable

_MAX_INTEGER: Final = 2**63 - 1
# Reading digits costs their square, so Python itself stops, at 4,300.
_MAX_DIGITS: Final = 1000
# An object takes some 250 bytes of memory. Real documents have more text than this for each.
_MANY: Final = 200_000
_BYTES_FOR_EACH: Final = 20
_SURROGATE_ESCAPE: Final = re.compile(rb"\\u[dD][89a-fA-F]")


def load_object(content: bytes, *, what: str = "manifest") -> dict[str, object]:
    """Decode a JSON object strictly.

    Raises:
        ManifestInvalid: not UTF-8 JSON, not an object, duplicate keys, NaN, too deep, or so
            many objects and lists that they would take much memory.
    """
    count = content.count(b"{") + content.count(b"[")
    if count > max(_MANY, len(content) // _BYTES_FOR_EACH):
        raise ManifestInvalid(f"{what} has {count} objects and lists in {len(content)} bytes")
    try:
        loaded: object = json.loads(
            content.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_constant=_refuse_constant,
            parse_float=_finite,
            parse_int=_whole,
        )
        if _SURROGATE_ESCAPE.search(content):
            _refuse_half_pairs(loaded)
    except RecursionError:
        raise ManifestInvalid(f"{what} is nested too deeply") from None
    except ValueError as error:
        raise ManifestInvalid(
            f"{what} is not valid JSON: {printable(str(error), limit=200)}"
        ) from None
    if not isinstance(loaded, dict):
        raise ManifestInvalid(f"{what} is not a JSON object")
    return loaded


def dump_object(document: Mapping[str, object]) -> bytes:
    """Encode as Go's encoder does: compact, keys in the order given, HTML characters escaped.

    Raises:
        ManifestInvalid: nested too deeply.
    """
    try:
        text = json.dumps(document, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    except RecursionError:
        raise ManifestInvalid("document is nested too deeply") from None
    return escape_html(text).encode()


def escape_html(text: str) -> str:
    """Escape in JSON what Go's encoder escapes, so that it can stand in a page."""
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a key appears twice in one object")
    return members


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError("a number is out of range")
    return number


def _whole(text: str) -> int:
    if len(text) > _MAX_DIGITS:
        raise ValueError(f"a number has more than {_MAX_DIGITS} digits")
    return int(text)


def _refuse_half_pairs(loaded: object) -> None:
    # Half a pair is no character (RFC 8259, section 8.2); readers put different ones there.
    try:
        json.dumps(loaded, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError("half of a surrogate pair stands alone") from None


@dataclass(frozen=True, slots=True)
class JsonObject:
    """One object of a document, with its path; unknown keys are left alone.

    Attributes:
        what: the document, as messages call it.
    """

    members: Mapping[str, object]
    path: str = ""
    what: str = "manifest"

    def refuse_lookalikes(self, known: Collection[str]) -> None:
        """Raise where a key equals a known one but for case."""
        folded = {name.casefold() for name in known}
        for key in self.members:
            if key not in known and key.casefold() in folded:
                self.fail(key, "differs from a known key by case only")

    def fail(self, key: str, problem: str) -> NoReturn:
        """Raise ManifestInvalid that names the place."""
        place = printable(f"{self.path}.{key}".lstrip("."), limit=200)
        raise ManifestInvalid(f'invalid {self.what}: "{place}" {problem}')

    def string(self, key: str, default: str = "") -> str:
        """Text, or `default` where the key is absent or null."""
        value = self.members.get(key)
        if value is None:
            return default
        if not isinstance(value, str):
            self.fail(key, "is not a string")
        return value

    def boolean(self, key: str) -> bool:
        """True or false; absent and null count as false."""
        value = self.members.get(key)
        if value is None:
            return False
        if not isinstance(value, bool):
            self.fail(key, "is neither true nor false")
        return value

    def integer(self, key: str) -> int:
        """Whole number from 0 to 2^63-1; required."""
        value = self.members.get(key)
        if not isinstance(value, int) or isinstance(value, bool):
            self.fail(key, "is not a whole number")
        if not 0 <= value <= _MAX_INTEGER:
            self.fail(key, "is out of range")
        return value

    def digest(self, key: str) -> Digest:
        """Digest; required."""
        try:
            return Digest.parse(self.string(key))
        except InvalidDigest as error:
            self.fail(key, f"is no digest ({error.message})")

    def child(self, key: str) -> JsonObject | None:
        """Object, or None where the key is absent or null."""
        value = self.members.get(key)
        if value is None:
            return None
        if not isinstance(value, dict):
            self.fail(key, "is not an object")
        return self._inner(value, key)

    def count(self, key: str) -> int:
        """Number of elements of an array; 0 where it is no array."""
        value = self.members.get(key)
        return len(value) if isinstance(value, list) else 0

    def children(self, key: str) -> tuple[JsonObject, ...]:
        """Array of objects; absent and null count as empty."""
        value = self.members.get(key)
        if value is None:
            return ()
        if not isinstance(value, list):
            self.fail(key, "is not an array")
        found: list[JsonObject] = []
        for position, item in enumerate(value):
            if not isinstance(item, dict):
                self.fail(f"{key}[{position}]", "is not an object")
            found.append(self._inner(item, f"{key}[{position}]"))
        return tuple(found)

    def _inner(self, members: Mapping[str, object], key: str) -> JsonObject:
        return JsonObject(members, f"{self.path}.{key}".lstrip("."), self.what)

    def strings(self, key: str) -> tuple[str, ...]:
        """Array of strings; absent and null count as empty."""
        value = self.members.get(key)
        if value is None:
            return ()
        if not isinstance(value, list):
            self.fail(key, "is not an array")
        texts: list[str] = []
        for position, item in enumerate(value):
            if not isinstance(item, str):
                self.fail(f"{key}[{position}]", "is not a string")
            texts.append(item)
        return tuple(texts)

    def digests(self, key: str) -> tuple[Digest, ...]:
        """Array of digests; absent and null count as empty."""
        found: list[Digest] = []
        for position, text in enumerate(self.strings(key)):
            try:
                found.append(Digest.parse(text))
            except InvalidDigest as error:
                self.fail(f"{key}[{position}]", f"is no digest ({error.message})")
        return tuple(found)

    def string_map(self, key: str) -> dict[str, str]:
        """Object whose values are strings; absent and null count as empty."""
        child = self.child(key)
        if child is None:
            return {}
        return {name: child.string(name) for name in child.members}
