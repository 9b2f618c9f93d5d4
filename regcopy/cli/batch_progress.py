"""Who tells about a list while it is copied: bars, lines, JSON events, or nobody."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Protocol

from regcopy.cli.progress_flags import progress_form
from regcopy.cli.pulse import beating

if TYPE_CHECKING:
    from regcopy.batch.events import LineEvent
    from regcopy.cli.command import Invocation
    from regcopy.cli.console import Console


class ListProgress(Protocol):
    """Somebody who is told of every event."""

    def take(self, event: LineEvent, /) -> None:
        """Take one event; must not raise."""
        ...


def open_list_progress(call: Invocation) -> AbstractContextManager[ListProgress]:
    """Choose who tells about a list."""
    console = call.console
    match progress_form(call):
        case "json":
            from regcopy.cli.progress_events import json_events

            return nullcontext(json_events(call))
        case "none":
            return nullcontext(_Failures(console))
        case "auto" if _draws(call):
            from regcopy.cli.batch_bars import ListBars
            from regcopy.cli.drawing import shown

            return shown(ListBars(console.stderr))
        case _:
            from regcopy.cli.batch_lines import ListLines

            return beating(ListLines(console))


def _draws(call: Invocation) -> bool:
    from regcopy.cli.progress import draws

    return draws(call, is_seen=call.console.stderr_is_terminal)


class _Failures:
    """Tells of failed lines only."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def take(self, event: LineEvent, /) -> None:
        """Log a line that has failed."""
        from regcopy.cli.batch_lines import tell_failure

        tell_failure(self._console, event)
