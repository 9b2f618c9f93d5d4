"""Lists that are copied: what becomes of the lines, in which order, and how a run ends."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from regcopy.batch import (
    BadList,
    LineAdvanced,
    LineEnded,
    LineStarted,
    ListEnded,
    ListStarted,
    RequestRepeated,
    copy_many,
    parse_list,
)
from regcopy.batch.report import LineReport
from regcopy.errors import UsageError
from regcopy.events import BlobDone
from regcopy.testing.samples import FOUR_PLATFORMS, multi_platform_image, write_layout
from tests.fake_registry import Exchange, FakeRegistry
from tests.lists import QUICK, is_copied, layout_lines, run


def unavailable(exchange: Exchange) -> bool:
    exchange.error(503, "UNAVAILABLE")
    return True


def test_every_image_of_a_list_is_copied(tmp_path: Path) -> None:
    lines = layout_lines(tmp_path, 5)
    ran = run(lines.texts)
    assert ran.statuses() == ["done"] * 5
    assert all(is_copied(image, tmp_path / f"out-{n}") for n, image in enumerate(lines.images))


def test_a_line_that_fails_stops_no_other(tmp_path: Path) -> None:
    lines = layout_lines(tmp_path, 4)
    lines.texts.insert(2, f"oci:{tmp_path}/nothing dir:{tmp_path}/none")
    ran = run(lines.texts, jobs=1)
    assert ran.statuses() == ["done", "done", "failed", "done", "done"]
    [failed] = ran.report.failed
    assert failed.failure
    assert (failed.failure.reason, failed.failure.error) == ("not-found", "NotFound")
    assert failed.failure.side == "source"


def test_nothing_is_begun_when_a_line_is_bad(tmp_path: Path) -> None:
    lines = layout_lines(tmp_path, 1)
    with pytest.raises(BadList, match="line 2"):
        copy_many([*lines.texts, "one"])
    assert not (tmp_path / "out-0").exists()


def test_the_reports_have_digests_bytes_and_platforms(tmp_path: Path) -> None:
    image = multi_platform_image()
    write_layout(image, tmp_path / "in", "1")
    ran = run([f"oci:{tmp_path}/in:1 dir:{tmp_path}/out all"])
    report = ran.lines[1]
    assert report.digest == report.source_digest == str(image.top.digest)
    assert report.bytes_copied == sum(len(blob) for blob in image.blobs.values())
    assert report.platforms == tuple(str(platform) for platform in FOUR_PLATFORMS)
    assert (report.narrowed_to, report.how) == ("", "all")


@pytest.mark.parametrize("dry_run", [False, True])
def test_an_index_that_was_narrowed_says_to_what(tmp_path: Path, dry_run: bool) -> None:
    write_layout(multi_platform_image(), tmp_path / "in", "1")
    ran = run([f"oci:{tmp_path}/in:1 dir:{tmp_path}/out"], dry_run=dry_run)
    assert ran.lines[1].narrowed_to.startswith("linux/")
    assert ran.report.narrowed == 1


def test_events_come_in_order(tmp_path: Path) -> None:
    events = run(layout_lines(tmp_path, 1).texts).events
    kinds = [type(event) for event in events]
    assert kinds[:2] == [ListStarted, LineStarted]
    assert set(kinds[2:-2]) == {LineAdvanced}
    assert kinds[-2:] == [LineEnded, ListEnded]
    inner = [event.event for event in events if isinstance(event, LineAdvanced)]
    assert sum(isinstance(event, BlobDone) for event in inner) == 3


def test_a_limit_of_failures_begins_nothing_new(tmp_path: Path) -> None:
    missing = [f"oci:{tmp_path}/nothing dir:{tmp_path}/none-{n}" for n in range(3)]
    ran = run([*missing, *layout_lines(tmp_path, 2).texts], jobs=1, max_failures=2)
    assert ran.statuses() == ["failed", "failed"]
    assert [line.number for line in ran.report.stopped] == [3, 4, 5]
    assert ran.report.lines == 5


def test_an_empty_list_is_no_failure() -> None:
    ran = run([])
    assert (ran.report.lines, ran.report.failed) == (0, ())


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    ran = run(layout_lines(tmp_path, 2).texts, dry_run=True)
    assert ran.statuses() == ["would-copy"] * 2
    assert ran.lines[1].bytes_copied > 0
    assert not (tmp_path / "out-0").exists()


def test_a_stopped_run_tells_what_was_not_finished(tmp_path: Path) -> None:
    lines = layout_lines(tmp_path, 3)
    cancelled = threading.Event()
    cancelled.set()
    ran = run(lines.texts, cancelled=cancelled)
    assert ran.lines == {}
    assert [str(line) for line in ran.report.stopped] == lines.texts


def test_leaving_early_stops_the_copies(fake: FakeRegistry, tmp_path: Path) -> None:
    cancelled, asked = threading.Event(), threading.Event()

    def hang(_: Exchange) -> bool:
        asked.set()
        cancelled.wait(20)
        return False

    fake.on("GET", "manifests", hang, forever=True)
    texts = [f"docker://{fake.host}/app:{n} dir:{tmp_path}/{n}" for n in range(9)]
    events = copy_many(texts, source_access=QUICK, jobs=2, cancelled=cancelled)
    assert isinstance(next(events), ListStarted)
    assert isinstance(next(events), LineStarted)
    assert asked.wait(20)
    events.close()
    assert cancelled.is_set()
    assert len(fake.asked("GET", "manifests")) <= 2


def test_a_bug_in_one_line_is_told_and_stops_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> LineReport:
        raise RuntimeError("secret")

    monkeypatch.setattr("regcopy.batch.one_line._do", broken)
    ran = run(layout_lines(tmp_path, 2).texts)
    failure = ran.lines[1].failure
    assert failure
    assert (failure.reason, failure.message) == ("unexpected", "unexpected RuntimeError")
    assert ran.statuses() == ["failed", "failed"]


def test_repeated_requests_are_told(fake: FakeRegistry, tmp_path: Path) -> None:
    fake.hold(layout_lines(tmp_path, 1).images[0], "app", "1")
    fake.on("GET", "manifests", unavailable)
    ran = run([f"docker://{fake.host}/app:1 dir:{tmp_path}/out"])
    assert ran.statuses() == ["done"]
    assert sum(isinstance(event, RequestRepeated) for event in ran.events) == 1
    assert ran.report.repeated_requests == 1


def test_each_line_has_a_budget_of_retries_of_its_own(fake: FakeRegistry, tmp_path: Path) -> None:
    for number, image in enumerate(layout_lines(tmp_path, 4).images):
        fake.hold(image, "app", f"{number}")
        fake.on("GET", f"manifests/{number}", unavailable)
    access = replace(QUICK, retry=replace(QUICK.retry, budget=1))
    ran = run(
        [f"docker://{fake.host}/app:{n} dir:{tmp_path}/out-{n}" for n in range(4)],
        jobs=1,
        access=access,
    )
    assert ran.statuses() == ["done"] * 4


@pytest.mark.parametrize("jobs", [0, -1, 257])
def test_an_impossible_number_of_jobs_is_refused(jobs: int) -> None:
    with pytest.raises(UsageError, match="jobs at once"):
        copy_many([], jobs=jobs)


def test_lines_of_two_lists_are_refused() -> None:
    [one] = parse_list(["oci:a dir:b"])
    [other] = parse_list(["oci:c dir:d"])
    with pytest.raises(UsageError, match="two lines have one number"):
        copy_many([one, other])


@pytest.mark.parametrize("given", [[("dir:a", "dir:b")], [Path("a")], "dir:a dir:b"])
def test_what_is_no_list_of_lines_is_refused(given: Iterable[str]) -> None:
    with pytest.raises(UsageError, match="list"):
        copy_many(given)


def test_a_repository_that_must_be_made_first_is_named(fake: FakeRegistry, tmp_path: Path) -> None:
    def unknown(exchange: Exchange) -> bool:
        list(exchange.body())
        exchange.error(404, "NAME_UNKNOWN")
        return True

    for method in ("POST", "HEAD"):
        fake.on(method, "blobs", unknown, forever=True)
    layout_lines(tmp_path, 1)
    ran = run([f"oci:{tmp_path}/in-0:1 docker://{fake.host}/team/new:1"])
    failure = ran.lines[1].failure
    assert failure
    assert failure.hint == f"the repository {fake.host}/team/new may have to be created first"
    assert failure.codes == ("NAME_UNKNOWN",)
