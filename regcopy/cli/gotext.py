"""Text as Go writes and reads it, since scripts compare what skopeo prints byte for byte."""

from __future__ import annotations

from typing import Final

from regcopy.errors import UsageError

_TRUE: Final = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE: Final = frozenset({"0", "f", "F", "FALSE", "false", "False"})

_ESCAPES: Final = {
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
    "\\": "\\\\",
    '"': '\\"',
}
_UNITS: Final = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "μs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_DIGITS: Final = "0123456789"
_MAX_INT64: Final = 2**63 - 1


class ValueSyntaxError(UsageError):
    """Text that does not parse; the message is the one of Go's parser."""


def quote(text: str) -> str:
    """Quote as `strconv.Quote` (`%q`) does: one line, nothing that moves a cursor."""
    return f'"{"".join(_escape(character) for character in text)}"'


def _escape(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isprintable():
        return character
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte of an argument that was no UTF-8
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x20 or code == 0x7F:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def parse_bool(text: str) -> bool:
    """Parse as `strconv.ParseBool` does."""
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise ValueSyntaxError(f"strconv.ParseBool: parsing {quote(text)}: invalid syntax")


def parse_int(text: str, *, base: int = 0, signed: bool = True) -> int:
    """Parse as `strconv.ParseInt` (base 0), `ParseUint` (unsigned) or `Atoi` (base 10) do."""
    function = "Atoi" if base == 10 else ("ParseInt" if signed else "ParseUint")
    problem = f"strconv.{function}: parsing {quote(text)}:"
    digits = text[1:] if signed and text[:1] in ("+", "-") else text
    try:
        number = _unsigned(digits, base)
    except ValueError:
        raise ValueSyntaxError(f"{problem} invalid syntax") from None
    number = -number if text.startswith("-") else number
    low, high = (-_MAX_INT64 - 1, _MAX_INT64) if signed else (0, 2 * _MAX_INT64 + 1)
    if not low <= number <= high:
        raise ValueSyntaxError(f"{problem} value out of range")
    return number


def _unsigned(digits: str, base: int) -> int:
    # int() takes signs, spaces and foreign digits, which Go does not.
    plain = digits.isascii() and digits.replace("_", "").isalnum()
    if not plain or digits[0] == "_":
        raise ValueError("not a number")
    if base == 10:
        if not digits.isdigit():
            raise ValueError("not a decimal number")
        return int(digits[:4000])
    is_old_octal = len(digits) > 1 and digits[0] == "0" and digits[1] in "01234567_"
    return int(digits[:4000], 8 if is_old_octal else 0)


def parse_duration(text: str) -> float:
    """Parse as `time.ParseDuration` does (`300ms`, `1h2m`), into seconds."""
    rest = text[1:] if text[:1] in ("+", "-") else text
    if rest == "0":
        return 0.0
    invalid = ValueSyntaxError(f"time: invalid duration {quote(text)}")
    if not rest:
        raise invalid
    total = 0.0
    while rest:
        number, rest = _take(rest, _DIGITS + ".", inside=True)
        if not number.strip(".") or number.count(".") > 1:
            raise invalid
        unit, rest = _take(rest, _DIGITS + ".", inside=False)
        if not unit:
            raise ValueSyntaxError(f"time: missing unit in duration {quote(text)}")
        if unit not in _UNITS:
            raise ValueSyntaxError(f"time: unknown unit {quote(unit)} in duration {quote(text)}")
        total += float(number) * _UNITS[unit]
    if total > _MAX_INT64:
        raise invalid
    return (-total if text.startswith("-") else total) / 1e9


def _take(text: str, characters: str, *, inside: bool) -> tuple[str, str]:
    """Split off the characters at the start that are (or are not) of a set."""
    length = next((i for i, c in enumerate(text) if (c in characters) != inside), len(text))
    return text[:length], text[length:]
