"""The functions that templates may call: those of Go, and those that skopeo adds."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from regcopy.cli.gojson import encode
from regcopy.cli.template.compare import equals, is_less
from regcopy.cli.template.printf import printf
from regcopy.cli.template.printing import show
from regcopy.cli.template.values import GoList, GoMap, Value, is_true, kind_of, to_json
from regcopy.cli.template.wrong import Misuse

Arguments = Sequence[Value]

_WORD: Final = re.compile(r"\w+")
_LONGEST_PADDING: Final = 10_000
_LONGEST_TO_SPLIT: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Builtin:
    """A function, and how many arguments it takes; `call` raises Misuse."""

    call: Callable[[Arguments], Value]
    least: int
    most: int | None

    def check(self, count: int) -> None:
        """Raise Misuse where so many arguments are too few or too many."""
        if count < self.least or (self.most is not None and count > self.most):
            wanted = str(self.least) if self.least == self.most else f"at least {self.least}"
            raise Misuse(f"wrong number of arguments: want {wanted}, got {count}")


def _text(value: Value) -> str:
    if not isinstance(value, str):
        raise Misuse(f"expected a text, not a {kind_of(value)}")
    return value


def _whole(value: Value) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise Misuse(f"expected a whole number, not a {kind_of(value)}")
    return value


def _bytes(value: str) -> bytes:
    return value.encode("utf-8", "surrogateescape")


def _print(arguments: Arguments) -> str:
    """Put spaces between arguments of which neither is a text, as Go's Sprint does."""
    text = ""
    for position, value in enumerate(arguments):
        before = arguments[position - 1]
        if position and not isinstance(value, str) and not isinstance(before, str):
            text += " "
        text += show(value)
    return text


def _length(arguments: Arguments) -> int:
    (value,) = arguments
    match value:
        case str():
            return len(_bytes(value))
        case GoList() | GoMap():
            return len(value.items)
        case _:
            raise Misuse(f"a {kind_of(value)} has no length")


def _index(arguments: Arguments) -> Value:
    value, *keys = arguments
    for key in keys:
        match value:
            case GoMap():
                value = value.items.get(_text(key), value.zero)
            case GoList():
                value = value.items[_position(key, len(value.items) - 1)]
            case str():
                value = _bytes(value)[_position(key, len(_bytes(value)) - 1)]
            case _:
                raise Misuse(f"a {kind_of(value)} has no elements")
    return value


def _slice(arguments: Arguments) -> Value:
    value, *positions = arguments
    if not isinstance(value, str | GoList):
        raise Misuse(f"a {kind_of(value)} cannot be cut")
    size = len(_bytes(value)) if isinstance(value, str) else len(value.items)
    end = _position(positions[1], size) if len(positions) > 1 else size
    start = _position(positions[0], size) if positions else 0
    if start > end:
        raise Misuse(f"{start} is behind {end}")
    if isinstance(value, str):
        return _bytes(value)[start:end].decode("utf-8", "replace")
    return GoList(value.items[start:end])


def _position(value: Value, last: int) -> int:
    position = _whole(value)
    if not 0 <= position <= last:
        raise Misuse(f"index out of range: {position}")
    return position


def _join(arguments: Arguments) -> str:
    items, separator = arguments
    if not isinstance(items, GoList):
        raise Misuse(f"expected a list of texts, not a {kind_of(items)}")
    return _text(separator).join(_text(item) for item in items.items)


def _split(arguments: Arguments) -> GoList:
    text, separator = _text(arguments[0]), _text(arguments[1])
    if len(text) > _LONGEST_TO_SPLIT:
        raise Misuse(f"the text has more than {_LONGEST_TO_SPLIT} characters")
    return GoList(tuple(text.split(separator)) if separator else tuple(text))


def _json(arguments: Arguments) -> str:
    return encode(to_json(arguments[0]), indent=None, html=False)


def _title(arguments: Arguments) -> str:
    text = _text(arguments[0])
    return _WORD.sub(lambda found: found[0][:1].upper() + found[0][1:], text)


def _pad(arguments: Arguments) -> str:
    text, before, after = _text(arguments[0]), _whole(arguments[1]), _whole(arguments[2])
    if not (0 <= before <= _LONGEST_PADDING and 0 <= after <= _LONGEST_PADDING):
        raise Misuse(f"the padding is not between 0 and {_LONGEST_PADDING}")
    return f"{' ' * before}{text}{' ' * after}" if text else ""


def _truncate(arguments: Arguments) -> str:
    content, length = _bytes(_text(arguments[0])), _whole(arguments[1])
    if length < 0:
        raise Misuse(f"{length} is less than 0")
    return content[:length].decode("utf-8", "replace")


BUILTINS: Final[Mapping[str, Builtin]] = MappingProxyType(
    {
        # These two stop at the first argument that decides; the evaluator sees to that.
        "and": Builtin(lambda values: values[-1], 1, None),
        "or": Builtin(lambda values: values[-1], 1, None),
        "not": Builtin(lambda values: not is_true(values[0]), 1, 1),
        "eq": Builtin(lambda values: equals(values[0], values[1:]), 1, None),
        "ne": Builtin(lambda values: not equals(values[0], values[1:]), 2, 2),
        "lt": Builtin(lambda values: is_less(values[0], values[1]), 2, 2),
        "le": Builtin(lambda values: not is_less(values[1], values[0]), 2, 2),
        "gt": Builtin(lambda values: is_less(values[1], values[0]), 2, 2),
        "ge": Builtin(lambda values: not is_less(values[0], values[1]), 2, 2),
        "len": Builtin(_length, 1, 1),
        "index": Builtin(_index, 1, None),
        "slice": Builtin(_slice, 1, 3),
        "print": Builtin(_print, 0, None),
        "println": Builtin(lambda values: f"{' '.join(map(show, values))}\n", 0, None),
        "printf": Builtin(lambda values: printf(_text(values[0]), values[1:]), 1, None),
        "join": Builtin(_join, 2, 2),
        "json": Builtin(_json, 1, 1),
        "lower": Builtin(lambda values: _text(values[0]).lower(), 1, 1),
        "pad": Builtin(_pad, 3, 3),
        "split": Builtin(_split, 2, 2),
        "title": Builtin(_title, 1, 1),
        "truncate": Builtin(_truncate, 2, 2),
        "upper": Builtin(lambda values: _text(values[0]).upper(), 1, 1),
    }
)
