"""Make a tree of a template (Go's text/template/parse, parse.go)."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, Literal, cast

from regcopy.cli.template import constants
from regcopy.cli.template.lexer import Token, scan
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
from regcopy.cli.template.wrong import Misuse, wrong

MAX_DEPTH: Final = 40
"""Blocks and parentheses inside each other; more would only serve to exhaust the stack."""

_BLOCKS: Final = frozenset({"if", "with", "range"})
_JUMPS: Final = frozenset({"break", "continue"})
_NAMED_TEMPLATES: Final = frozenset({"template", "define", "block"})
_NOT_EXECUTABLE: Final = (Dot, Nil, Constant)


def parse(template: str, functions: Collection[str], *, in_range: bool = False) -> tuple[Node, ...]:
    """Parse a template.

    Args:
        template: its text.
        functions: names of the functions that there are.
        in_range: it is the body of a `range`, so that `break` has a meaning.

    Raises:
        CommandLineError: it does not follow the grammar, or uses what is not there.
    """
    return _Parser(scan(template), functions, int(in_range)).run()


class _Parser:
    def __init__(self, tokens: list[Token], functions: Collection[str], ranges: int) -> None:
        self._tokens = tokens
        self._at = 0
        self._functions = functions
        self._variables = ["$"]
        self._depth = 0
        self._ranges = ranges

    def run(self) -> tuple[Node, ...]:
        nodes, ended_by = self._nodes()
        if ended_by:
            raise self._wrong(f"unexpected {{{{{ended_by}}}}}")
        return nodes

    # Blocks.

    def _nodes(self) -> tuple[tuple[Node, ...], str]:
        """Parse up to `else`, `end` or the end of the template, and tell which it was."""
        nodes: list[Node] = []
        while (token := self._next()).kind != "end of the template":
            if token.kind == "text":
                nodes.append(Text(token.text))
                continue
            word = self._keyword()
            if word in ("else", "end"):
                return tuple(nodes), word
            nodes.append(self._node(word))
        return tuple(nodes), ""

    def _keyword(self) -> str:
        """Take the first word of an action, where it is one of the language's own."""
        token = self._peek_word()
        if token.kind != "word":
            return ""
        if token.text in _NAMED_TEMPLATES:
            raise self._wrong(f"{token.text} is not supported")
        if token.text in _BLOCKS | _JUMPS | {"else", "end"}:
            return self._next().text
        return ""

    def _node(self, word: str) -> Node:
        if word in _BLOCKS:
            return self._block(cast("Literal['if', 'with', 'range']", word))
        if word in _JUMPS:
            if not self._ranges:
                raise self._wrong(f"{{{{{word}}}}} outside of a range")
            self._close()
            return Jump(cast("Literal['break', 'continue']", word))
        return Action(self._whole_pipeline("command"))

    def _block(self, word: Literal["if", "with", "range"]) -> Block:
        self._enter()
        outer = len(self._variables)
        pipeline = self._whole_pipeline(word)
        self._ranges += word == "range"
        body, ended_by = self._nodes()
        self._ranges -= word == "range"
        otherwise: tuple[Node, ...] = ()
        if ended_by == "else":
            otherwise = self._otherwise(word)
        else:
            self._end(word, ended_by)
        del self._variables[outer:]
        self._depth -= 1
        return Block(word, pipeline, body, otherwise)

    def _otherwise(self, word: str) -> tuple[Node, ...]:
        """Parse what follows `else`, up to and with the `end`."""
        if self._peek().kind == "space":
            self._next()
        if word == "if" and self._peek().text == "if":
            self._next()
            return (self._block("if"),)
        self._close()
        nodes, ended_by = self._nodes()
        self._end(word, ended_by)
        return nodes

    def _end(self, word: str, ended_by: str) -> None:
        if ended_by == "else":
            raise self._wrong(f"{word} has a second else")
        if not ended_by:
            raise self._wrong(f"{word} has no end")
        self._close()

    def _close(self) -> None:
        """Take the end of an action, where nothing more may stand in it."""
        token = self._next_word()
        if token.kind != "close":
            raise self._wrong(f"unexpected {token.shown}")

    # Pipelines.

    def _whole_pipeline(self, context: str) -> Pipeline:
        pipeline = self._pipeline(context)
        self._close()
        return pipeline

    def _pipeline(self, context: str) -> Pipeline:
        line = self._peek().line
        variables, declares = self._declaration(context)
        commands = [self._command(context)]
        while self._peek_word().text == "|" and self._peek_word().kind == "mark":
            self._next_word()
            command = self._command("|")
            if isinstance(command.operands[0], _NOT_EXECUTABLE):
                raise self._wrong(f"{command.text} behind a | is no function")
            commands.append(command)
        self._variables += variables if declares else ()
        return Pipeline(variables, declares, tuple(commands), line)

    def _declaration(self, context: str) -> tuple[tuple[str, ...], bool]:
        """Take `$a :=`, `$a =` or, in a range, `$a, $b :=`."""
        start = self._at
        names: list[str] = []
        while self._peek_word().kind == "variable":
            names.append(self._next_word().text)
            mark = self._next_word()
            if mark.text in (":=", "="):
                self._check_declaration(names, mark.text == ":=", context)
                return tuple(names), mark.text == ":="
            if mark.text != ",":
                break
        if len(names) > 1:
            raise self._wrong(f"{', '.join(names)} is followed by no :=")
        self._at = start
        return (), False

    def _check_declaration(self, names: list[str], declares: bool, context: str) -> None:
        if len(names) > (2 if context == "range" else 1):
            raise self._wrong(f"too many variables in {context}")
        for name in names:
            if not declares and name not in self._variables:
                raise self._undefined(name)

    def _command(self, context: str) -> Command:
        self._peek_word()
        start = self._at
        operands: list[Operand] = []
        while (operand := self._operand()) is not None:
            operands.append(operand)
            if self._peek().kind != "space":
                break
            self._peek_word()
        if not operands:
            token = self._peek()
            if token.kind == "close":
                raise self._wrong(f"missing value for {context}")
            raise self._wrong(f"unexpected {token.shown} in {context}")
        text = "".join(token.text for token in self._tokens[start : self._at]).strip()
        return Command(tuple(operands), text)

    def _operand(self) -> Operand | None:
        token = self._peek()
        match token.kind:
            case "dot":
                return self._without_fields(Dot())
            case "field":
                return Fields(self._fields())
            case "variable":
                if token.text not in self._variables:
                    raise self._undefined(token.text)
                self._next()
                return Variable(token.text, self._fields())
            case "mark" if token.text == "(":
                return self._group()
            case "word":
                return self._word(token.text)
            case "number" | "rune" | "string":
                return self._without_fields(Constant(self._constant(token)))
            case _:
                return None

    def _fields(self) -> Name:
        names: list[str] = []
        while self._peek().kind == "field":
            names.append(self._next().text.removeprefix("."))
        return tuple(names)

    def _group(self) -> Group:
        self._enter()
        self._next()
        pipeline = self._pipeline("parentheses")
        if self._next_word().text != ")":
            raise self._wrong("a ( has no )")
        self._depth -= 1
        return Group(pipeline, self._fields())

    def _word(self, word: str) -> Operand:
        if word == "nil":
            return self._without_fields(Nil())
        if word in ("true", "false"):
            return self._without_fields(Constant(word == "true"))
        if word not in self._functions:
            known = ", ".join(sorted(self._functions))
            raise self._wrong(f'function "{word}" not defined', hint=f"there are {known}")
        return self._without_fields(Function(word))

    def _without_fields(self, operand: Operand) -> Operand:
        token = self._next()
        if self._peek().kind in ("field", "dot"):
            raise self._wrong(f"unexpected . behind {token.text}")
        return operand

    def _constant(self, token: Token) -> int | float | str:
        try:
            match token.kind:
                case "string":
                    return constants.string(token.text)
                case "rune":
                    return constants.rune(token.text)
                case _:
                    return constants.number(token.text)
        except Misuse as error:
            raise self._wrong(f"{token.text} {error}") from None

    # Tokens.

    def _peek(self) -> Token:
        return self._tokens[self._at]

    def _next(self) -> Token:
        token = self._tokens[self._at]
        # The last one tells that there are no more, however often it is asked.
        self._at = min(self._at + 1, len(self._tokens) - 1)
        return token

    def _peek_word(self) -> Token:
        """Step over spaces, and look at what follows."""
        while self._peek().kind == "space":
            self._next()
        return self._peek()

    def _next_word(self) -> Token:
        self._peek_word()
        return self._next()

    def _enter(self) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._wrong(f"more than {MAX_DEPTH} blocks or parentheses inside each other")

    def _undefined(self, name: str) -> Exception:
        return self._wrong(f"undefined variable {name}")

    def _wrong(self, problem: str, *, hint: str = "") -> Exception:
        return wrong(problem, line=self._peek().line, hint=hint)
