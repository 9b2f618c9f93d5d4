"""The syntax of regular expressions that skopeo takes: Go's, which is RE2's.

Tags are ASCII, so a set of characters is a number with one bit for each of 128; what cannot
stand in a tag matches nothing. There are no back-references and no look-around, and so an
expression can be matched in a time that grows with the tag alone (see `pattern`).
"""

from __future__ import annotations

import string
from collections.abc import Container, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

from regcopy.batch.sync.pattern_characters import (
    ESCAPED,
    EVERYTHING,
    LOWER,
    PERL,
    POSIX,
    UPPER,
    WORD,
    mask_of,
)
from regcopy.errors import UsageError
from regcopy.text import printable

Assertion = Literal["start", "end", "line-start", "line-end", "word", "no-word"]

_MAX_TEXT: Final = 1000
_MAX_DEPTH: Final = 100
_MAX_REPEAT: Final = 1000
_OCTAL: Final = frozenset("01234567")
_PLACES: Final[Mapping[str, Assertion]] = {
    "A": "start",
    "z": "end",
    "b": "word",
    "B": "no-word",
}


@dataclass(frozen=True, slots=True)
class Chars:
    """One character out of a set."""

    mask: int


@dataclass(frozen=True, slots=True)
class Assert:
    """A place between characters."""

    kind: Assertion


@dataclass(frozen=True, slots=True)
class Repeat:
    """So often and no more often; `most` is None for no limit."""

    part: Expression
    least: int
    most: int | None


@dataclass(frozen=True, slots=True)
class Sequence:
    """One after another."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several."""

    parts: tuple[Expression, ...]


Expression = Chars | Assert | Repeat | Sequence | Choice


@dataclass(frozen=True, slots=True)
class _Flags:
    fold: bool = False
    lines: bool = False
    dot_all: bool = False


def parse_expression(text: str) -> Expression:
    """Parse an expression.

    Raises:
        UsageError: with Go's message.
    """
    if len(text) > _MAX_TEXT:
        raise UsageError(f"error parsing regexp: longer than {_MAX_TEXT} characters")
    return _Parser(text).parse()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._flags = _Flags()
        self._depth = 0

    def parse(self) -> Expression:
        found = self._choice()
        if self._at < len(self._text):
            raise self._error("unexpected )", self._text)
        return found

    def _error(self, problem: str, part: str) -> UsageError:
        return UsageError(f"error parsing regexp: {problem}: `{printable(part, limit=200)}`")

    def _peek(self, text: str) -> bool:
        return self._text.startswith(text, self._at)

    def _skip(self, text: str) -> bool:
        if self._peek(text):
            self._at += len(text)
            return True
        return False

    def _next_is(self, characters: Container[str]) -> bool:
        return self._at < len(self._text) and self._text[self._at] in characters

    def _choice(self) -> Expression:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise self._error("expression nests too deeply", self._text)
        parts = [self._sequence()]
        while self._skip("|"):
            parts.append(self._sequence())
        self._depth -= 1
        return parts[0] if len(parts) == 1 else Choice(tuple(parts))

    def _sequence(self) -> Expression:
        parts: list[Expression] = []
        while self._at < len(self._text) and self._text[self._at] not in "|)":
            began = self._at
            if self._skip("\\Q"):
                parts += map(self._literal, self._quoted())
                continue
            found = self._atom()
            if found is not None:
                parts.append(self._repeated(found, began))
        return Sequence(tuple(parts))

    def _quoted(self) -> str:
        end = self._text.find("\\E", self._at)
        stop = len(self._text) if end < 0 else end
        quoted = self._text[self._at : stop]
        self._at = stop if end < 0 else end + 2
        return quoted

    def _repeated(self, part: Expression, began: int) -> Expression:
        has_one = False
        while (bounds := self._repetition()) is not None:
            if has_one:
                raise self._error(
                    "invalid nested repetition operator", self._text[began : self._at]
                )
            least, most = bounds
            if max(least, most or 0) > _MAX_REPEAT or (most is not None and most < least):
                raise self._error("invalid repeat count", self._text[began : self._at])
            self._skip("?")  # how much is taken makes no difference to whether it matches
            part, has_one = Repeat(part, least, most), True
        return part

    def _repetition(self) -> tuple[int, int | None] | None:
        for sign, bounds in (("*", (0, None)), ("+", (1, None)), ("?", (0, 1))):
            if self._skip(sign):
                return bounds
        if not self._peek("{"):
            return None
        inside, closed, _ = self._text[self._at + 1 :].partition("}")
        first, comma, last = inside.partition(",")
        # Anything else in braces stands for itself.
        if not closed or not _is_number(first) or (last and not _is_number(last)):
            return None
        self._at += len(inside) + 2
        return int(first), (int(last) if last else None) if comma else int(first)

    def _atom(self) -> Expression | None:
        character = self._text[self._at]
        if character in "*+?":
            raise self._error("missing argument to repetition operator", character)
        if self._peek("("):
            return self._group()
        if self._peek("["):
            return Chars(self._class())
        if self._peek("\\"):
            return self._escape()
        self._at += 1
        match character:
            case "^":
                return Assert("line-start" if self._flags.lines else "start")
            case "$":
                return Assert("line-end" if self._flags.lines else "end")
            case ".":
                return Chars(EVERYTHING if self._flags.dot_all else EVERYTHING ^ mask_of("\n"))
            case _:
                return self._literal(character)

    def _literal(self, character: str) -> Expression:
        return Chars(self._folded(mask_of(character)))

    def _folded(self, mask: int) -> int:
        if not self._flags.fold:
            return mask
        # A small letter lies 32 places above its capital.
        return mask | (mask & UPPER) << 32 | (mask & LOWER) >> 32

    def _group(self) -> Expression | None:
        began, before = self._at, self._flags
        self._at += 1
        if self._skip("?") and not self._name(began) and self._set_flags(began):
            return None  # `(?i)` holds to the end of the group around it
        found = self._choice()
        self._flags = before
        if not self._skip(")"):
            raise self._error("missing closing )", self._text)
        return found

    def _name(self, began: int) -> bool:
        if not (self._skip("P<") or self._skip("<")):
            return False
        name, closed, _ = self._text[self._at :].partition(">")
        if not closed or not name or mask_of(name) | WORD != WORD or not name.isascii():
            raise self._error("invalid named capture", self._text[began:])
        self._at += len(name) + 1
        return True

    def _set_flags(self, began: int) -> bool:
        """Take flags; tell whether they stand alone."""
        value, flags = True, self._flags
        while self._at < len(self._text):
            character = self._text[self._at]
            self._at += 1
            match character:
                case "i":
                    flags = replace(flags, fold=value)
                case "m":
                    flags = replace(flags, lines=value)
                case "s":
                    flags = replace(flags, dot_all=value)
                case "U":
                    pass  # as `?` after a repetition
                case "-" if value:
                    value = False
                case ":" | ")":
                    self._flags = flags
                    return character == ")"
                case _:
                    break
        raise self._error("invalid or unsupported Perl syntax", self._text[began : self._at])

    def _escape(self) -> Expression:
        self._at += 1
        if self._at >= len(self._text):
            raise self._error("trailing backslash at end of expression", "")
        character = self._text[self._at]
        if character in PERL:
            self._at += 1
            return Chars(PERL[character])
        if character in _PLACES:
            self._at += 1
            return Assert(_PLACES[character])
        return self._literal(self._escaped())

    def _escaped(self) -> str:
        """Take what follows a backslash and stands for one character."""
        character = self._text[self._at]
        self._at += 1
        if character in ESCAPED:
            return ESCAPED[character]
        if character == "x":
            return self._hexadecimal()
        if character in _OCTAL and (character == "0" or self._next_is(_OCTAL)):
            digits = character
            while len(digits) < 3 and self._next_is(_OCTAL):
                digits += self._text[self._at]
                self._at += 1
            return chr(int(digits, 8))
        if character.isascii() and not character.isalnum():
            return character
        raise self._error("invalid escape sequence", f"\\{character}")

    def _hexadecimal(self) -> str:
        digits = self._text[self._at : self._at + 2]
        width = 2
        if self._peek("{"):
            digits, closed, _ = self._text[self._at + 1 :].partition("}")
            width = len(digits) + 2 if closed else 0
        is_number = bool(digits) and all(digit in string.hexdigits for digit in digits)
        if not is_number or not 2 <= width <= 10 or (width == 2 and len(digits) < 2):
            raise self._error("invalid escape sequence", f"\\x{digits}")
        self._at += width
        return chr(min(int(digits, 16), 0x10FFFF))

    def _class(self) -> int:
        began = self._at
        self._at += 1
        negated = self._skip("^")
        mask, is_first = 0, True
        while is_first or not self._peek("]"):
            if self._at >= len(self._text):
                raise self._error("missing closing ]", self._text[began:])
            if self._peek("-") and not is_first and self._text[self._at + 1 : self._at + 2] != "]":
                raise self._error(
                    "invalid character class range", self._text[self._at : self._at + 2]
                )
            is_first = False
            mask |= self._class_part(began)
        self._at += 1
        return EVERYTHING ^ mask if negated else mask

    def _class_part(self, began: int) -> int:
        if self._peek("[:"):
            found = self._posix()
            if found is not None:
                return found
        if self._peek("\\") and self._text[self._at + 1 : self._at + 2] in tuple(PERL):
            self._at += 2
            return PERL[self._text[self._at - 1]]
        start = self._at
        low = self._class_character(began)
        high = low
        after = self._text[self._at + 1 : self._at + 2]
        if self._peek("-") and after not in ("]", ""):
            self._at += 1
            high = self._class_character(began)
            if high < low:
                raise self._error("invalid character class range", self._text[start : self._at])
        last = min(ord(high), 127)
        return self._folded(mask_of("".join(map(chr, range(ord(low), last + 1)))))

    def _class_character(self, began: int) -> str:
        if self._at >= len(self._text):
            raise self._error("missing closing ]", self._text[began:])
        if self._skip("\\"):
            if self._at >= len(self._text):
                raise self._error("trailing backslash at end of expression", "")
            return self._escaped()
        self._at += 1
        return self._text[self._at - 1]

    def _posix(self) -> int | None:
        name, closed, _ = self._text[self._at + 2 :].partition(":]")
        if not closed:
            return None
        plain = name.removeprefix("^")
        if plain not in POSIX:
            raise self._error("invalid character class range", f"[:{name}:]")
        self._at += len(name) + 4
        mask = self._folded(POSIX[plain])
        return EVERYTHING ^ mask if plain != name else mask


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 5 and (text == "0" or text[0] != "0")
