"""Sets of characters that regular expressions name.

Tags are ASCII, so a set is a number with one bit for each of 128 characters.
"""

from __future__ import annotations

import string
from collections.abc import Mapping
from typing import Final

EVERYTHING: Final = (1 << 128) - 1


def mask_of(characters: str) -> int:
    """Give the set of these characters."""
    mask = 0
    for character in characters:
        if ord(character) < 128:
            mask |= 1 << ord(character)
    return mask


_DIGITS: Final = mask_of(string.digits)
LOWER: Final = mask_of(string.ascii_lowercase)
UPPER: Final = mask_of(string.ascii_uppercase)
_LETTERS: Final = LOWER | UPPER
_SPACES: Final = mask_of("\t\n\f\r ")
WORD: Final = _LETTERS | _DIGITS | mask_of("_")

PERL: Final[Mapping[str, int]] = {
    "d": _DIGITS,
    "D": EVERYTHING ^ _DIGITS,
    "s": _SPACES,
    "S": EVERYTHING ^ _SPACES,
    "w": WORD,
    "W": EVERYTHING ^ WORD,
}
POSIX: Final[Mapping[str, int]] = {
    "alnum": _LETTERS | _DIGITS,
    "alpha": _LETTERS,
    "ascii": EVERYTHING,
    "blank": mask_of("\t "),
    "cntrl": mask_of("".join(map(chr, range(32))) + "\x7f"),
    "digit": _DIGITS,
    "graph": mask_of("".join(map(chr, range(33, 127)))),
    "lower": LOWER,
    "print": mask_of("".join(map(chr, range(32, 127)))),
    "punct": mask_of(string.punctuation),
    "space": _SPACES | mask_of("\v"),
    "upper": UPPER,
    "word": WORD,
    "xdigit": mask_of(string.hexdigits),
}
ESCAPED: Final[Mapping[str, str]] = {
    "a": "\a",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
}
