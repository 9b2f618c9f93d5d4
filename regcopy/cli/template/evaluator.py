"""Fill a template in (Go's text/template, exec.go)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, Literal

from regcopy.cli.template.functions import BUILTINS
from regcopy.cli.template.nodes import (
    Action,
    Block,
    Command,
    Constant,
    Dot,
    Fields,
    Function,
    Group,
    Jump,
    Name,
    Nil,
    Node,
    Operand,
    Pipeline,
    Text,
    Variable,
)
from regcopy.cli.template.printing import show
from regcopy.cli.template.values import (
    NO_VALUE,
    GoList,
    GoMap,
    GoStruct,
    Value,
    is_true,
    kind_of,
)
from regcopy.cli.template.wrong import Misuse, wrong
from regcopy.text import printable

MAX_STEPS: Final = 5_000_000
"""Commands and texts; enough for each of a million tags, and over in seconds."""

MAX_CHARACTERS: Final = 100_000_000
"""Shown and made on the way, together."""

_LINES_AND_TABS: Final = re.compile(r"([\n\t])")

Jumps = Literal["", "break", "continue"]


def evaluate(nodes: Sequence[Node], data: Value, *, max_steps: int = MAX_STEPS) -> str:
    """Give the text of a template for `data`.

    Raises:
        CommandLineError: it asks for what is not there, or for too much.
    """
    return _Evaluator(data, max_steps).run(nodes)


class _Evaluator:
    def __init__(self, data: Value, max_steps: int) -> None:
        self._data = data
        self._variables: list[tuple[str, Value]] = [("$", data)]
        self._shown: list[str] = []
        self._steps = max_steps
        self._characters = MAX_CHARACTERS

    def run(self, nodes: Sequence[Node]) -> str:
        self._walk(nodes, self._data)
        return "".join(self._shown)

    def _walk(self, nodes: Sequence[Node], dot: Value) -> Jumps:
        for node in nodes:
            jump: Jumps = ""
            match node:
                case Text(text):
                    self._show(text)
                case Action(pipeline):
                    value = self._pipeline(pipeline, dot)
                    if pipeline.variables:
                        self._store(pipeline, (value,))
                    else:
                        self._show(_safe(show(value)))
                case Block():
                    jump = self._block(node, dot)
                case Jump(word):
                    jump = word
            if jump:
                return jump
        return ""

    def _show(self, text: str) -> None:
        self._spend(len(text))
        self._shown.append(text)

    def _block(self, block: Block, dot: Value) -> Jumps:
        outer = len(self._variables)
        value = self._pipeline(block.pipeline, dot)
        try:
            if block.word == "range":
                return self._range(block, value, dot)
            if block.pipeline.variables:
                self._store(block.pipeline, (value,))
            if not is_true(value):
                return self._walk(block.otherwise, dot)
            return self._walk(block.body, value if block.word == "with" else dot)
        finally:
            del self._variables[outer:]

    def _range(self, block: Block, value: Value, dot: Value) -> Jumps:
        outer = len(self._variables)
        is_empty = True
        for key, item in self._elements(block.pipeline, value):
            is_empty = False
            # With one variable it is the element, with two the first is its key.
            self._store(block.pipeline, (key, item)[-len(block.pipeline.variables or "1") :])
            jump = self._walk(block.body, item)
            del self._variables[outer:]
            if jump == "break":
                break
        return self._walk(block.otherwise, dot) if is_empty else ""

    def _elements(self, pipeline: Pipeline, value: Value) -> Iterator[tuple[Value, Value]]:
        match value:
            case GoList():
                yield from enumerate(value.items)
            case GoMap():
                yield from sorted(value.items.items())
            case _ if value is not NO_VALUE:
                raise self._wrong(pipeline, f"range cannot go through a {kind_of(value)}")

    def _store(self, pipeline: Pipeline, values: Sequence[Value]) -> None:
        for name, value in zip(pipeline.variables, values, strict=False):
            if pipeline.declares:
                self._variables.append((name, value))
            else:
                self._variables[self._find(pipeline, name)] = (name, value)

    def _find(self, pipeline: Pipeline, name: str) -> int:
        for position in range(len(self._variables) - 1, -1, -1):
            if self._variables[position][0] == name:
                return position
        raise self._wrong(pipeline, f"undefined variable {name}")

    # Pipelines.

    def _pipeline(self, pipeline: Pipeline, dot: Value) -> Value:
        piped: tuple[Value, ...] = ()
        for command in pipeline.commands:
            piped = (self._command(pipeline, command, dot, piped),)
        return piped[0]

    def _command(
        self, pipeline: Pipeline, command: Command, dot: Value, piped: tuple[Value, ...]
    ) -> Value:
        self._spend(0)
        first, *rest = command.operands
        try:
            if isinstance(first, Function):
                value = self._call(pipeline, first.name, rest, dot, piped)
            else:
                value = self._alone(pipeline, first, dot, takes=len(rest) + len(piped))
        except Misuse as error:
            raise self._wrong(pipeline, f"{command.text}: {error}") from None
        if isinstance(value, str):
            self._spend(len(value))
        return value

    def _alone(self, pipeline: Pipeline, operand: Operand, dot: Value, *, takes: int) -> Value:
        if takes:
            raise Misuse("this is no function, and takes no arguments")
        if isinstance(operand, Nil):
            raise Misuse("nil is no command")
        return self._operand(pipeline, operand, dot)

    def _call(
        self,
        pipeline: Pipeline,
        name: str,
        operands: Sequence[Operand],
        dot: Value,
        piped: tuple[Value, ...],
    ) -> Value:
        function = BUILTINS[name]
        function.check(len(operands) + len(piped))
        values: list[Value] = []
        for operand in operands:
            values.append(self._operand(pipeline, operand, dot))
            if name in ("and", "or") and is_true(values[-1]) == (name == "or"):
                return values[-1]
        values += piped
        if name in ("and", "or"):
            return values[-1]
        return function.call([None if value is NO_VALUE else value for value in values])

    def _operand(self, pipeline: Pipeline, operand: Operand, dot: Value) -> Value:
        match operand:
            case Dot():
                return dot
            case Nil():
                return None
            case Constant(value):
                return value
            case Fields(names):
                return self._fields(dot, names)
            case Variable(name, names):
                return self._fields(self._variables[self._find(pipeline, name)][1], names)
            case Group(inner, names):
                return self._fields(self._pipeline(inner, dot), names)
            case Function(name):
                return self._call(pipeline, name, (), dot, ())

    def _fields(self, value: Value, names: Name) -> Value:
        for name in names:
            match value:
                case GoStruct():
                    found = value.find(name)
                    if found is None:
                        known = ", ".join(field.name for field in value.fields)
                        raise Misuse(f"there is no field {name} among {known}")
                    value = found.value
                case GoMap():
                    value = value.items.get(name, NO_VALUE)
                case _ if value is not NO_VALUE:
                    raise Misuse(f"a {kind_of(value)} has no field {name}")
        return value

    def _spend(self, characters: int) -> None:
        self._steps -= 1
        self._characters -= characters
        if self._steps < 0 or self._characters < 0:
            raise wrong("the template goes on for too long")

    def _wrong(self, pipeline: Pipeline, problem: str) -> Exception:
        return wrong(problem, line=pipeline.line)


def _safe(text: str) -> str:
    """Keep lines and tabs, and escape all else that can move a cursor: it is from outside."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        part if part in ("\n", "\t") else printable(part, limit=MAX_CHARACTERS)
        for part in _LINES_AND_TABS.split(text)
    )
