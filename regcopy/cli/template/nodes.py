"""What a template is made of, once it is parsed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Name = tuple[str, ...]
"""Names of fields behind each other: `.Config.Env` is ("Config", "Env")."""


@dataclass(frozen=True, slots=True)
class Dot:
    """`.`, the value that the template is about at this place."""


@dataclass(frozen=True, slots=True)
class Nil:
    """`nil`."""


@dataclass(frozen=True, slots=True)
class Constant:
    """A number, a text, `true` or `false`."""

    value: bool | int | float | str


@dataclass(frozen=True, slots=True)
class Fields:
    """Fields of `.`."""

    names: Name


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable, and fields of it; the name begins with `$`."""

    name: str
    fields: Name


@dataclass(frozen=True, slots=True)
class Group:
    """A pipeline in parentheses, and fields of its value."""

    pipeline: Pipeline
    fields: Name


@dataclass(frozen=True, slots=True)
class Function:
    """The name of a function."""

    name: str


Operand = Dot | Nil | Constant | Fields | Variable | Group | Function


@dataclass(frozen=True, slots=True)
class Command:
    """Operands behind each other: one alone, or a function and its arguments."""

    operands: tuple[Operand, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Commands, each of which is given the value of the one before as its last argument.

    Attributes:
        variables: what the value is stored under; two of them only for `range`.
        declares: `:=`, which makes new variables; `=` sets old ones.
    """

    variables: tuple[str, ...]
    declares: bool
    commands: tuple[Command, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Text:
    """Text that is shown as it is."""

    text: str


@dataclass(frozen=True, slots=True)
class Action:
    """A pipeline whose value is shown, or stored."""

    pipeline: Pipeline


@dataclass(frozen=True, slots=True)
class Block:
    """`if`, `with` or `range`, up to its `end`."""

    word: Literal["if", "with", "range"]
    pipeline: Pipeline
    body: tuple[Node, ...]
    otherwise: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Jump:
    """`break` or `continue`, of the `range` around it."""

    word: Literal["break", "continue"]


Node = Text | Action | Block | Jump
