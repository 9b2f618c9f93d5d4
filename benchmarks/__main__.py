"""The command: measure, print the tables, and write them where asked."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.cases import (
    CASES,
    FILE_CASES,
    LIST_CASES,
    START_UP,
    AnyCase,
    FileCase,
    case_names,
)
from benchmarks.file_runs import file_source, layers_of_this_machine, run_file_case
from benchmarks.list_runs import run_list_case
from benchmarks.report import (
    Results,
    StartUp,
    as_document,
    as_markdown,
    describe_machine,
    versions_of,
    write_between_marks,
)
from benchmarks.runs import CopyRuns, Failed, run_bare, run_case
from benchmarks.tools import Tool, find_tools
from tests.servers import ServerMissing, program

_PAGE: Final = Path(__file__).with_name("README.md")
# Start-up takes milliseconds, so many runs cost little and steady the median.
_BARE_RUNS: Final = 5


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the measurements that the arguments ask for."""
    wanted = _parser().parse_args(arguments)
    try:
        program("docker-registry", package="docker-registry")
    except ServerMissing as missing:
        print(missing, file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="benchmark-tools-") as folder:
        tools = find_tools(Path(folder), wanted.tools)
        results = _measure(tools, wanted.only or case_names(), runs=wanted.runs)
    tables = as_markdown(results)
    print(tables, end="")
    if wanted.json is not None:
        wanted.json.write_text(json.dumps(as_document(results), indent=2) + "\n")
    if wanted.write:
        write_between_marks(_PAGE, tables)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Compare regcopy with skopeo, crane and regctl where they are on PATH.",
    )
    parser.add_argument("--runs", type=_positive, default=5, help="runs of each copy (default 5)")
    parser.add_argument(
        "--only", action="append", choices=case_names(), metavar="CASE", help=_only_help()
    )
    parser.add_argument(
        "--tools", nargs="+", default=[], metavar="NAME", help="only these programs"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all runs as JSON")
    parser.add_argument(
        "--write", action="store_true", help="put the tables into benchmarks/README.md"
    )
    return parser


def _only_help() -> str:
    return f"only this case, repeatable: {', '.join(case_names())}"


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


def _measure(tools: Sequence[Tool], names: Sequence[str], *, runs: int) -> Results:
    copies = [
        _told(case, partial(run_case, case, tools, runs=runs))
        for case in CASES
        if case.name in names
    ]
    copies += _measure_files([case for case in FILE_CASES if case.name in names], tools, runs=runs)
    copies += [
        _told(case, partial(run_list_case, case, tools, runs=runs))
        for case in LIST_CASES
        if case.name in names
    ]
    start_up = _measure_start_up(tools, runs=runs * _BARE_RUNS) if START_UP in names else []
    return Results(describe_machine(), versions_of(tools), copies, start_up)


def _measure_files(
    cases: Sequence[FileCase], tools: Sequence[Tool], *, runs: int
) -> list[tuple[AnyCase, CopyRuns]]:
    if not cases:
        return []
    _say("making an image of the files of this machine …")
    with file_source(layers_of_this_machine()) as source:
        return [
            _told(case, partial(run_file_case, case, source, tools, runs=runs)) for case in cases
        ]


def _told(case: AnyCase, run: Callable[[], CopyRuns]) -> tuple[AnyCase, CopyRuns]:
    """Run a case, and say on standard error that it is run, and what failed."""
    _say(f"{case.name} …")
    runs = run()
    for name, done in runs.items():
        if isinstance(done, Failed):
            _say(f"  {name} failed: {done.reason}")
    return case, runs


def _measure_start_up(tools: Sequence[Tool], *, runs: int) -> list[StartUp]:
    _say(f"{START_UP} …")
    python = Tool("python", "", sys.executable, lambda _: [], bare=(("-c", "pass"),))
    return [
        StartUp(" ".join([tool.name, *arguments]), run_bare(tool, arguments, runs=runs))
        for tool in (python, *tools)
        for arguments in tool.bare
    ]


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _end(*_: object) -> None:
    """Leave as from any error: registries are ended, and folders removed."""
    sys.exit(128 + signal.SIGTERM)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _end)
    sys.exit(main())
