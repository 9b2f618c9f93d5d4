"""Who tells about a list while it is copied: bars, lines, JSON events, or nobody."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Protocol

from regcopy.cli.flags import CommandLineError
from regcopy.cli.gotext import quote

if TYPE_CHECKING:
    from regcopy.batch.events import LineEvent
    from regcopy.cli.command import Invocation
    from regcopy.cli.console import Console

_FORMS: Final = ("auto", "lines", "json", "none")


class ListProgress(Protocol):
    """Somebody who is told of every event."""

    def take(self, event: LineEvent, /) -> None:
        """Take one event; must not raise."""
        ...


def progress_form(call: Invocation) -> str:
    """Which form of progress is wanted: `bars`, `lines`, `json` or `none`.

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
    if form != "auto":
        return form
    if values.boolean("quiet"):
        return "none"
    from regcopy.cli.progress import draws

    return "bars" if draws(call, is_seen=call.console.stderr_is_terminal) else "lines"


def _check_descriptor(number: int, form: str) -> None:
    if form not in ("auto", "json"):
        raise CommandLineError("--progress-fd is for --progress json")
    try:
        os.fstat(number)
    except (OSError, OverflowError):
        raise CommandLineError(f"--progress-fd {number}: no such file descriptor is open") from None


def open_list_progress(call: Invocation) -> AbstractContextManager[ListProgress]:
    """Choose who tells about a list."""
    console = call.console
    match progress_form(call):
        case "bars":
            from regcopy.cli.batch_bars import ListBars

            return ListBars(console.stderr)
        case "lines":
            from regcopy.cli.batch_lines import ListLines

            return ListLines(console)
        case "json":
            has_own = call.values.has("progress-fd")
            return nullcontext(
                JsonEvents(console, call.values.integer("progress-fd") if has_own else None)
            )
        case _:
            return nullcontext(_Failures(console))


class JsonEvents:
    """Writes each event as one line of JSON.

    Args:
        descriptor: where to; None for standard error.
    """

    def __init__(self, console: Console, descriptor: int | None = None) -> None:
        self._console = console
        self._descriptor = descriptor

    def take(self, event: LineEvent, /) -> None:
        """Write it; a copy does not end because nobody reads about it."""
        import json

        from regcopy.batch.events import event_json

        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        text = json.dumps({**event_json(event), "time": now}, separators=(",", ":"))
        if self._descriptor is None:
            self._console.err(text)
            return
        rest = memoryview(f"{text}\n".encode())
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError:
            return


class _Failures:
    """Tells of failed lines only."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def take(self, event: LineEvent, /) -> None:
        """Log a line that has failed."""
        from regcopy.cli.batch_lines import tell_failure

        tell_failure(self._console, event)
