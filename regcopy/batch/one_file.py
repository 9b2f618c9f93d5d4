"""Lines whose destinations are images in one file: it appears with all of them, or not at all.

A file that lacks an image would look complete to whoever takes it along. And it could not be
completed: a line that is run again writes the file anew, or is refused because it is there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from regcopy.batch.lines import Line
from regcopy.batch.one_line import HowToCopy, blank_of, copy_line, resumed_line
from regcopy.batch.outcome import at_its_end, failed, stopped
from regcopy.batch.report import LineReport
from regcopy.errors import Cancelled, UsageError, located
from regcopy.events import Observer, Silent
from regcopy.session import Session
from regcopy.transports import parse_reference
from regcopy.transports.abilities import JointFile, SharesFile


class FilesOfLines:
    """Tells which file a line writes into; asks each transport only once whether it has any."""

    def __init__(self) -> None:
        self._have_files: dict[str, bool] = {}

    def find(self, line: Line) -> str:
        """Give the file that other lines may write into as well, or ""."""
        transport = line.destination.partition(":")[0]
        if not self._have_files.get(transport, True):
            return ""
        try:
            place = parse_reference(line.destination)
        except UsageError:
            return ""  # the copy of the line will say so
        self._have_files[transport] = isinstance(place, SharesFile)
        return place.file if isinstance(place, SharesFile) else ""


def put_together(lines: Iterable[Line]) -> list[tuple[Line, ...]]:
    """Group the lines of one file; every other line is a group of its own.

    The groups are in the order of their first lines.
    """
    files = FilesOfLines()
    groups: dict[str, list[Line]] = {}
    for line in lines:
        file = files.find(line)
        groups.setdefault((file and f"file {file}") or f"line {line.number}", []).append(line)
    return [tuple(group) for group in groups.values()]


def copy_together(
    session: Session,
    lines: Sequence[Line],
    how: HowToCopy,
    observe: Callable[[Line], Observer],
    *,
    max_failures: int = 0,
) -> list[LineReport]:
    """Write a file with the images of all lines, one after another.

    Once a line has failed, the others are only looked at, so that all that is wrong is told at
    once; and not even that after so many failures as are allowed.

    Args:
        session: what is opened in it finds the file.
        lines: all that write into the file.
        how: what holds for all lines.
        observe: told of each line that is begun to be copied, and gives its observer.
        max_failures: 0 for no limit.

    Returns:
        of each line; all of them are done, or none is.
    """
    began = time.monotonic()
    try:
        reports = _all_resumed(session, lines, how)
        if not reports:
            anew = replace(how, done_before={})
            reports = _write(session, lines, anew, observe, max_failures=max_failures)
    except Exception as error:  # noqa: BLE001 — one file must not end the others
        return [at_its_end(_undone(line, how, error), began) for line in lines]
    return reports if _are_done(reports) else _none_done(lines, how, reports)


def _write(
    session: Session,
    lines: Sequence[Line],
    how: HowToCopy,
    observe: Callable[[Line], Observer],
    *,
    max_failures: int,
) -> list[LineReport]:
    reports: list[LineReport] = []
    failures, is_whole = 0, True
    with _open_file(session, lines[0], how) as file:
        for line in lines:
            if 0 < max_failures <= failures:
                reports.append(stopped(blank_of(line, how)))
                continue
            if is_whole:
                report = copy_line(session, line, how, observe(line))
            else:
                report = copy_line(session, line, replace(how, dry_run=True), Silent())
            failures += report.status == "failed"
            is_whole = is_whole and report.status == "done"
            reports.append(report)
        if is_whole:
            with located(side="destination", reference=lines[0].destination):
                file.publish()
    return reports


def _open_file(session: Session, line: Line, how: HowToCopy) -> JointFile:
    place = parse_reference(line.destination)
    if not isinstance(place, SharesFile):
        raise TypeError(f"{place.transport} has no files of several images")
    context = session.context(line.options.destination(how.destination), "destination")
    with located(side="destination", reference=f"{place.transport}:{place.file}"):
        return place.open_file(context)


def _all_resumed(session: Session, lines: Sequence[Line], how: HowToCopy) -> list[LineReport]:
    """Reports of lines that an earlier run has done, if that is all of them."""
    reports: list[LineReport] = []
    for line in lines:
        began = time.monotonic()
        report = resumed_line(session, line, how, blank_of(line, how))
        if report is None:
            return []
        reports.append(at_its_end(report, began))
    return reports


def _are_done(reports: Iterable[LineReport]) -> bool:
    return all(report.status == "done" for report in reports)


def _undone(line: Line, how: HowToCopy, error: Exception) -> LineReport:
    blank = blank_of(line, how)
    return stopped(blank) if isinstance(error, Cancelled) else failed(blank, error)


def _none_done(
    lines: Sequence[Line], how: HowToCopy, reports: Sequence[LineReport]
) -> list[LineReport]:
    """Say of lines that did not fail themselves that they are not done either."""
    first = next((report for report in reports if report.failure), None)
    because = None
    if first and first.failure and not any(report.status == "stopped" for report in reports):
        because = replace(
            first.failure,
            message=f"its file is not written, because line {first.line} failed",
            hint=f"mend line {first.line}, or take it out; then run all lines of this file again",
        )
    return [
        report
        if report.failure
        # Without what was done, since nothing of it is there.
        else replace(
            blank_of(line, how),
            status="failed" if because else "stopped",
            failure=because,
            tries=report.tries,
            seconds=report.seconds,
            ended=report.ended,
        )
        for line, report in zip(lines, reports, strict=True)
    ]
