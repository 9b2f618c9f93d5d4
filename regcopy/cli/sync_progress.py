"""Who tells about a sync: skopeo's lines, image by image, bars on a terminal, or events."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from regcopy.batch.events import (
    LineAdvanced,
    LineEnded,
    LineEvent,
    LineStarted,
    RequestRepeated,
)
from regcopy.cli.batch_lines import standing_text
from regcopy.cli.batch_tally import ListTally
from regcopy.cli.gotext import quote
from regcopy.cli.hints import hint_for
from regcopy.cli.progress import draws, retry_text
from regcopy.cli.progress_flags import progress_form
from regcopy.cli.progress_lines import Lines, there_already
from regcopy.cli.pulse import Rate, beating
from regcopy.errors import StorageFailed

if TYPE_CHECKING:
    from regcopy.batch.report import LineReport
    from regcopy.batch.sync import SyncPlan
    from regcopy.cli.command import Invocation
    from regcopy.cli.console import Console


class SyncProgress(Protocol):
    """Somebody who is told of every event."""

    def take(self, event: LineEvent, /) -> None:
        """Take one event; must not raise."""
        ...


def open_sync_progress(call: Invocation, plan: SyncPlan) -> AbstractContextManager[SyncProgress]:
    """Choose who tells about a sync."""
    console = call.console
    keep_going = call.values.boolean("keep-going")
    match progress_form(call):
        case "json":
            from regcopy.cli.progress_events import json_events

            return nullcontext(json_events(call))
        case "none":
            return nullcontext(_Failures(console, keep_going=keep_going))
        case "auto" if draws(call, is_seen=console.stderr_is_terminal):
            from regcopy.cli.batch_bars import ListBars
            from regcopy.cli.drawing import shown

            return shown(ListBars(console.stderr))
        case _:
            removes_signatures = call.values.boolean("remove-signatures")
            lines = SyncLines(
                console, plan, keep_going=keep_going, removes_signatures=removes_signatures
            )
            return beating(lines)


class _Failures:
    """Tells of images that were not copied, and of nothing else."""

    def __init__(self, console: Console, *, keep_going: bool) -> None:
        self._console = console
        self._keep_going = keep_going

    def take(self, event: LineEvent, /) -> None:
        """Log a failure; without `keep_going` the command does so in the end."""
        if isinstance(event, LineEnded) and self._keep_going:
            log_failure(self._console, event.report)


class SyncLines:
    """Logs as skopeo does, and writes its lines about an image once that image has ended.

    Several images are under way at once, and their lines must not get mixed up.
    """

    def __init__(
        self,
        console: Console,
        plan: SyncPlan,
        *,
        keep_going: bool = False,
        removes_signatures: bool = False,
    ) -> None:
        self._console = console
        self._plan = plan
        self._keep_going = keep_going
        self._removes_signatures = removes_signatures
        self._tally = ListTally()
        self._told: dict[int, list[str]] = {}
        self._lines: dict[int, Lines] = {}
        self._is_read = True
        self._rate = Rate()

    def take(self, event: LineEvent, /) -> None:
        """Log or write what the event makes known."""
        self._tally.take(event)
        match event:
            case LineStarted():
                self._start(event.line.number)
            case LineAdvanced():
                self._lines[event.line.number].notify(event.event)
            case LineEnded():
                self._end(event.line.number, event.report)
            case RequestRepeated():
                self._console.log("warning", retry_text(event.event))
            case _:
                pass

    def _start(self, number: int) -> None:
        image = self._plan.images[number - 1]
        self._told[number] = []
        self._lines[number] = Lines(
            self._told[number].append, removes_signatures=self._removes_signatures
        )
        self._console.log(
            "info",
            f"Copying image ref {image.number}/{image.count}",
            fields={"from": image.source, "to": image.destination},
        )

    def _end(self, number: int, report: LineReport) -> None:
        del self._lines[number]
        told = self._told.pop(number)
        if report.already_there:
            told += there_already(removes_signatures=self._removes_signatures)
        self._write("".join(f"{line}\n" for line in told))
        if report.failure is not None and self._keep_going:
            log_failure(self._console, report)

    def _write(self, text: str) -> None:
        # A copy does not end because nobody reads about it.
        if text and self._is_read:
            try:
                self._console.out(text)
            except (BrokenPipeError, StorageFailed):
                self._is_read = False

    def beat(self) -> None:
        """Log how far the sync is."""
        standing = replace(self._tally.standing(), under_way=())
        rate = self._rate.since_last(standing.moved_bytes)
        self._console.log("info", standing_text(standing, rate))


def log_failure(console: Console, report: LineReport) -> None:
    """Log that an image was not copied, as skopeo does."""
    if report.failure is not None:
        console.log(
            "error",
            f"Error copying ref {quote(report.source)}",
            hint=hint_for(report.failure.hint, report.failure.side),
            fields={"error": report.failure.message},
        )


class DigestFile:
    """`--digestfile`: digest and destination of each copy, in the order of the sources.

    A line is written once all images before it have ended.

    Args:
        path: "" for none.
    """

    def __init__(self, path: str) -> None:
        """Make the file empty.

        Raises:
            StorageFailed: it cannot be written.
        """
        self._path = path
        self._waiting: dict[int, str] = {}
        self._next = 1
        self._descriptor = -1
        if path:
            try:
                how = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
                self._descriptor = os.open(path, how, 0o644)
            except (OSError, ValueError) as error:
                raise _failed(f"Error creating digest file: open {path}", error) from None

    def take(self, report: LineReport) -> None:
        """Note what became of an image.

        Raises:
            StorageFailed: it cannot be written down.
        """
        is_copied = report.status == "done" and report.digest
        self._waiting[report.line] = f"{report.digest} {report.destination}\n" if is_copied else ""
        text = ""
        while self._next in self._waiting:
            text += self._waiting.pop(self._next)
            self._next += 1
        self._write(text)

    def close(self) -> None:
        """Write what waits for images that were never begun; may be called twice."""
        if self._descriptor >= 0:
            descriptor, text = (
                self._descriptor,
                "".join(self._waiting[number] for number in sorted(self._waiting)),
            )
            try:
                self._write(text)
            finally:
                self._descriptor = -1
                with suppress(OSError):
                    os.close(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        self.close()

    def _write(self, text: str) -> None:
        rest = memoryview(text.encode("utf-8", "surrogateescape"))
        try:
            while rest and self._descriptor >= 0:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError as error:
            raise _failed(f"Failed to write digest to file {quote(self._path)}", error) from None


def _failed(message: str, error: OSError | ValueError) -> StorageFailed:
    why = (error.strerror if isinstance(error, OSError) else "") or "no possible path"
    return StorageFailed(f"{message}: {why.lower()}")
