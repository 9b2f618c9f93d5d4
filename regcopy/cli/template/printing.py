"""Values as text, in the forms of Go's package fmt."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Final

from regcopy.cli.gojson import time_text
from regcopy.cli.template.values import Absent, GoList, GoMap, GoStruct, GoTime, Value

# Outside of these, strconv's 'g' without a precision takes an exponent.
_LEAST_EXPONENT: Final = -4
_PLAIN_DIGITS: Final = 6


def show(value: Value) -> str:
    """Write a value as `%v` does."""
    if isinstance(value, GoList | GoMap | GoStruct):
        return join_parts(value, show)
    return show_scalar(value)


def show_scalar(value: Value) -> str:
    """Write a value that has no parts."""
    match value:
        case None | GoList() | GoMap() | GoStruct():
            return "<nil>"
        case Absent():
            return "<no value>"
        case bool():
            return "true" if value else "false"
        case float():
            return shortest(value)
        case GoTime():
            return time_text(value.text)
        case _:
            return str(value)


def join_parts(
    value: GoList | GoMap | GoStruct, one: Callable[[Value], str], *, named: bool = False
) -> str:
    """Write a value that has parts; `one` writes each of them.

    Args:
        value: what is written.
        one: writes a part.
        named: write the names of a struct's fields too, as `%+v` does.
    """
    match value:
        case GoList():
            return f"[{' '.join(map(one, value.items))}]"
        case GoMap():
            pairs = (f"{one(key)}:{one(item)}" for key, item in sorted(value.items.items()))
            return f"map[{' '.join(pairs)}]"
        case GoStruct():
            names = (f"{field.name}:" if named else "" for field in value.fields)
            parts = (one(field.value) for field in value.fields)
            return f"{{{' '.join(map(str.__add__, names, parts))}}}"


def shortest(value: float) -> str:
    """Write a number with as few digits as name it (`strconv`, 'g' with precision -1)."""
    number = Decimal(repr(value)).normalize()
    exponent = number.adjusted()
    if number == 0 or _LEAST_EXPONENT <= exponent < _PLAIN_DIGITS:
        return format(number, "f")
    _, digits, _ = number.as_tuple()
    first, *more = map(str, digits)
    fraction = f".{''.join(more)}" if more else ""
    return f"{'-' if number < 0 else ''}{first}{fraction}e{exponent:+03d}"
