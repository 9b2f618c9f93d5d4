"""Report files: written, torn, read, merged."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from regcopy.batch import Failure, LineReport, ReportWriter, merge_reports, read_reports
from regcopy.errors import (
    ContentError,
    Forbidden,
    NotFound,
    PolicyRejected,
    StorageFailed,
    Unauthorized,
)
from regcopy.model.digest import Digest

DONE = LineReport(
    line=3,
    source="oci:a",
    destination="dir:b",
    status="done",
    words=("all",),
    how="all",
    digest=str(Digest.of(b"x")),
    platforms=("linux/amd64",),
    bytes_copied=5,
    seconds=1.25,
    ended="2026-01-02T03:04:05.000Z",
)
FAILED = replace(
    DONE,
    status="failed",
    digest="",
    failure=Failure("credentials", "Unauthorized", "no\nway", "log in", "source", 401, ("X",)),
)


def write(path: Path, *reports: LineReport, append: bool = False) -> Path:
    with ReportWriter(str(path), append=append) as writer:
        for report in reports:
            writer.write(report)
    return path


def read(*paths: Path) -> list[LineReport]:
    return [report for path in paths for report in read_reports(str(path))]


def test_what_was_written_is_read(tmp_path: Path) -> None:
    assert read(write(tmp_path / "r", DONE, FAILED)) == [DONE, FAILED]


def test_each_entry_is_there_before_the_next_one(tmp_path: Path) -> None:
    with ReportWriter(str(tmp_path / "r")) as writer:
        writer.write(DONE)
        assert read(tmp_path / "r") == [DONE]


def test_an_old_report_is_replaced(tmp_path: Path) -> None:
    write(tmp_path / "r", DONE, DONE)
    assert read(write(tmp_path / "r", FAILED)) == [FAILED]


def test_a_torn_entry_is_left_out_and_cut_off(tmp_path: Path) -> None:
    path = write(tmp_path / "r", DONE)
    with path.open("ab") as file:
        file.write(b'{"line": 4, "sou')
    assert read(path) == [DONE]
    assert read(write(path, FAILED, append=True)) == [DONE, FAILED]


def test_a_report_that_is_all_torn_is_empty(tmp_path: Path) -> None:
    path = tmp_path / "r"
    path.write_bytes(b'{"line": 4')
    assert read(write(path, append=True)) == []


@pytest.mark.parametrize(
    "entry",
    [
        "x",
        "[]",
        "{}",
        '{"status": "great"}',
        '{"status": ["done"]}',
        '{"status": "done", "line": "3"}',
        '{"status": "done", "line": true}',
        '{"status": "done", "words": [1]}',
        '{"status": "done", "error": {"message": 5}}',
        "[" * 100_000,
    ],
)
def test_what_is_no_report_is_refused(tmp_path: Path, entry: str) -> None:
    (tmp_path / "r").write_text(f"{json.dumps(DONE.to_json())}\n{entry}\n")
    with pytest.raises(ContentError, match="line 2: not an entry of a report"):
        read(tmp_path / "r")


def test_an_entry_without_end_is_refused(tmp_path: Path) -> None:
    (tmp_path / "r").write_bytes(b"x" * 2_000_000)
    with pytest.raises(ContentError):
        read(tmp_path / "r")


def test_a_report_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="does not exist"):
        read(tmp_path / "r")


def test_a_full_disk_is_told() -> None:
    with ReportWriter("/dev/full") as writer, pytest.raises(StorageFailed, match="No space"):
        writer.write(DONE)


def test_a_report_can_go_into_a_pipe() -> None:
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb") as file:
        write(Path(f"/dev/fd/{writer}"), DONE)
        os.close(writer)
        assert json.loads(file.readline())["line"] == 3


def test_the_newest_outcome_of_a_line_is_kept() -> None:
    later = replace(FAILED, ended="2026-01-03T00:00:00.000Z")
    assert merge_reports([later, DONE]) == [later]
    assert merge_reports([DONE, later]) == [later]


def test_a_run_that_did_not_get_to_a_line_changes_nothing() -> None:
    later = replace(DONE, status="stopped", ended="2026-02-01T00:00:00.000Z")
    assert merge_reports([DONE, later]) == [DONE]


def test_merged_reports_have_the_order_of_the_list() -> None:
    first = replace(DONE, line=1, destination="dir:z")
    assert merge_reports([DONE, first]) == [first, DONE]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (Unauthorized("x"), "credentials"),
        (Forbidden("x"), "credentials"),
        (PolicyRejected("x"), "policy"),
        (NotFound("x"), "not-found"),
        (ContentError("x"), "content"),
        (StorageFailed("x"), "transport"),
        (ValueError("x"), "unexpected"),
    ],
)
def test_a_failure_has_a_reason(error: Exception, reason: str) -> None:
    assert Failure.of(error).reason == reason


def test_a_line_can_be_written_into_a_list_again() -> None:
    assert str(FAILED.to_line()) == "oci:a dir:b all"
