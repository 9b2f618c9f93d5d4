"""Progress as events: one JSON object a line, the same for one copy as for a list."""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING, Self

from regcopy.batch.events import (
    LineEnded,
    LineEvent,
    LineStarted,
    ListEnded,
    ListStarted,
    RequestRepeated,
    event_json,
)
from regcopy.batch.lines import Line
from regcopy.batch.mailbox import LineObserver
from regcopy.batch.outcome import at_its_end, blank_report, copied, failed, planned, stopped
from regcopy.batch.report import LineReport, Totals
from regcopy.errors import Cancelled
from regcopy.events import Event, Retrying

if TYPE_CHECKING:
    from regcopy.cli.command import Invocation
    from regcopy.cli.console import Console
    from regcopy.copying.options import CopyOptions
    from regcopy.copying.result import CopyResult, DryRun


def json_events(call: Invocation) -> JsonEvents:
    """Give what writes events, to where the flags say."""
    has_own = call.values.has("progress-fd")
    return JsonEvents(call.console, call.values.integer("progress-fd") if has_own else None)


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
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        text = json.dumps({**event_json(event), "time": now}, separators=(",", ":"))
        if self._descriptor is None:
            self._console.err(text)
            return
        try:
            _write(self._descriptor, f"{text}\n".encode())
        except OSError:
            return


def _write(descriptor: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        try:
            rest = rest[os.write(descriptor, rest) :]
        except BlockingIOError:
            # A pipe is full whose other end does not want us to wait; half a line is no event.
            _wait_for_room(descriptor)


def _wait_for_room(descriptor: int) -> None:
    import select  # hardly ever

    waiting = select.poll()
    waiting.register(descriptor, select.POLLOUT)
    waiting.poll()


class CopyEvents:
    """Tells one copy as a list of one line is told, from `list` to `end`.

    Its `with` block is the copy: an error that leaves it is what the copy failed with.

    Args:
        events: who writes them.
        source: `transport:reference` that is read.
        destination: `transport:reference` that is written.
        options: which images and how.
    """

    def __init__(
        self, events: JsonEvents, source: str, destination: str, options: CopyOptions
    ) -> None:
        self._events = events
        self._line = Line(1, source, destination)
        self._blank = blank_report(self._line, options)
        self._is_one = options.instances.kind == "system"
        self._observer = LineObserver(self._line, self)
        self._report: LineReport | None = None
        self._began = time.monotonic()
        self._repeated = 0

    def __enter__(self) -> Self:
        self.put(ListStarted(1))
        self.put(LineStarted(self._line))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        report = at_its_end(self._report or self._without_result(error), self._began)
        totals = Totals()
        totals.add(report)
        self.put(LineEnded(self._line, report))
        self.put(
            ListEnded(
                totals.report(
                    (self._line,) if report.status == "stopped" else (),
                    repeated_requests=self._repeated,
                    seconds=report.seconds,
                )
            )
        )

    def _without_result(self, error: BaseException | None) -> LineReport:
        if isinstance(error, Exception) and not isinstance(error, Cancelled):
            return failed(self._blank, error)
        return stopped(self._blank)

    def notify(self, event: Event, /) -> None:
        """Write what happens in the copy."""
        if isinstance(event, Retrying):
            self._repeated += 1
            self.put(RequestRepeated(event))
        else:
            self._observer.notify(event)

    def put(self, event: LineEvent, /) -> None:
        """Write an event."""
        self._events.take(event)

    def offer(self, event: LineEvent, /) -> None:
        """Write an event that could have been left out."""
        self._events.take(event)

    def finish(self, result: CopyResult, /) -> None:
        """Note what the copy did."""
        self._report = copied(self._blank, result, is_one=self._is_one)

    def finish_plan(self, plan: DryRun, /) -> None:
        """Note what the copy would have done."""
        self._report = planned(self._blank, plan, is_one=self._is_one)
