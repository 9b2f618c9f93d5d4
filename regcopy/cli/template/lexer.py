"""Take a template apart into tokens (Go's text/template/parse, lex.go)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from regcopy.cli.template.wrong import wrong

Kind = Literal[
    "text",
    "open",
    "close",
    "space",
    "dot",
    "field",
    "variable",
    "word",
    "number",
    "rune",
    "string",
    "mark",
    "end of the template",
]

OPEN: Final = "{{"
CLOSE: Final = "}}"
_SPACES: Final = " \t\r\n"
_MARKS: Final = ("|", "(", ")", ":=", "=", ",")

_COMMENT_OPEN: Final = "/*"
_COMMENT_CLOSE: Final = re.compile(r"\*/")
_CLOSE: Final = re.compile(r"[ \t\r\n]-\}\}|\}\}")
_SPACE_RUN: Final = re.compile(r"[ \t\r\n]+?(?=[ \t\r\n]-\}\}|[^ \t\r\n]|\Z)")
_NUMBER: Final = re.compile(
    r"[+-]?(?:0[xX][0-9a-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+"
    r"|(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9]+)?)"
)
_WORD: Final = re.compile(r"\w+")
_QUOTED: Final = {
    '"': re.compile(r'"(?:[^"\\\n]|\\[^\n])*"'),
    "'": re.compile(r"'(?:[^'\\\n]|\\[^\n])*'"),
    "`": re.compile(r"`[^`]*`"),
}
# A word, field or variable must be followed by one of these, or by the end of the action.
_TERMINATORS: Final = frozenset(" \t\r\n.,|:)(")


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a template, as it is written there, and the line that it is on."""

    kind: Kind
    text: str
    line: int

    @property
    def shown(self) -> str:
        """What messages call it."""
        return f'"{self.text}"' if self.text else self.kind


def scan(template: str) -> list[Token]:
    """Take a whole template apart; the last token tells that it ends.

    Raises:
        CommandLineError: it does not follow the grammar.
    """
    return _Scanner(template).run()


class _Scanner:
    def __init__(self, template: str) -> None:
        self._template = template
        self._at = 0
        self._line = 1
        self._tokens: list[Token] = []

    def run(self) -> list[Token]:
        while (opened := self._template.find(OPEN, self._at)) >= 0:
            trims = self._trims_left(opened)
            text = self._template[self._at : opened]
            self._add("text", text, keep=text.rstrip(_SPACES) if trims else text)
            if self._skip_comment(opened + len(OPEN) + (2 if trims else 0)):
                continue
            self._add("open", OPEN)
            if trims:
                self._move(self._at + 2)
            self._action()
        self._add("text", self._template[self._at :])
        self._tokens.append(Token("end of the template", "", self._line))
        return self._tokens

    def _trims_left(self, opened: int) -> bool:
        marker = self._template[opened + len(OPEN) : opened + len(OPEN) + 2]
        return len(marker) == 2 and marker[0] == "-" and marker[1] in _SPACES

    def _skip_comment(self, start: int) -> bool:
        """Step over a comment, which has to be all that is in its braces."""
        if not self._template.startswith(_COMMENT_OPEN, start):
            return False
        found = _COMMENT_CLOSE.search(self._template, start + len(_COMMENT_OPEN))
        if found is None:
            raise self._wrong("a comment has no end")
        closed = _CLOSE.match(self._template, found.end())
        if closed is None:
            raise self._wrong("a comment must be all that is between {{ and }}")
        self._move(closed.end())
        self._trim_right(closed[0])
        return True

    def _action(self) -> None:
        depth = 0
        while True:
            closed = _CLOSE.match(self._template, self._at)
            if closed is not None:
                if depth:
                    raise self._wrong("a ( has no )")
                self._move(closed.end())
                self._tokens.append(Token("close", CLOSE, self._line))
                self._trim_right(closed[0])
                return
            text = self._token()
            depth += (text == "(") - (text == ")")
            if depth < 0:
                raise self._wrong("a ) has no (")

    def _trim_right(self, closed: str) -> None:
        if closed == CLOSE:
            return
        while self._at < len(self._template) and self._template[self._at] in _SPACES:
            self._move(self._at + 1)

    def _token(self) -> str:
        """Take one token, and give its text."""
        if self._at >= len(self._template):
            raise self._wrong("a {{ has no }}")
        spaces = _SPACE_RUN.match(self._template, self._at)
        if spaces is not None:
            return self._add("space", spaces[0])
        for mark in _MARKS:
            if self._template.startswith(mark, self._at):
                return self._add("mark", mark)
        return self._quoted() or self._name() or self._number()

    def _quoted(self) -> str:
        first = self._template[self._at]
        pattern = _QUOTED.get(first)
        if pattern is None:
            return ""
        found = pattern.match(self._template, self._at)
        if found is None:
            raise self._wrong(f"a {first} has no end")
        return self._add("rune" if first == "'" else "string", found[0])

    def _name(self) -> str:
        first = self._template[self._at]
        after = self._template[self._at + 1 : self._at + 2]
        if first in ".$" and not (first == "." and after.isdecimal()):
            found = _WORD.match(self._template, self._at + 1)
            text = first + (found[0] if found else "")
            kind: Kind = "variable" if first == "$" else ("field" if found else "dot")
            return self._named(kind, text)
        found = _WORD.match(self._template, self._at)
        if found is None or first.isdecimal():
            return ""
        return self._named("word", found[0])

    def _named(self, kind: Kind, text: str) -> str:
        self._add(kind, text)
        here = self._template[self._at : self._at + 1]
        if here and here not in _TERMINATORS and not self._template.startswith(CLOSE, self._at):
            raise self._wrong(f'unexpected "{here}" behind {text}')
        return text

    def _number(self) -> str:
        found = _NUMBER.match(self._template, self._at)
        here = self._template[self._at]
        if found is None:
            raise self._wrong(f'unexpected "{here}"')
        self._add("number", found[0])
        if _WORD.match(self._template, self._at):
            raise self._wrong(f"{found[0]}{self._template[self._at]}… is no number")
        return found[0]

    def _add(self, kind: Kind, text: str, *, keep: str | None = None) -> str:
        shown = text if keep is None else keep
        if shown:
            self._tokens.append(Token(kind, shown, self._line))
        self._move(self._at + len(text))
        return text

    def _move(self, to: int) -> None:
        self._line += self._template.count("\n", self._at, to)
        self._at = to

    def _wrong(self, problem: str) -> Exception:
        return wrong(problem, line=self._line)
