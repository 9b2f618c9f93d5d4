"""How everything that is wrong with a template is told."""

from __future__ import annotations

from regcopy.cli.flags import CommandLineError
from regcopy.text import printable


class Misuse(Exception):
    """A value, constant or function that is used as it cannot be; the place is not known yet."""


def wrong(problem: str, *, line: int = 1, hint: str = "") -> CommandLineError:
    """Make the error for a template that cannot be used.

    Args:
        problem: what is wrong with it.
        line: where, counted from 1; not told for the first line, which is often the only one.
        hint: what to write instead.
    """
    place = f"line {line}: " if line > 1 else ""
    return CommandLineError(f"--format: {place}{printable(problem, limit=500)}", hint=hint)
