"""`report merge`: the reports of several machines and tries, as one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from regcopy.cli.batch_exits import EXIT_CODES, list_exit_code
from regcopy.cli.batch_files import check_writable, write_text
from regcopy.cli.batch_list import read_named_list, tell_bad_list
from regcopy.cli.batch_run import failures_text
from regcopy.cli.batch_summary import summary_text
from regcopy.cli.command import Command, FlagGroup, Invocation
from regcopy.cli.exits import FAILED
from regcopy.cli.flags import CommandLineError, Flag
from regcopy.errors import NotFound, RegcopyError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from regcopy.batch.lines import Line
    from regcopy.batch.report import LineReport

_DESCRIPTION: Final = f"""
Merges reports that `batch --report` wrote, of several parts of a list or several tries of it: of
each line the newest outcome is kept, in the order of the list. The merged report goes to standard
output, or to a file, and then a summary is printed. With --list, lines of the list that no report
knows count as not finished, and a report that does not exist is one of a part that never began.
{EXIT_CODES}
""".strip()


def _run(call: Invocation) -> int:
    from regcopy.batch.report import sum_up
    from regcopy.batch.report_file import merge_reports

    values = call.values
    if len(call.names) < 2 or call.names[0] != "merge":
        from regcopy.cli.help import usage_line

        call.console.err(usage_line(call.program, COMMAND))
        raise CommandLineError("`report merge` needs at least one report")
    for flag, what in (("output", "the report"), ("failures", "the failed lines")):
        if values.string(flag):
            check_writable(values.string(flag), what)
    merged = merge_reports(entry for path in call.names[1:] for entry in _entries(call, path))
    if values.string("list"):
        try:
            lines = read_named_list(values.string("list"))
        except RegcopyError as error:
            return tell_bad_list(call.console, error)
        merged = _completed(merged, lines)
    report = sum_up(merged)
    if values.string("failures"):
        write_text(values.string("failures"), failures_text(report), "the failed lines")
    if values.string("output"):
        write_text(values.string("output"), _text(merged), "the report")
        call.console.out(summary_text(report, report.failed))
    else:
        call.console.out(_text(merged))
    return list_exit_code(report)


def _entries(call: Invocation, path: str) -> Iterator[LineReport]:
    """Read a report; beside the whole list, that of a part which never began may be missing."""
    from regcopy.batch.report_file import read_reports

    try:
        yield from read_reports(path)
    except NotFound as error:
        if not call.values.string("list"):
            raise
        call.console.log("warning", str(error))


def _text(reports: Iterable[LineReport]) -> str:
    import json

    return "".join(
        json.dumps(report.to_json(), ensure_ascii=False, separators=(",", ":")) + "\n"
        for report in reports
    )


def _completed(merged: Sequence[LineReport], lines: Sequence[Line]) -> list[LineReport]:
    """Give one report for each line of the list, and none for others."""
    from regcopy.batch.report import LineReport

    known = {(report.source, report.destination): report for report in merged}
    return [
        known.get(
            (line.source, line.destination),
            LineReport(line.number, line.source, line.destination, "stopped", line.words),
        )
        for line in lines
    ]


COMMAND: Final = Command(
    name="report",
    usage="merge [flags] REPORT…",
    description=_DESCRIPTION,
    examples=(
        "report merge part-1.jsonl part-2.jsonl -o report.jsonl",
        "report merge --list url.txt --failures failed.txt part-*.jsonl -o report.jsonl",
    ),
    groups=(
        FlagGroup(
            "The merged report",
            (
                Flag("output", short="o", metavar="FILE", help="write it to this file"),
                Flag("list", metavar="FILE", help="the whole list, to see what is missing"),
                Flag("failures", metavar="FILE", help="write the lines that are not done"),
            ),
        ),
    ),
    run=_run,
    not_found=FAILED,
)
