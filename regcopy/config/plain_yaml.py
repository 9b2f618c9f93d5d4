"""The part of YAML that registries.d files are written in: mappings of mappings of scalars.

Everything else (lists, anchors, tags, several documents, text over several lines) is refused
with its line, so that no file is ever read as something that its writer did not mean.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NoReturn

from regcopy.errors import ConfigurationError
from regcopy.text import printable

Node = str | None | dict[str, "Node"]
"""A scalar as text, nothing at all, or a mapping."""

# YAML 1.2, section 5.3: what a plain scalar must not begin with. A dash, a question mark or
# a colon may begin one where something follows; nobody needs that here.
_INDICATORS: Final = frozenset("-?:,[]{}#&*!|>'\"%@`")
_DOUBLE: Final = re.compile(r'"([^"\\]*)"')
_SINGLE: Final = re.compile(r"'([^']*)'")
_NOTHING: Final = frozenset({"", "~", "null", "Null", "NULL"})


@dataclass
class _Level:
    """A mapping that is being read; `indent` is not known before its first line."""

    members: dict[str, Node] = field(default_factory=dict)
    indent: int = -1


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    indent: int
    key: str
    value: str


def parse_mapping(text: str, *, what: str) -> dict[str, Node]:
    """Parse a document whose top is a mapping; an empty one gives an empty mapping.

    Args:
        text: the document.
        what: its name, for messages.

    Raises:
        ConfigurationError: it is no such document.
    """
    top = _Level()
    levels = [top]
    opened: _Level | None = None
    for line in _lines(text, what):
        if opened is not None and line.indent > levels[-1].indent:
            levels.append(opened)
        while line.indent < levels[-1].indent and len(levels) > 1:
            levels.pop()
        level = levels[-1]
        if level.indent < 0:
            level.indent = line.indent
        if level.indent != line.indent:
            _fail(what, line.number, "is not indented like its neighbours")
        if line.key in level.members:
            _fail(what, line.number, f'has "{printable(line.key, limit=100)}" a second time')
        opened = _take(level, line, what)
    return top.members


def _take(level: _Level, line: _Line, what: str) -> _Level | None:
    """Put the line's member into its mapping; a new mapping where one may follow."""
    if not line.value:
        # Not settled before the next line: nothing, or the mapping that follows.
        following = _Level()
        level.members[line.key] = following.members
        return following
    level.members[line.key] = _value(line.value, what, line.number)
    return None


def _lines(text: str, what: str) -> Iterator[_Line]:
    for number, raw in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        if "\t" in raw[: len(raw) - len(raw.lstrip())]:
            _fail(what, number, "is indented by tabs")
        content = raw.strip()
        if not content or content.startswith("#") or (content == "---" and number == 1):
            continue
        indent = len(raw) - len(raw.lstrip())
        key, rest = _split_key(content, what, number)
        yield _Line(number, indent, key, _without_comment(rest))


def _split_key(content: str, what: str, number: int) -> tuple[str, str]:
    quoted = _DOUBLE.match(content) or _SINGLE.match(content)
    if quoted:
        rest = content[quoted.end() :].lstrip()
        if not rest.startswith(":") or (rest[1:] and not rest[1].isspace()):
            _fail(what, number, 'is not "key: value"')
        return quoted[1], rest[1:].strip()
    if content[0] in _INDICATORS:
        _fail(what, number, 'is not "key: value"')
    found = re.search(r":(?=\s|\Z)", content)
    if found is None or " #" in content[: found.start()]:
        _fail(what, number, 'is not "key: value"')
    return content[: found.start()].rstrip(), content[found.end() :].strip()


def _without_comment(value: str) -> str:
    if value.startswith("#"):
        return ""
    if value.startswith(("'", '"')):
        return value
    return re.split(r"\s#", value, maxsplit=1)[0].rstrip()


def _value(text: str, what: str, number: int) -> Node:
    quoted = _DOUBLE.match(text) or _SINGLE.match(text)
    if quoted:
        rest = text[quoted.end() :].strip()
        if rest and not rest.startswith("#"):
            _fail(what, number, "has something after the closing quote")
        return quoted[1]
    if text == "{}":
        return {}
    if text[0] in _INDICATORS or ": " in text or text.endswith(":"):
        _fail(what, number, "has a value that is no plain text")
    return None if text in _NOTHING else text


def _fail(what: str, number: int, problem: str) -> NoReturn:
    raise ConfigurationError(
        f"{printable(what, limit=300)}: line {number} {problem}",
        hint="such files are mappings of plain text: see containers-registries.d(5)",
    )
