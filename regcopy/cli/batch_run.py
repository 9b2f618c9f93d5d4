"""Copy a list as its flags say: what `batch` and `tekton` share."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from regcopy.cli.batch_files import check_writable, write_text
from regcopy.cli.batch_list import is_same_file, jobs, list_options
from regcopy.cli.batch_progress import open_list_progress
from regcopy.cli.batch_summary import MAX_ROWS, summary_text
from regcopy.cli.flags import CommandLineError
from regcopy.cli.groups import access, environment, trust_options
from regcopy.cli.progress_flags import progress_form
from regcopy.errors import Cancelled, NotFound, StorageFailed

if TYPE_CHECKING:
    from regcopy.batch.events import LineEvent
    from regcopy.batch.lines import Line
    from regcopy.batch.report import LineReport, ListReport
    from regcopy.batch.report_file import ReportWriter
    from regcopy.cli.command import Invocation


def check_list_flags(call: Invocation) -> None:
    """Raise for flags that make no sense, before anything is read.

    Raises:
        CommandLineError: they do not go together, or mean nothing.
        StorageFailed: a file could not be written afterwards.
    """
    from regcopy.batch.run import MAX_JOBS

    values = call.values
    progress_form(call)
    if not 1 <= jobs(call) <= MAX_JOBS:
        raise CommandLineError(f"--jobs must be a number from 1 to {MAX_JOBS}")
    if values.boolean("fail-fast") and values.has("max-failures"):
        raise CommandLineError("--fail-fast and --max-failures cannot be used together")
    for flag, what in (("failures", "the failed lines"), ("report", "the report")):
        if values.string(flag):
            check_writable(values.string(flag), what)
    if _would_spoil(values.string("report"), values.string("failures")):
        raise CommandLineError("--report and --failures name the same file")


def check_list_is_kept(call: Invocation, name: str) -> None:
    """Raise where the report would be written over the list.

    Raises:
        CommandLineError: it would.
    """
    if name != "-" and _would_spoil(call.values.string("report"), name):
        raise CommandLineError("--report names the list itself, and would be written over it")


def _would_spoil(report: str, other: str) -> bool:
    # Pipes and devices take what comes.
    is_file = os.path.isfile(other) or not os.path.exists(other)
    return bool(report and other) and is_file and is_same_file(report, other)


def run_list(
    call: Invocation,
    lines: tuple[Line, ...],
    *,
    ended: Callable[[LineReport], None] = lambda _: None,
    finish: Callable[[ListReport], None] = lambda _: None,
) -> ListReport:
    """Copy lines, tell about it, and leave the files that were asked for.

    Args:
        call: says how, with the flags of `batch`.
        lines: all of them are copied.
        ended: told of each line that has ended.
        finish: told at the end, whether all went well or not.

    Raises:
        Cancelled: the run was stopped; the files say what was done until then.
        StorageFailed: a file could not be written.
    """
    events = _events(call, lines)
    rows: list[LineReport] = []
    report: ListReport | None = None
    with _writer(call) as writer, open_list_progress(call) as progress:
        record = _Record(call, writer)
        for event in events:
            progress.take(event)
            found = _ended(event)
            if found is not None:
                record.write(found)
                ended(found)
                rows.append(found)
            report = _whole(event) or report
    if report is None:
        raise Cancelled("cancelled")
    finish(report)
    shown = rows if len(lines) <= MAX_ROWS else list(report.failed)
    _leave(call, report, shown, is_stdout_free=not _writes_to_stdout(lines))
    record.check()
    if call.cancelled.is_set():
        raise Cancelled("cancelled")
    return report


def _events(call: Invocation, lines: tuple[Line, ...]) -> Iterator[LineEvent]:
    from regcopy.batch.run import copy_many

    values = call.values
    return copy_many(
        lines,
        options=list_options(call, lines),
        source_access=access(values, "src-"),
        destination_access=access(values, "dest-"),
        jobs=jobs(call),
        max_failures=1 if values.boolean("fail-fast") else values.integer("max-failures"),
        dry_run=values.boolean("dry-run"),
        resume=_earlier(call),
        cancelled=call.cancelled,
        environment=environment(call),
        trust=trust_options(values),
    )


def _earlier(call: Invocation) -> Iterator[LineReport]:
    """Reports of the run to go on with."""
    from regcopy.batch.report_file import read_reports

    path = call.values.string("resume")
    if not path:
        return
    try:
        yield from read_reports(path)
    except NotFound:
        # The first run of a job that is started again and again has nothing to go on with.
        if not _resumes_itself(call):
            raise


def _resumes_itself(call: Invocation) -> bool:
    report, resume = call.values.string("report"), call.values.string("resume")
    return bool(report and resume) and is_same_file(report, resume)


def _writer(call: Invocation) -> AbstractContextManager[ReportWriter | None]:
    from regcopy.batch.report_file import ReportWriter

    path = call.values.string("report")
    if not path:
        return nullcontext()
    return ReportWriter(path, append=_resumes_itself(call))


class _Record:
    """The report file; a full disk does not stop the copies, and is not forgotten either."""

    def __init__(self, call: Invocation, writer: ReportWriter | None) -> None:
        self._call = call
        self._writer = writer
        self._error: StorageFailed | None = None

    def write(self, report: LineReport) -> None:
        if self._writer is None or self._error is not None:
            return
        try:
            self._writer.write(report)
        except StorageFailed as error:
            self._error = error
            self._call.console.log("error", f"the report ends here: {error}", hint=error.hint)

    def check(self) -> None:
        """Raise what went wrong, once all lines have ended."""
        if self._error is not None:
            raise self._error


def _ended(event: LineEvent) -> LineReport | None:
    from regcopy.batch.events import LineEnded

    return event.report if isinstance(event, LineEnded) else None


def _whole(event: LineEvent) -> ListReport | None:
    from regcopy.batch.events import ListEnded

    return event.report if isinstance(event, ListEnded) else None


def _writes_to_stdout(lines: tuple[Line, ...]) -> bool:
    from regcopy.cli.progress import is_standard_output

    return any(is_standard_output(line.destination) for line in lines)


def _leave(
    call: Invocation, report: ListReport, rows: list[LineReport], *, is_stdout_free: bool
) -> None:
    """Write the list of failures, and the summary."""
    path = call.values.string("failures")
    if path:
        write_text(path, failures_text(report), "the failed lines")
    if not call.values.boolean("quiet"):
        text = summary_text(report, rows)
        if is_stdout_free:
            call.console.out(text)
        else:
            call.console.err(text.rstrip("\n"))


def failures_text(report: ListReport) -> str:
    """Give the lines that are not done as a list, with the reasons as comments."""
    reasons = {
        failed.line: f"{failed.failure.error}: {failed.failure.message}"
        for failed in report.failed
        if failed.failure
    }
    return "".join(
        f"# line {line.number}: {reasons.get(line.number, 'not finished')}\n{line}\n"
        for line in report.unfinished
    )
