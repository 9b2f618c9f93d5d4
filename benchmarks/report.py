"""Results as values, as JSON and as Markdown tables."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Final, TypeVar

from benchmarks.cases import AnyCase, Case, FileCase, ListCase
from benchmarks.processes import Taken
from benchmarks.runs import CopyRun, CopyRuns, Failed, ToolRuns, Unable
from benchmarks.tools import Tool

OURS: Final = "regcopy"
_BEGIN: Final = "<!-- benchmarks: begin -->"
_END: Final = "<!-- benchmarks: end -->"
_MIB: Final = 1024 * 1024
_Run = TypeVar("_Run", CopyRun, Taken)


@dataclass(frozen=True, slots=True)
class StartUp:
    """Runs of a program that does nothing, in seconds; `command` is as typed."""

    command: str
    runs: list[Taken] | Failed


@dataclass(frozen=True, slots=True)
class Results:
    """All that was measured in one run.

    Attributes:
        machine: what it ran on, by name.
        versions: of the tools, by name.
        copies: a case and its runs.
        start_up: the first is the one that the others are compared with.
    """

    machine: Mapping[str, str]
    versions: Mapping[str, str]
    copies: Sequence[tuple[AnyCase, CopyRuns]] = field(default_factory=tuple)
    start_up: Sequence[StartUp] = field(default_factory=tuple)


def describe_machine() -> dict[str, str]:
    """Say what the measurements ran on, without naming the machine."""
    return {
        "processor": _processor(),
        "cores": str(os.cpu_count() or 1),
        "system": f"{_system()}, Linux {platform.release()}",
        "python": platform.python_version(),
    }


def versions_of(tools: Sequence[Tool]) -> dict[str, str]:
    """Give the tools' versions by their names."""
    return {tool.name: tool.version for tool in tools}


def as_document(results: Results) -> dict[str, object]:
    """Give all runs and their medians, ready for JSON; sizes are bytes, times seconds."""
    return {
        "machine": dict(results.machine),
        "versions": dict(results.versions),
        "copies": {
            case.name: {name: _copy_document(done) for name, done in runs.items()}
            for case, runs in results.copies
        },
        "start_up": {entry.command: _start_document(entry) for entry in results.start_up},
    }


def as_markdown(results: Results) -> str:
    """Give a table for each kind of case, below a line about the machine and the versions."""
    machine = results.machine
    about = (
        f"{machine['processor']}, {machine['cores']} cores; {machine['system']}; "
        f"Python {machine['python']}; "
        + ", ".join(f"{name} {version}" for name, version in results.versions.items())
        + "."
    )
    tables = [
        _section("Between registries", _copies_table(results, Case, _REQUESTS)),
        _section("Files", _copies_table(results, FileCase, _SIZES)),
        _section("Lists", _copies_table(results, ListCase, _REQUESTS)),
        _section("Start-up", _start_up_table(results)),
    ]
    return "\n\n".join([about, *(table for table in tables if table)]) + "\n"


def write_between_marks(page: Path, tables: str) -> None:
    """Replace what stands between the two marks of a page.

    Raises:
        ValueError: the page has no such marks.
    """
    text = page.read_text(encoding="utf-8")
    before, begin, rest = text.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise ValueError(f"{page.name} has no marks {_BEGIN} and {_END}")
    page.write_text(f"{before}{_BEGIN}\n\n{tables}\n{_END}{after}", encoding="utf-8")


def _section(title: str, table: str) -> str:
    return f"### {title}\n\n{table}" if table else ""


def _copies_table(results: Results, kind: type[AnyCase], columns: Sequence[_Column]) -> str:
    rows = [
        row
        for case, runs in results.copies
        if isinstance(case, kind)
        for row in _case_rows(case.title, runs, columns)
    ]
    heads = ["case", "program", *(column.head for column in columns)]
    return _table(heads, rows, text_columns=2) if rows else ""


def _case_rows(title: str, runs: CopyRuns, columns: Sequence[_Column]) -> list[list[str]]:
    ours = runs.get(OURS, Unable())
    rows: list[list[str]] = []
    for name, done in runs.items():
        start = [title if not rows else "", name]
        if isinstance(done, Failed):
            rows.append([*start, "failed", *[""] * (len(columns) - 1)])
        elif isinstance(done, Unable):
            rows.append([*start, *["—"] * len(columns)])
        else:
            beside = ours if name != OURS and isinstance(ours, list) else None
            rows.append([*start, *(column.cell(done, beside) for column in columns)])
    return rows


@dataclass(frozen=True, slots=True)
class _Column:
    """One column of a table.

    Attributes:
        cell: makes its text of the runs of a program, and of ours where they are compared.
    """

    head: str
    cell: Callable[[list[CopyRun], list[CopyRun] | None], str]


def _wall(run: CopyRun) -> float:
    return run.taken.wall


def _cpu(run: CopyRun) -> float:
    return run.taken.cpu


def _peak(run: CopyRun) -> float:
    return run.taken.peak_memory


def _size(run: CopyRun) -> float:
    return run.result_bytes


def _value(head: str, measure: Callable[[CopyRun], float], form: str, unit: float = 1) -> _Column:
    return _Column(head, lambda runs, _: format(middle(runs, measure) / unit, form))


def _ratio(what: str, measure: Callable[[CopyRun], float]) -> _Column:
    def cell(runs: list[CopyRun], ours: list[CopyRun] | None) -> str:
        return "" if ours is None else f"{middle(ours, measure) / middle(runs, measure):.2f}"

    return _Column(f"{OURS}'s {what} ÷ this", cell)


def _requests(runs: list[CopyRun], _: list[CopyRun] | None) -> str:
    source = middle(runs, lambda run: run.source_requests)
    destination = middle(runs, lambda run: run.destination_requests)
    return f"{source + destination:.0f} ({source:.0f} + {destination:.0f})"


_TAKEN: Final = (
    _value("wall s", _wall, ".3f"),
    _value("CPU s", _cpu, ".3f"),
    _value("peak MiB", _peak, ".0f", _MIB),
)
_REQUESTS: Final = (
    *_TAKEN,
    _Column("requests (source + destination)", _requests),
    _value("blobs sent", lambda run: run.blobs_sent, ".0f"),
    _ratio("wall", _wall),
    _ratio("CPU", _cpu),
)
_SIZES: Final = (
    *_TAKEN,
    _value("result MB", _size, ".1f", 1e6),
    _ratio("wall", _wall),
    _ratio("CPU", _cpu),
    _ratio("size", _size),
)


def _start_up_table(results: Results) -> str:
    if not results.start_up:
        return ""
    first = results.start_up[0].runs
    base = None if isinstance(first, Failed) else middle(first, lambda run: run.wall)
    rows = []
    for entry in results.start_up:
        if isinstance(entry.runs, Failed):
            rows.append([f"`{entry.command}`", "failed", "", ""])
            continue
        wall = middle(entry.runs, lambda run: run.wall)
        peak = middle(entry.runs, lambda run: run.peak_memory)
        more = "" if base is None else f"{(wall - base) * 1000:+.0f}"
        rows.append([f"`{entry.command}`", f"{wall * 1000:.0f}", more, f"{peak / _MIB:.0f}"])
    return _table(["start-up", "wall ms", "ms more than bare Python", "peak MiB"], rows)


def middle(runs: Sequence[_Run], measure: Callable[[_Run], float]) -> float:
    """Give the median of one measure."""
    return median(measure(run) for run in runs)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], *, text_columns: int = 1) -> str:
    rule = ["---" if n < text_columns else "---:" for n in range(len(heads))]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (heads, rule, *rows))


def _copy_document(done: ToolRuns) -> dict[str, object]:
    if isinstance(done, Unable):
        return {"does_not_apply": True}
    if isinstance(done, Failed):
        return {"failed": done.reason}
    return {
        "median_wall": middle(done, _wall),
        "median_cpu": middle(done, _cpu),
        "median_peak_memory": middle(done, _peak),
        "runs": [asdict(run) for run in done],
    }


def _start_document(entry: StartUp) -> dict[str, object]:
    if isinstance(entry.runs, Failed):
        return {"failed": entry.runs.reason}
    return {
        "median_wall": middle(entry.runs, lambda run: run.wall),
        "runs": [asdict(run) for run in entry.runs],
    }


def _processor() -> str:
    for line in _lines("/proc/cpuinfo"):
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()


def _system() -> str:
    for line in _lines("/etc/os-release"):
        if line.startswith("PRETTY_NAME="):
            return line.partition("=")[2].strip('"')
    return platform.system()


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
