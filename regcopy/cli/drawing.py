"""What bars are drawn with, for somebody who watches a terminal. This module imports rich."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol, TextIO, TypeVar

from rich.console import Console as Terminal
from rich.progress import Progress, ProgressColumn
from rich.text import Text


class Drawing:
    """Bars, and lines that scroll up above them.

    Args:
        stream: of the terminal.
        columns: of each bar.
    """

    def __init__(self, stream: TextIO, *columns: ProgressColumn) -> None:
        self._terminal = Terminal(file=stream, highlight=False, markup=False, emoji=False)
        self.bars = Progress(*columns, console=self._terminal, expand=True, transient=True)

    def say(self, text: str, *, style: str = "") -> None:
        """Write a line."""
        self._terminal.print(Text(text, style=style), soft_wrap=True)


class Drawn(Protocol):
    """Something that is drawn."""

    @property
    def drawing(self) -> Drawing:
        """Where it is drawn."""
        ...


_Drawn = TypeVar("_Drawn", bound=Drawn)


@contextmanager
def shown(something: _Drawn) -> Iterator[_Drawn]:
    """Show its bars while a `with` block lasts."""
    with something.drawing.bars:
        yield something
