"""Columns, as Go's text/tabwriter aligns them."""

from __future__ import annotations

from typing import Final

_LEAST_WIDTH: Final = 12
_PADDING: Final = 2


def align(text: str) -> str:
    """Align cells that end with a tab; what follows the last tab of a line is no cell.

    A column is made of lines that follow each other and all have that cell.
    """
    lines = [line.split("\t") for line in text.split("\n")]
    columns = max(len(cells) for cells in lines) - 1
    for column in range(columns):
        _align_column(lines, column)
    return "\n".join("".join(cells) for cells in lines)


def _align_column(lines: list[list[str]], column: int) -> None:
    start = 0
    while start < len(lines):
        end = start
        # Cells that were aligned before keep their place, so the count stays the same.
        while end < len(lines) and len(lines[end]) > column + 1:
            end += 1
        block = lines[start:end]
        width = max((len(cells[column]) + _PADDING for cells in block), default=0)
        for cells in block:
            cells[column] = cells[column].ljust(max(width, _LEAST_WIDTH))
        start = end + 1
