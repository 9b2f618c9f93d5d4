"""Tables and JSON of the benchmarks, from values."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.cases import CASES, FILE_CASES, LIST_CASES
from benchmarks.processes import Taken
from benchmarks.report import Results, StartUp, as_document, as_markdown, write_between_marks
from benchmarks.runs import CopyRun, CopyRuns, Failed, Unable

MACHINE = {"processor": "A", "cores": "2", "system": "B", "python": "3.11.2"}


def copy_run(wall: float, *, cpu: float = 1.0, result: int = 0) -> CopyRun:
    taken = Taken(wall, cpu, 20 * 1024 * 1024)
    return CopyRun(taken, 5, 9, blobs_sent=4, result_bytes=result)


def results_of(runs: CopyRuns) -> Results:
    return Results(MACHINE, {"regcopy": "0.1"}, [(CASES[0], runs)])


def test_a_peer_has_the_ratio_of_the_medians() -> None:
    ours = [copy_run(wall, cpu=2.0) for wall in (1.0, 9.0, 2.0)]
    theirs = [copy_run(wall, cpu=1.0) for wall in (4.0, 3.0, 4.0)]
    table = as_markdown(results_of({"regcopy": ours, "skopeo": theirs}))
    title = CASES[0].title
    assert f"| {title} | regcopy | 2.000 | 2.000 | 20 | 14 (5 + 9) | 4 |  |  |\n" in table
    assert "|  | skopeo | 4.000 | 1.000 | 20 | 14 (5 + 9) | 4 | 0.50 | 2.00 |\n" in table


def test_a_program_that_failed_has_a_row_and_no_ratio() -> None:
    table = as_markdown(results_of({"regcopy": Failed("exit 1"), "skopeo": [copy_run(1.0)]}))
    assert "| regcopy | failed |  |  |  |  |  |  |\n" in table
    assert "| skopeo | 1.000 | 1.000 | 20 | 14 (5 + 9) | 4 |  |  |\n" in table


def test_files_are_compared_by_the_size_of_the_result() -> None:
    runs: CopyRuns = {
        "regcopy": [copy_run(1.0, result=11_000_000)],
        "skopeo": [copy_run(4.0, result=10_000_000)],
        "crane": Unable(),
    }
    table = as_markdown(Results(MACHINE, {}, [(FILE_CASES[0], runs)]))
    assert f"| {FILE_CASES[0].title} | regcopy | 1.000 | 1.000 | 20 | 11.0 |  |  |  |\n" in table
    assert "|  | skopeo | 4.000 | 1.000 | 20 | 10.0 | 0.25 | 1.00 | 1.10 |\n" in table
    assert "|  | crane | — | — | — | — | — | — | — |\n" in table


def test_each_kind_of_case_has_a_table_of_its_own() -> None:
    runs: CopyRuns = {"regcopy": [copy_run(1.0)]}
    copies = [(case, runs) for case in (LIST_CASES[0], FILE_CASES[0], CASES[0])]
    table = as_markdown(Results(MACHINE, {}, copies))
    heads = [line for line in table.splitlines() if line.startswith("### ")]
    assert heads == ["### Between registries", "### Files", "### Lists"]
    parts = table.split("### ")[1:]
    titles = [case.title for case in (CASES[0], FILE_CASES[0], LIST_CASES[0])]
    assert all(f"| {title} |" in part for title, part in zip(titles, parts, strict=True))


def test_start_up_is_compared_with_the_first_program() -> None:
    entries = [
        StartUp("python -c pass", [Taken(0.010, 0.01, 9 * 1024 * 1024)]),
        StartUp("regcopy --version", [Taken(0.052, 0.05, 13 * 1024 * 1024)]),
        StartUp("regctl version", Failed("exit 1")),
    ]
    table = as_markdown(Results(MACHINE, {}, start_up=entries))
    assert "| `regcopy --version` | 52 | +42 | 13 |\n" in table
    assert "| `regctl version` | failed |  |  |\n" in table


def test_the_document_has_every_run_and_why_a_program_failed() -> None:
    runs: CopyRuns = {
        "regcopy": Failed("exit 1"),
        "skopeo": [copy_run(1.0), copy_run(3.0)],
        "crane": Unable(),
    }
    document = json.loads(json.dumps(as_document(results_of(runs))))
    small = document["copies"]["small"]
    assert small["regcopy"] == {"failed": "exit 1"}
    assert small["crane"] == {"does_not_apply": True}
    assert small["skopeo"]["median_wall"] == 2.0
    assert [run["taken"]["wall"] for run in small["skopeo"]["runs"]] == [1.0, 3.0]


def test_tables_replace_what_stands_between_the_marks(tmp_path: Path) -> None:
    page = tmp_path / "README.md"
    page.write_text("a\n<!-- benchmarks: begin -->\nold\n<!-- benchmarks: end -->\nb\n")
    write_between_marks(page, "new\n")
    write_between_marks(page, "newer\n")
    marks = ("<!-- benchmarks: begin -->", "<!-- benchmarks: end -->")
    assert page.read_text() == f"a\n{marks[0]}\n\nnewer\n\n{marks[1]}\nb\n"


def test_a_page_without_marks_stays_as_it_is(tmp_path: Path) -> None:
    page = tmp_path / "README.md"
    page.write_text("no marks\n")
    with pytest.raises(ValueError, match="no marks"):
        write_between_marks(page, "new\n")
    assert page.read_text() == "no marks\n"
