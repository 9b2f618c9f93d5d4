"""`WWW-Authenticate` challenges (RFC 9110 section 11.6.1; distribution token specification).

One header may hold several challenges, and commas separate both challenges and their
parameters. The parser walks the text once: it comes from strangers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

_TOKEN: Final = frozenset(
    "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
)
_MAX_HEADER: Final = 16 * 1024


class Challenge(NamedTuple):
    """A scheme in lower case and its parameters, names in lower case."""

    scheme: str
    parameters: Mapping[str, str]


def parse_challenges(header: str) -> tuple[Challenge, ...]:
    """Parse as much as makes sense; what is malformed ends the parse without an error."""
    scanner = _Scanner(header[:_MAX_HEADER])
    found: list[Challenge] = []
    parameters: dict[str, str] = {}
    while word := scanner.word():
        if found and scanner.at("="):
            value = scanner.value()
            parameters.setdefault(word.lower(), value)
        else:
            parameters = {}
            found.append(Challenge(word.lower(), parameters))
    return tuple(found)


class _Scanner:
    """Position in a header."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def word(self) -> str:
        """Skip commas and spaces, then take a token; "" at the end or at anything else."""
        self._skip(", \t")
        start = self._at
        while self._at < len(self._text) and self._text[self._at] in _TOKEN:
            self._at += 1
        return self._text[start : self._at]

    def at(self, character: str) -> bool:
        """Skip spaces and tell whether `character` follows; if so, step over it."""
        before = self._at
        self._skip(" \t")
        if self._text[self._at : self._at + 1] == character:
            self._at += 1
            return True
        self._at = before
        return False

    def value(self) -> str:
        """Take a token or a quoted string (with backslash escapes)."""
        self._skip(" \t")
        if self._text[self._at : self._at + 1] != '"':
            start = self._at
            while self._at < len(self._text) and self._text[self._at] not in ", \t":
                self._at += 1
            return self._text[start : self._at]
        self._at += 1
        taken: list[str] = []
        while self._at < len(self._text) and self._text[self._at] != '"':
            if self._text[self._at] == "\\":
                self._at += 1
            taken.append(self._text[self._at : self._at + 1])
            self._at += 1
        self._at += 1
        return "".join(taken)

    def _skip(self, characters: str) -> None:
        while self._at < len(self._text) and self._text[self._at] in characters:
            self._at += 1
