"""Who tells about a copy: lines as skopeo's, bars on a terminal, JSON events, or nobody."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Final, Protocol

from regcopy.cli.progress_flags import progress_form
from regcopy.cli.pulse import beating
from regcopy.events import Event, Observer, Retrying

if TYPE_CHECKING:
    from regcopy.cli.command import Invocation
    from regcopy.cli.console import Console
    from regcopy.cli.progress_events import CopyEvents
    from regcopy.copying.options import CopyOptions
    from regcopy.copying.result import CopyResult, DryRun

_STANDARD_OUTPUT: Final = frozenset({"/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"})


class Progress(Observer, Protocol):
    """An observer that has the last word."""

    def finish(self, result: CopyResult, /) -> None:
        """Say how it ended."""
        ...


class PlanProgress(Observer, Protocol):
    """The same where a copy is only planned."""

    def finish_plan(self, plan: DryRun, /) -> None:
        """Say what would be copied."""
        ...


def open_progress(call: Invocation, options: CopyOptions) -> AbstractContextManager[Progress]:
    """Choose who tells about a copy.

    Args:
        call: says whether anything is to be told, and where to; an image that goes to
            standard output leaves standard error for everything else.
        options: which images and how.
    """
    console = call.console
    _, destination = call.names
    to_stderr = is_standard_output(destination)
    is_seen = console.stderr_is_terminal if to_stderr else console.stdout_is_terminal
    match progress_form(call):
        case "none":
            return nullcontext(_Quiet())
        case "json":
            return _events(call, options)
        case "auto" if draws(call, is_seen=is_seen):
            from regcopy.cli.drawing import shown
            from regcopy.cli.progress_bars import Bars

            return shown(Bars(console.stderr if to_stderr else console.stdout))
        case _:
            from regcopy.cli.progress_lines import LinesAndHeartbeat

            removes_signatures = call.values.boolean("remove-signatures")
            lines = LinesAndHeartbeat(
                console, to_stderr=to_stderr, removes_signatures=removes_signatures
            )
            return beating(lines)


def open_plan_progress(
    call: Invocation, options: CopyOptions
) -> AbstractContextManager[PlanProgress]:
    """Choose who tells about a copy that is only planned; the plan itself is the command's."""
    if progress_form(call) == "json":
        return _events(call, options)
    return nullcontext(Warnings(call.console))


def _events(call: Invocation, options: CopyOptions) -> CopyEvents:
    from regcopy.cli.progress_events import CopyEvents, json_events

    source, destination = call.names
    return CopyEvents(json_events(call), source, destination, options)


def draws(call: Invocation, *, is_seen: bool) -> bool:
    """Tell whether bars are drawn where `is_seen` says that there is a terminal."""
    # Log lines and bars would write over each other.
    plain = call.values.boolean("debug") or call.console.log_format == "json"
    return is_seen and not plain and call.environment.get("TERM") not in ("", "dumb")


def is_standard_output(destination: str) -> bool:
    """Tell whether an image is written to standard output, where no line of text may go then."""
    _, _, rest = destination.partition(":")
    return rest.partition(":")[0] in _STANDARD_OUTPUT


class Warnings:
    """Observer that tells about repeated requests only."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def notify(self, event: Event, /) -> None:
        """Log a request that is tried again."""
        if isinstance(event, Retrying):
            self._console.log("warning", retry_text(event))

    def finish_plan(self, plan: DryRun, /) -> None:
        """Say nothing."""


class _Quiet:
    def notify(self, event: Event, /) -> None:
        """Say nothing."""

    def finish(self, result: CopyResult, /) -> None:
        """Say nothing."""


def retry_text(event: Retrying) -> str:
    """Describe a request that failed and is tried again."""
    return (
        f"attempt {event.attempt} of {event.attempts} failed: {event.reason}; "
        f"trying again in {event.delay_seconds:.1f} s"
    )
