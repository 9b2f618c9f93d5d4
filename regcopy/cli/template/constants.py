"""Numbers and texts as they are written in a template (Go's spec, "Literals")."""

from __future__ import annotations

import math
import re
from typing import Final

from regcopy.cli.gotext import ValueSyntaxError, parse_int
from regcopy.cli.template.wrong import Misuse

_ESCAPE: Final = re.compile(
    r"\\(?:([abfnrtv\\'\"])|x([0-9a-fA-F]{2})|([0-7]{3})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.?))",
    re.DOTALL,
)
_LETTERS: Final = {
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
    "\\": "\\",
}
_WHOLE: Final = re.compile(r"[+-]?(?:0[xX].*|0[oO].*|0[bB].*|[0-9_]+)")


def number(text: str) -> int | float:
    """Give the value of a number.

    Raises:
        Misuse: it is none, or too large.
    """
    if _WHOLE.fullmatch(text):
        try:
            return parse_int(text)
        except ValueSyntaxError as error:
            too_large = error.message.endswith("out of range")
            raise Misuse("is too large" if too_large else "is no number") from None
    if "_" in text.replace("_", "", 1) and "__" in text:
        raise Misuse("is no number")
    value = float(text)
    if math.isinf(value):
        raise Misuse("is too large")
    return value


def string(text: str) -> str:
    """Give the value of a text in double quotes or in backquotes.

    Raises:
        Misuse: an escape in it is none.
    """
    if text.startswith("`"):
        return text[1:-1].replace("\r", "")
    return _unescape(text[1:-1], "'")


def rune(text: str) -> int:
    """Give the number of a character in single quotes.

    Raises:
        Misuse: it is not one character.
    """
    character = _unescape(text[1:-1], '"')
    if len(character) != 1:
        raise Misuse("is not one character")
    return ord(character)


def _unescape(text: str, forbidden: str) -> str:
    """Replace escapes; a quote that needs none must have none."""
    return _ESCAPE.sub(lambda found: _character(found, forbidden), text)


def _character(found: re.Match[str], forbidden: str) -> str:
    letter, byte, octal, short, long, other = found.groups()
    if letter is not None and letter != forbidden:
        return _LETTERS.get(letter, letter)
    if letter is not None or other is not None:
        raise Misuse(f"has {found[0]} in it, which is no escape")
    code = int(octal, 8) if octal else int(byte or short or long, 16)
    if code > (0xFF if byte or octal else 0x10FFFF) or 0xD800 <= code < 0xE000:
        raise Misuse(f"has {found[0]} in it, which is no character")
    if (byte or octal) and code >= 0x80:
        raise Misuse(f"has {found[0]} in it: write characters, not bytes")
    return chr(code)
