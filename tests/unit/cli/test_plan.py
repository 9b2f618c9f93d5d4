"""`plan` and `report merge`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.command_line import run_cli
from tests.fake_registry import FakeRegistry
from tests.faults import refuse
from tests.lists import layout_lines


def test_a_plan_shows_the_size_of_each_part(tmp_path: Path) -> None:
    path = layout_lines(tmp_path, 6).write(tmp_path / "list")
    ended = run_cli("plan", str(path), "--shards", "3")
    rows = [row.split() for row in ended.out.splitlines()]
    assert rows[0] == ["PART", "IMAGES", "BYTES"]
    assert [row[0] for row in rows[1:]] == ["1/3", "2/3", "3/3", "all"]
    assert [row[1] for row in rows[1:]] == ["2", "2", "2", "6"]


def test_a_plan_as_json_names_the_lines_of_each_part(tmp_path: Path) -> None:
    path = layout_lines(tmp_path, 6).write(tmp_path / "list")
    plan = json.loads(run_cli("plan", str(path), "--shards", "3", "--json").out)
    assert sorted(line for part in plan["parts"] for line in part["lines"]) == list(range(1, 7))
    assert plan["bytes"] == sum(part["bytes"] for part in plan["parts"]) > 0
    assert [part["shard"] for part in plan["parts"]] == ["1/3", "2/3", "3/3"]


def test_lines_of_unknown_size_are_told(tmp_path: Path) -> None:
    path = layout_lines(tmp_path, 1).write(tmp_path / "list", ["oci:nothing dir:nowhere"])
    ended = run_cli("plan", str(path), "--shards", "1", "--json")
    assert (ended.code, json.loads(ended.out)["unknown"]) == (0, 1)
    assert [line.message for line in ended.log] == ["line 2: the source cannot be read"]


def test_a_host_that_is_dead_does_not_hinder_a_plan(fake: FakeRegistry, tmp_path: Path) -> None:
    fake.on("GET", "manifests", refuse(503, "UNAVAILABLE"), forever=True)
    line = f"docker://{fake.host}/app:1 dir:nowhere"
    path = layout_lines(tmp_path, 1).write(tmp_path / "list", [line])
    flags = ("--src-tls-verify=false", "--retry-times", "0")
    ended = run_cli("plan", str(path), "--shards", "1", "--json", *flags)
    assert (ended.code, json.loads(ended.out)["unknown"]) == (0, 1)


@pytest.mark.parametrize(
    ("flags", "code", "message"),
    [
        ((), 1, "--shards must be a number from 1 to 10000"),
        (("--shards", "0"), 1, "--shards must be a number from 1 to 10000"),
        (("--shards", "2", "--jobs", "0"), 1, "--jobs must be"),
        (("--shards", "2"), 5, "1 line of the list is bad; nothing was attempted"),
    ],
)
def test_what_cannot_be_planned_is_told(
    tmp_path: Path, flags: tuple[str, ...], code: int, message: str
) -> None:
    (tmp_path / "list").write_text("one")
    ended = run_cli("plan", str(tmp_path / "list"), *flags)
    assert ended.code == code
    assert message in ended.fatal


def reports(tmp_path: Path) -> tuple[Path, list[str]]:
    """Copy a list of five in two parts, of which the second did not run."""
    missing = f"oci:{tmp_path}/no dir:{tmp_path}/x"
    path = layout_lines(tmp_path, 4).write(tmp_path / "list", [missing])
    for name, shard in (("a", "1/2"), ("b", "2/2")):
        run_cli("batch", str(path), "--shard", shard, "--report", str(tmp_path / name))
    return path, [str(tmp_path / "a"), str(tmp_path / "b")]


def test_reports_of_all_parts_become_one_in_the_order_of_the_list(tmp_path: Path) -> None:
    _, parts = reports(tmp_path)
    ended = run_cli("report", "merge", *parts)
    merged = [json.loads(line) for line in ended.out.splitlines()]
    assert [entry["line"] for entry in merged] == [1, 2, 3, 4, 5]
    assert ended.code == 3


def test_a_merged_report_in_a_file_leaves_room_for_a_summary(tmp_path: Path) -> None:
    _, parts = reports(tmp_path)
    ended = run_cli("report", "merge", *parts, "-o", str(tmp_path / "all"))
    assert "5 images: 4 done, 1 failed" in ended.out
    assert len((tmp_path / "all").read_text().splitlines()) == 5


def test_lines_that_no_report_knows_are_not_finished(tmp_path: Path) -> None:
    path, parts = reports(tmp_path)
    failures = tmp_path / "failed"
    flags = ("--list", str(path), "--failures", str(failures), "-o", str(tmp_path / "all"))
    ended = run_cli("report", "merge", *flags, parts[0])
    known = len(Path(parts[0]).read_text().splitlines())
    assert f"{5 - known} not finished" in ended.out
    assert ended.code == 3
    assert failures.read_text().count(": not finished\n") == 5 - known


def test_a_part_that_never_began_has_no_report(tmp_path: Path) -> None:
    path, parts = reports(tmp_path)
    Path(parts[1]).unlink()
    alone, with_list = ("report", "merge", *parts), ("--list", str(path), "-o", f"{tmp_path}/all")
    assert run_cli(*alone).code == 1
    ended = run_cli(*alone, *with_list)
    assert ended.code == 3
    assert [line.message for line in ended.log] == [f"the report {parts[1]} does not exist"]


@pytest.mark.parametrize("arguments", [(), ("merge",), ("split", "x")])
def test_merging_needs_reports(arguments: tuple[str, ...]) -> None:
    ended = run_cli("report", *arguments)
    assert (ended.code, ended.fatal) == (1, "`report merge` needs at least one report")


def test_what_is_no_report_is_told(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("x\n")
    ended = run_cli("report", "merge", str(tmp_path / "x"))
    assert ended.code == 1
    assert ended.fatal.endswith("x, line 1: not an entry of a report")
