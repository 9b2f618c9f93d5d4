"""Progress of a list as log lines: one for each line that ends, and a heartbeat."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from regcopy.batch.events import LineEnded, LineEvent, RequestRepeated
from regcopy.cli.batch_summary import outcome
from regcopy.cli.batch_tally import LineStanding, ListStanding, ListTally
from regcopy.cli.hints import hint_for
from regcopy.cli.progress import retry_text
from regcopy.cli.pulse import Rate
from regcopy.text import human_bytes

if TYPE_CHECKING:
    from regcopy.batch.report import LineReport
    from regcopy.cli.console import Console

_SHOWN_LINES: Final = 3


def tell_failure(console: Console, event: LineEvent) -> None:
    """Log a line that has failed; nothing for any other event."""
    if isinstance(event, LineEnded) and event.report.failure is not None:
        failure = event.report.failure
        hint = hint_for(failure.hint, failure.side)
        console.log("error", f"line {event.line.number}: {failure.message}", hint=hint)


def ended_text(report: LineReport) -> str:
    """Describe a line that has ended without a failure."""
    parts = [f"line {report.line}: {report.destination} {outcome(report)}", report.digest]
    moved = [
        f"{human_bytes(size)} {word}"
        for size, word in (
            (report.bytes_copied, "copied"),
            (report.bytes_reused, "there already"),
            (report.bytes_mounted, "mounted"),
        )
        if size
    ]
    if report.narrowed_to:
        moved.append(f"only {report.narrowed_to}")
    return " ".join(part for part in (*parts, f"({', '.join(moved)})" if moved else "") if part)


class ListLines:
    """Writes log lines, and with each beat how far the list is."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._tally = ListTally()
        self._rate = Rate()

    def take(self, event: LineEvent, /) -> None:
        """Write what the event says, if it says something for people."""
        self._tally.take(event)
        match event:
            case LineEnded(report=report) if report.failure is not None:
                tell_failure(self._console, event)
            case LineEnded(report=report):
                self._console.log("info", ended_text(report))
            case RequestRepeated():
                self._console.log("warning", retry_text(event.event))
            case _:
                pass

    def beat(self) -> None:
        """Write how far the list is."""
        standing = self._tally.standing()
        rate = self._rate.since_last(standing.moved_bytes)
        self._console.log("info", standing_text(standing, rate))


def standing_text(standing: ListStanding, bytes_per_second: float) -> str:
    """Describe how far a list is."""
    parts = [
        f"{standing.ended} of {standing.lines} images have ended",
        f"{standing.failed} failed" if standing.failed else "",
        f"{human_bytes(standing.moved_bytes)} copied",
        f"{human_bytes(max(0.0, bytes_per_second))}/s",
        f"{standing.repeated} requests made again" if standing.repeated else "",
        _under_way(standing.under_way),
    ]
    return ", ".join(part for part in parts if part)


def _under_way(lines: tuple[LineStanding, ...]) -> str:
    if not lines:
        return ""
    # What has most left to do is what everybody waits for.
    largest = sorted(lines, key=lambda one: one.standing.total_bytes, reverse=True)
    shown = [_one(line) for line in largest[:_SHOWN_LINES]]
    if len(lines) > _SHOWN_LINES:
        shown.append(f"{len(lines) - _SHOWN_LINES} more")
    return f"under way: {'; '.join(shown)}"


def _one(one: LineStanding) -> str:
    standing = one.standing
    name = f"line {one.line.number}"
    if not standing.started:
        return f"{name} reading manifests"
    if not standing.total_bytes:
        return name
    share = 100 * standing.done_bytes // standing.total_bytes
    return f"{name} {share}% of {human_bytes(standing.total_bytes)}"
