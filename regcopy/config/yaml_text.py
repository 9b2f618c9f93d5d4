"""YAML as values: mappings, lists, and scalars as the text that stands in the file.

No object is ever made of it, and no text becomes a number or a truth value here: `1.10` is a
tag, and whoever wants a truth value asks for one. What two programs could read differently
is refused: a key twice, a tag, a second document.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, NoReturn, Protocol

from regcopy.errors import ConfigurationError
from regcopy.text import printable

if TYPE_CHECKING:
    from yaml import Event


class _Mark(Protocol):
    """A place in a document; lines are counted from 0."""

    @property
    def line(self) -> int: ...


Node = str | None | list["Node"] | dict[str, "Node"]
"""A scalar as text, nothing at all, a list, or a mapping."""

MAX_BYTES: Final = 1024 * 1024
_MAX_DEPTH: Final = 32
_MAX_NODES: Final = 200_000
_NOTHING: Final = frozenset({"", "~", "null", "Null", "NULL"})
_MERGE: Final = "<<"
_TRUE: Final = frozenset({"true", "yes", "on", "y"})
_FALSE: Final = frozenset({"false", "no", "off", "n"})


def parse_yaml(text: str, *, what: str, aliases: bool = False) -> Node:
    """Parse one document; an empty one gives None.

    Args:
        text: the document.
        what: its name, for messages.
        aliases: whether a part may be named (`&x`), used again (`*x`) and merged (`<<: *x`).

    Raises:
        ConfigurationError: it is no such document, or too large.
    """
    from yaml import YAMLError  # only where there is a file

    reader = _Reader(what, aliases=aliases)
    try:
        if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
            reader.fail("has more than a MiB")
        return reader.read(_events(text))
    except YAMLError as error:
        mark: _Mark | None = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "a character that must not be in it"
        reader.fail(f"is no YAML: {problem}", mark)


def parse_mapping(text: str, *, what: str, aliases: bool = False) -> dict[str, Node]:
    """Parse a document whose top is a mapping; an empty one gives an empty mapping.

    Arguments and errors are those of `parse_yaml`.
    """
    top = parse_yaml(text, what=what, aliases=aliases)
    if isinstance(top, dict):
        return top
    if top is not None:
        raise ConfigurationError(f"{printable(what, limit=300)} is no mapping")
    return {}


def truth(node: Node) -> bool | None:
    """Give the truth value that a scalar spells, in whatever case; None where it spells none."""
    text = node.lower() if isinstance(node, str) else ""
    return text in _TRUE if text in _TRUE | _FALSE else None


def _events(text: str) -> Iterator[Event]:
    import yaml

    loader = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
    return yaml.parse(text, Loader=loader)


class _Reader:
    """Builds values from events, so that limits hold before anything is built."""

    def __init__(self, what: str, *, aliases: bool) -> None:
        self._what = what
        self._aliases = aliases
        self._named: dict[str, Node] = {}
        self._nodes = 0

    def fail(self, problem: str, mark: _Mark | None = None) -> NoReturn:
        line = f": line {mark.line + 1}" if mark is not None else ""
        raise ConfigurationError(
            f"{printable(self._what, limit=300)}{line} {printable(problem, limit=300)}"
        )

    def read(self, events: Iterator[Event]) -> Node:
        from yaml import DocumentStartEvent, StreamEndEvent

        next(events)  # the stream's start
        event = next(events)
        if isinstance(event, StreamEndEvent):
            return None
        found = self._node(next(events), events, 0)
        next(events)  # the document's end
        if isinstance(event := next(events), DocumentStartEvent):
            self.fail("begins a second document", event.start_mark)
        return found

    def _node(self, event: Event, events: Iterator[Event], depth: int) -> Node:
        from yaml import AliasEvent, MappingStartEvent, ScalarEvent, SequenceStartEvent

        self._count(event)
        if depth > _MAX_DEPTH:
            self.fail("is nested too deeply", event.start_mark)
        if isinstance(event, AliasEvent):
            return self._alias(event)
        anchor = self._check_properties(event)
        node: Node
        if isinstance(event, ScalarEvent):
            is_plain = event.style in (None, "")
            node = None if is_plain and event.value in _NOTHING else str(event.value)
        elif isinstance(event, SequenceStartEvent):
            node = self._list(events, depth)
        elif isinstance(event, MappingStartEvent):
            node = self._mapping(events, depth)
        else:
            self.fail("is no YAML", event.start_mark)
        if anchor:
            self._named[anchor] = node
        return node

    def _count(self, event: Event, nodes: int = 1) -> None:
        self._nodes += nodes
        if self._nodes > _MAX_NODES:
            self.fail(f"has more than {_MAX_NODES} parts", event.start_mark)

    def _check_properties(self, event: Event) -> str:
        anchor: str | None = getattr(event, "anchor", None)
        tag: str | None = getattr(event, "tag", None)
        # "!" alone stands for a scalar in quotes.
        if tag not in (None, "!"):
            self.fail(f"has a tag, {tag}", event.start_mark)
        if anchor and not self._aliases:
            self.fail(f"has an anchor, &{anchor}", event.start_mark)
        return anchor or ""

    def _alias(self, event: Event) -> Node:
        anchor: str = getattr(event, "anchor", "")
        # One that is not finished is not known either: nothing contains itself.
        if not self._aliases or anchor not in self._named:
            self.fail(f"uses *{anchor}, which cannot be used", event.start_mark)
        return self._named[anchor]

    def _list(self, events: Iterator[Event], depth: int) -> list[Node]:
        from yaml import SequenceEndEvent

        found: list[Node] = []
        while not isinstance(event := next(events), SequenceEndEvent):
            found.append(self._node(event, events, depth + 1))
        return found

    def _mapping(self, events: Iterator[Event], depth: int) -> dict[str, Node]:
        from yaml import MappingEndEvent, ScalarEvent

        found: dict[str, Node] = {}
        under: list[dict[str, Node]] = []
        while not isinstance(event := next(events), MappingEndEvent):
            key = self._node(event, events, depth + 1)
            if not isinstance(event, ScalarEvent) or not isinstance(key, str):
                self.fail("has a key that is no text", event.start_mark)
            value = self._node(next(events), events, depth + 1)
            if key == _MERGE and self._aliases:
                under += self._merged(value, event)
            elif key in found:
                self.fail(f'has "{key}" a second time', event.start_mark)
            else:
                found[key] = value
        for more in under:
            found = more | found
        return found

    def _merged(self, value: Node, event: Event) -> list[dict[str, Node]]:
        """Give the mappings to merge; of two with one key the first counts."""
        merged = [
            part
            for part in (value if isinstance(value, list) else [value])
            if isinstance(part, dict)
        ]
        if not merged:
            self.fail("merges what is no mapping", event.start_mark)
        self._count(event, sum(len(part) for part in merged))
        return merged
