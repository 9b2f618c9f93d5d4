"""`eq`, `ne`, `lt`, `le`, `gt` and `ge` (Go's text/template, funcs.go)."""

from __future__ import annotations

from collections.abc import Sequence

from regcopy.cli.template.values import GoList, GoMap, GoStruct, Value, kind_of
from regcopy.cli.template.wrong import Misuse


def equals(first: Value, others: Sequence[Value]) -> bool:
    """Tell whether the first value is one of the others.

    Raises:
        Misuse: they cannot be compared.
    """
    if not others:
        raise Misuse("there is nothing to compare with")
    return any(_are_equal(first, other) for other in others)


def _are_equal(first: Value, other: Value) -> bool:
    if isinstance(first, GoList | GoMap | GoStruct) and other is not None:
        raise Misuse(f"a {kind_of(first)} cannot be compared")
    if first is None or other is None:
        return first is other
    if kind_of(first) != kind_of(other):
        raise Misuse(_unlike(first, other))
    return first == other


def is_less(first: Value, other: Value) -> bool:
    """Tell whether the first value comes before the other one.

    Raises:
        Misuse: they have no order.
    """
    if isinstance(first, bool) or isinstance(other, bool):
        raise Misuse("true and false have no order")
    if isinstance(first, str) and isinstance(other, str):
        # By bytes, which is the order of code points too.
        return first < other
    if kind_of(first) == kind_of(other) and isinstance(first, int | float):
        return isinstance(other, int | float) and first < other
    raise Misuse(_unlike(first, other))


def _unlike(first: Value, other: Value) -> str:
    return f"a {kind_of(first)} cannot be compared with a {kind_of(other)}"
