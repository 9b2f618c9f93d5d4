"""The flags `--progress` and `--progress-fd`, and what they mean."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from regcopy.cli.flags import CommandLineError, Flag
from regcopy.cli.gotext import quote

if TYPE_CHECKING:
    from regcopy.cli.command import Invocation

_FORMS: Final = ("auto", "lines", "json", "none")

PROGRESS: Final = (
    Flag(
        "progress",
        metavar="FORM",
        help="auto (bars on a terminal, else lines), lines, json (one event a line, on "
        "standard error) or none",
        default="auto",
    ),
    Flag("progress-fd", "uint", "write --progress json to this file descriptor instead"),
)


def progress_form(call: Invocation) -> str:
    """Which form of progress is wanted: `auto`, `lines`, `json` or `none`.

    Raises:
        CommandLineError: there is no such form, or no such file descriptor.
    """
    values = call.values
    form = values.string("progress") or "auto"
    if form not in _FORMS:
        raise CommandLineError(
            f"unknown progress {quote(form)}. Choose one of: {', '.join(_FORMS)}"
        )
    if values.has("progress-fd"):
        _check_descriptor(values.integer("progress-fd"), form)
        return "json"
    return "none" if form == "auto" and values.boolean("quiet") else form


def _check_descriptor(number: int, form: str) -> None:
    if form not in ("auto", "json"):
        raise CommandLineError("--progress-fd is for --progress json")
    try:
        os.fstat(number)
    except (OSError, OverflowError):
        raise CommandLineError(f"--progress-fd {number}: no such file descriptor is open") from None
