"""The compatibility table of README.md, and how many command lines stand behind it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.compat.differences import DIFFERENCES
from tests.compat.table import README, SKOPEO_COMMANDS, make_table, with_table
from tests.compat.test_flags import ALIKE, WRONG


def test_the_table_of_the_readme_is_up_to_date() -> None:
    page = README.read_text(encoding="utf-8")
    assert page == with_table(page), "run: python -m tests.compat.table"


def test_every_command_of_skopeo_has_a_row() -> None:
    rows = [line.split("`")[1] for line in make_table().splitlines() if line.startswith("| `")]
    assert rows == list(SKOPEO_COMMANDS)


def test_at_least_250_command_lines_are_compared_beside_the_templates() -> None:
    lines = {*ALIKE, *(line for line, _ in WRONG), *(one.line for one in DIFFERENCES)}
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        lines |= set(written_lines(ast.parse(path.read_text(encoding="utf-8"))))
    assert len(lines) >= 250


def written_lines(module: ast.Module) -> Iterator[str]:
    """Command lines that stand in `parametrize("line", [...])`."""
    for node in ast.walk(module):
        match node:
            case ast.Call(
                func=ast.Attribute(attr="parametrize"),
                args=[ast.Constant(value="line"), ast.List(elts=items), *_],
            ):
                for item in items:
                    if isinstance(item, ast.Constant) and isinstance(item.value, str):
                        yield item.value
