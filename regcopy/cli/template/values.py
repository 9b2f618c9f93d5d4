"""The values that templates are about: what skopeo's types are to Go, as far as it shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final


class Absent(Enum):
    """What a field of a map is that has no such key: shown as `<no value>`."""

    NO_VALUE = "no value"


@dataclass(frozen=True, slots=True)
class GoTime:
    """A moment, in the form of RFC 3339."""

    text: str


@dataclass(frozen=True, slots=True)
class GoList:
    """A slice; one that is nil is `null` in JSON."""

    items: tuple[Value, ...] = ()
    is_nil: bool = False


@dataclass(frozen=True, slots=True)
class GoMap:
    """A map from text to values of one type; `zero` is what `index` gives for other keys."""

    items: Mapping[str, Value] = field(default_factory=dict)
    zero: Value = ""
    is_nil: bool = False


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a struct: its name in templates, its key in JSON, its value."""

    name: str
    key: str
    value: Value
    omits_empty: bool = False


@dataclass(frozen=True, slots=True)
class GoStruct:
    """A struct, whose fields have an order."""

    fields: tuple[Field, ...] = ()

    def find(self, name: str) -> Field | None:
        """Give the field of that name."""
        return next((one for one in self.fields if one.name == name), None)


Value = None | bool | int | float | str | Absent | GoTime | GoList | GoMap | GoStruct

NO_VALUE: Final = Absent.NO_VALUE

_KINDS: Final[tuple[tuple[type, str], ...]] = (
    (bool, "bool"),
    (int, "int"),
    (float, "float"),
    (str, "text"),
    (GoTime, "time"),
    (GoList, "list"),
    (GoMap, "map"),
    (GoStruct, "struct"),
)


def kind_of(value: Value) -> str:
    """Say what kind of value it is, for comparisons and messages."""
    return next((kind for cls, kind in _KINDS if isinstance(value, cls)), "nil")


def is_true(value: Value) -> bool:
    """Tell whether `if` takes a value for true: all but the zero value of its type."""
    match value:
        case GoList() | GoMap():
            return bool(value.items)
        case GoStruct() | GoTime():
            return True
        case Absent():
            return False
        case _:
            return bool(value)


def to_json(value: Value) -> object:
    """Give what `json` encodes."""
    match value:
        case GoTime():
            return value.text
        case GoList():
            return None if value.is_nil else [to_json(item) for item in value.items]
        case GoMap():
            if value.is_nil:
                return None
            return {key: to_json(item) for key, item in sorted(value.items.items())}
        case GoStruct():
            return {
                one.key: to_json(one.value)
                for one in value.fields
                if not (one.omits_empty and _is_empty(one.value))
            }
        case Absent():
            return None
        case _:
            return value


def _is_empty(value: Value) -> bool:
    # A struct is never empty to Go's encoder.
    return not is_true(value)
