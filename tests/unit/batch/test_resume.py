"""Runs that go on where an earlier one ended."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from regcopy.batch import LineReport, current_digest
from regcopy.testing.samples import multi_platform_image, write_layout
from regcopy.transports.base import Context
from tests.fake_registry import Exchange, FakeRegistry
from tests.lists import layout_lines, run


def earlier(texts: list[str]) -> list[LineReport]:
    return list(run(texts).lines.values())


def test_a_line_that_is_done_costs_one_head(fake: FakeRegistry, tmp_path: Path) -> None:
    layout_lines(tmp_path, 1)
    texts = [f"oci:{tmp_path}/in-0:1 docker://{fake.host}/app:1"]
    reports = earlier(texts)
    before = len(fake.seen)
    report = run(texts, resume=reports).lines[1]
    assert [exchange.method for exchange in fake.seen[before:]] == ["HEAD"]
    assert (report.status, report.resumed, report.already_there) == ("done", True, True)
    assert report.digest == reports[0].digest


def test_the_source_of_a_line_that_is_done_is_not_read(tmp_path: Path) -> None:
    texts = layout_lines(tmp_path, 1).texts
    reports = earlier(texts)
    shutil.rmtree(tmp_path / "in-0")
    assert run(texts, resume=reports).statuses() == ["done"]


def test_a_line_whose_copy_has_gone_is_done_again(tmp_path: Path) -> None:
    texts = layout_lines(tmp_path, 1).texts
    reports = earlier(texts)
    shutil.rmtree(tmp_path / "out-0")
    report = run(texts, resume=reports).lines[1]
    assert (report.status, report.resumed) == ("done", False)


def test_a_line_whose_copy_was_replaced_is_done_again(tmp_path: Path) -> None:
    texts = layout_lines(tmp_path, 2).texts
    reports = [replace(one, digest=other.digest) for one, other in pairs(earlier(texts))]
    assert [one.resumed for one in run(texts, resume=reports).lines.values()] == [False, False]


def pairs(reports: list[LineReport]) -> list[tuple[LineReport, LineReport]]:
    return list(zip(reports, reversed(reports), strict=True))


def test_a_line_that_wants_other_images_now_is_done_again(tmp_path: Path) -> None:
    write_layout(multi_platform_image(), tmp_path / "in", "1")
    text = f"oci:{tmp_path}/in:1 dir:{tmp_path}/out"
    report = run([f"{text} all"], resume=earlier([text])).lines[1]
    assert (report.status, report.resumed, report.how) == ("done", False, "all")


@pytest.mark.parametrize("status", ["failed", "stopped", "would-copy"])
def test_only_what_was_done_counts(tmp_path: Path, status: str) -> None:
    texts = layout_lines(tmp_path, 1).texts
    [report] = earlier(texts)
    changed = replace(report, status=status)  # type: ignore[arg-type]
    assert not run(texts, resume=[changed]).lines[1].resumed


def test_a_place_that_cannot_be_asked_is_left_to_the_copy(
    fake: FakeRegistry, tmp_path: Path
) -> None:
    layout_lines(tmp_path, 1)
    texts = [f"oci:{tmp_path}/in-0:1 docker://{fake.host}/app:1"]
    reports = earlier(texts)

    def denied(exchange: Exchange) -> bool:
        exchange.answer(403)
        return True

    fake.on("HEAD", "manifests", denied)
    report = run(texts, resume=reports).lines[1]
    assert (report.status, report.resumed) == ("done", False)


def test_asking_begins_nothing(tmp_path: Path, destination_context: Context) -> None:
    assert current_digest(f"oci:{tmp_path}/new:1", destination_context) is None
    assert not (tmp_path / "new").exists()
