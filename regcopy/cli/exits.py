"""Exit codes, and how an exception becomes one line: the one place for both."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from regcopy.cli.flags import CommandLineError
from regcopy.cli.hints import hint_for
from regcopy.errors import NotFound, RegcopyError
from regcopy.text import printable

if TYPE_CHECKING:
    from regcopy.cli.console import Console

OK: Final = 0
FAILED: Final = 1
NOT_FOUND: Final = 2
SIGNALLED: Final = 128
"""Plus the number of the signal."""

BROKEN_PIPE: Final = SIGNALLED + 13
"""What a shell shows for a program that SIGPIPE ended: nobody reads what is written."""

_QUERY: Final = re.compile(r"\?[^\s\"'<>]*")


def exit_code(error: BaseException, *, not_found: int = NOT_FOUND) -> int:
    """Say what the program ends with after an error.

    Args:
        error: what stopped the command.
        not_found: code where the image that was named does not exist.
    """
    if isinstance(error, BrokenPipeError):
        return BROKEN_PIPE
    if isinstance(error, NotFound) and _is_about_the_image(error):
        return not_found
    return FAILED


def _is_about_the_image(error: NotFound) -> bool:
    """Whether the named image is missing, not a part of it and not a place to write to."""
    return error.side != "destination" and not error.operation.startswith("reading blob")


def report(console: Console, error: Exception, *, debug: bool, has_sides: bool = False) -> None:
    """Tell what stopped the command, in one line; with `debug` also where it came from.

    An error that is not ours is a bug. Its text is not shown without `debug`: nobody knows
    what is in it. Where the command `has_sides`, hints name the flags of the side that failed.
    """
    if isinstance(error, BrokenPipeError):
        return
    if debug and not isinstance(error, CommandLineError):
        for line in _trace(error):
            console.log("debug", line)
    if isinstance(error, RegcopyError):
        hint = hint_for(error.hint, error.side) if has_sides else error.hint
        console.log("fatal", str(error), hint=hint)
        return
    hint = "this is a bug; please report it with the lines above"
    if not debug:
        hint = "this is a bug; run again with --debug to see more, and please report it"
    console.log("fatal", f"unexpected {type(error).__name__} at {_place(error)}", hint=hint)


def _trace(error: BaseException) -> Iterator[str]:
    """Give the frames of an error and of what caused it, one a line, the newest error first."""
    import traceback

    seen: BaseException | None = error
    while seen is not None:
        yield f"{type(seen).__name__}: {_without_secrets(seen)}"
        for frame in traceback.extract_tb(seen.__traceback__):
            yield f"  {frame.filename}:{frame.lineno} in {frame.name}"
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)


def _without_secrets(error: BaseException) -> str:
    """Text of an error. Libraries put whole addresses into theirs, and queries hold tokens."""
    return printable(_QUERY.sub("?…", str(error)))


def _place(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return "an unknown place"
    return f"{os.path.basename(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno}"
