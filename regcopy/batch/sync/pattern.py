"""Regular expressions on tags, matched in a time that grows with the tag alone.

Tags come from strangers: with an expression that tries one way after another, one of 128
characters can keep a program busy for ever. Here all ways are followed at once, and what was
found out for one tag is kept for the next (a machine that is built while it runs).
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Final, TypeVar

from regcopy.batch.sync.pattern_characters import WORD
from regcopy.batch.sync.pattern_syntax import (
    Assert,
    Assertion,
    Chars,
    Choice,
    Expression,
    Repeat,
    Sequence,
    parse_expression,
)
from regcopy.errors import UsageError

_MAX_STATES: Final = 5_000
_MAX_KEPT: Final = 10_000

_States = frozenset[int]
_Key = TypeVar("_Key")


class TagPattern:
    """A compiled expression. It may match any part of a tag, as in Go's `MatchString`."""

    def __init__(self, text: str) -> None:
        """Compile.

        Args:
            text: expression in the syntax of Go and RE2.

        Raises:
            UsageError: it is none, or is too large.
        """
        self.text = text
        self._program = _Program()
        start = self._program.place()
        self._end = self._program.place()
        self._program.compile(parse_expression(text), start, self._end)
        self._start = frozenset({start})
        self._closed: dict[tuple[_States, int], _States] = {}
        self._moved: dict[tuple[_States, str], _States] = {}

    def matches(self, tag: str) -> bool:
        """Tell whether some part of the tag matches."""
        states: _States = frozenset()
        for at in range(len(tag) + 1):
            # It may begin anywhere, so the start is always one of the places to be.
            states = self._close(states | self._start, _holding(tag, at))
            if self._end in states:
                return True
            if at < len(tag):
                states = self._move(states, tag[at])
        return False

    def _close(self, states: _States, holding: int) -> _States:
        """Add all that is reached without a character."""
        key = (states, holding)
        if key not in self._closed:
            _forget(self._closed)
            found, left = set(states), list(states)
            while left:
                state = left.pop()
                for target, assertion in self._program.free[state]:
                    if target not in found and (
                        assertion is None or assertion in _HOLDING[holding]
                    ):
                        found.add(target)
                        left.append(target)
            self._closed[key] = frozenset(found)
        return self._closed[key]

    def _move(self, states: _States, character: str) -> _States:
        key = (states, character)
        if key not in self._moved:
            _forget(self._moved)
            bit = 1 << ord(character) if ord(character) < 128 else 0
            steps = (self._program.steps[state] for state in states)
            self._moved[key] = frozenset(target for mask, target in steps if mask & bit)
        return self._moved[key]


def _forget(kept: MutableMapping[_Key, _States]) -> None:
    if len(kept) >= _MAX_KEPT:
        kept.clear()


def _holding(tag: str, at: int) -> int:
    """Which assertions hold at a place of a tag: an index into `_HOLDING`."""
    before, after = at > 0 and _is_word(tag[at - 1]), at < len(tag) and _is_word(tag[at])
    return (at == 0) | (at == len(tag)) << 1 | (before != after) << 2


def _all_holding(index: int) -> frozenset[Assertion]:
    holding: set[Assertion] = {"word" if index & 4 else "no-word"}
    if index & 1:
        holding |= {"start", "line-start"}
    if index & 2:
        holding |= {"end", "line-end"}
    return frozenset(holding)


_HOLDING: Final = tuple(map(_all_holding, range(8)))


def _is_word(character: str) -> bool:
    return ord(character) < 128 and bool(WORD >> ord(character) & 1)


class _Program:
    """Places, and the ways between them: with one character out of a set, or without any."""

    def __init__(self) -> None:
        self.steps: list[tuple[int, int]] = []
        self.free: list[list[tuple[int, Assertion | None]]] = []

    def place(self) -> int:
        if len(self.steps) >= _MAX_STATES:
            raise UsageError("error parsing regexp: expression is too large")
        self.steps.append((0, 0))
        self.free.append([])
        return len(self.steps) - 1

    def compile(self, part: Expression, start: int, end: int) -> None:
        match part:
            case Chars():
                # A place has one step at most, so it gets one of its own.
                here = self.place()
                self.free[start].append((here, None))
                self.steps[here] = (part.mask, end)
            case Assert():
                self.free[start].append((end, part.kind))
            case Sequence():
                self._sequence(part.parts, start, end)
            case Choice():
                for choice in part.parts:
                    self.compile(choice, start, end)
            case Repeat():
                self._repeat(part, start, end)

    def _sequence(self, parts: tuple[Expression, ...], start: int, end: int) -> None:
        for part in parts:
            after = self.place()
            self.compile(part, start, after)
            start = after
        self.free[start].append((end, None))

    def _repeat(self, repeat: Repeat, start: int, end: int) -> None:
        self._sequence_of(repeat.part, repeat.least, start, at := self.place())
        if repeat.most is None:
            again = self.place()
            self.free[at].append((again, None))
            self.compile(repeat.part, again, again)
            self.free[again].append((end, None))
            return
        for _ in range(repeat.most - repeat.least):
            self.free[at].append((end, None))
            after = self.place()
            self.compile(repeat.part, at, after)
            at = after
        self.free[at].append((end, None))

    def _sequence_of(self, part: Expression, count: int, start: int, end: int) -> None:
        self._sequence((part,) * count, start, end)
