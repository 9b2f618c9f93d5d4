"""Lines of a list that write into one archive."""

from __future__ import annotations

import os
import tarfile
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from regcopy.api import get_manifest, list_tags
from regcopy.batch import (
    BadList,
    Estimate,
    Line,
    LineReport,
    LineStarted,
    Shard,
    copy_many,
    parse_list,
    part_by_hash,
    split_by_bytes,
)
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.manifest import ImageManifest, RawManifest, parse_manifest
from regcopy.testing.samples import SampleImage, single_image, write_layout
from regcopy.transports import parse_reference
from regcopy.transports.base import RetryPolicy
from tests.fake_registry import Exchange, FakeRegistry
from tests.hand_copy import read_image
from tests.lists import QUICK, Ran, family, run

KINDS = ["docker-archive", "oci-archive"]


def lines_into(kind: str, folder: Path, images: list[SampleImage]) -> list[str]:
    """Put images into layouts, and write the lines that bring them into one archive."""
    for number, image in enumerate(images):
        write_layout(image, folder / f"in-{number}", "1")
    return [f"oci:{folder}/in-{n}:1 {kind}:{folder}/all.tar:app:{n}" for n in range(len(images))]


def reports(ran: Ran) -> list[LineReport]:
    return [ran.lines[number] for number in sorted(ran.lines)]


def config(manifest: RawManifest) -> Descriptor:
    """The config that a manifest names; it is the same in both kinds of archive."""
    parsed = parse_manifest(manifest)
    assert isinstance(parsed, ImageManifest)
    assert parsed.config
    return parsed.config


@pytest.mark.parametrize("kind", KINDS)
def test_one_archive_has_the_images_of_all_lines(tmp_path: Path, kind: str) -> None:
    images = family(3)
    ran = run(lines_into(kind, tmp_path, images))
    assert ran.statuses() == ["done"] * 3
    for number, image in enumerate(images):
        place = f"{kind}:{tmp_path}/all.tar:app:{number}"
        assert config(get_manifest(place)).digest == config(image.top).digest
        assert len(read_image(parse_reference(place)).blobs) == len(image.blobs)


def test_an_image_in_a_layout_is_what_it_was(tmp_path: Path) -> None:
    images = family(3)
    ran = run(lines_into("oci-archive", tmp_path, images))
    assert [report.digest for report in reports(ran)] == [str(image.top.digest) for image in images]
    found = [
        read_image(parse_reference(f"oci-archive:{tmp_path}/all.tar:app:{n}")) for n in range(3)
    ]
    assert [one.blobs for one in found] == [image.blobs for image in images]


def test_the_images_have_their_names_in_the_order_of_the_lines(tmp_path: Path) -> None:
    run(lines_into("docker-archive", tmp_path, family(3)))
    names = list(list_tags(f"docker-archive:{tmp_path}/all.tar"))
    assert names == [f"docker.io/library/app:{number}" for number in range(3)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_layer_that_images_share_is_in_the_archive_once(tmp_path: Path, kind: str) -> None:
    ran = run(lines_into(kind, tmp_path, family(3)))
    with tarfile.open(tmp_path / "all.tar") as archive:
        names = archive.getnames()
    assert len(names) == len(set(names))
    assert all(report.bytes_reused > 500 for report in reports(ran)[1:])


def test_one_image_under_two_names_is_one_entry(tmp_path: Path) -> None:
    write_layout(family(1)[0], tmp_path / "in", "1")
    run([f"oci:{tmp_path}/in:1 docker-archive:{tmp_path}/all.tar:app:{n}" for n in "ab"])
    with tarfile.open(tmp_path / "all.tar") as archive:
        found = archive.extractfile("manifest.json")
        assert found
        content = found.read()
    assert content.count(b'"Config"') == 1
    assert b'["docker.io/library/app:a","docker.io/library/app:b"]' in content


def test_the_same_lines_make_the_same_bytes(tmp_path: Path) -> None:
    texts = lines_into("oci-archive", tmp_path, family(3))
    run(texts, jobs=1)
    first = (tmp_path / "all.tar").read_bytes()
    run(texts, jobs=4)
    assert (tmp_path / "all.tar").read_bytes() == first


@pytest.mark.parametrize("kind", KINDS)
def test_if_one_line_fails_there_is_no_archive_and_all_of_its_lines_fail(
    tmp_path: Path, kind: str
) -> None:
    texts = lines_into(kind, tmp_path, family(3))
    texts[1] = f"oci:{tmp_path}/nothing:1 {kind}:{tmp_path}/all.tar:app:1"
    ran = run([*texts, f"oci:{tmp_path}/in-0:1 dir:{tmp_path}/other"])
    assert ran.statuses() == ["failed", "failed", "failed", "done"]
    assert not (tmp_path / "all.tar").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in-0", "in-1", "in-2", "other"]
    failures = [report.failure for report in reports(ran)[:3]]
    assert [failure.reason for failure in failures if failure] == ["not-found"] * 3
    assert failures[0]
    assert failures[0].message == "its file is not written, because line 2 failed"
    assert "line 2" in failures[0].hint


def test_all_that_is_wrong_is_told_at_once_and_no_more_layers_are_read(tmp_path: Path) -> None:
    texts = lines_into("oci-archive", tmp_path, family(4))
    for number in (1, 3):
        texts[number] = f"oci:{tmp_path}/no-{number}:1 oci-archive:{tmp_path}/all.tar:{number}"
    messages = [report.failure.message for report in reports(run(texts)) if report.failure]
    assert [f"no-{number}" in message for message, number in zip(messages, range(4), strict=True)]
    assert "no-1" in messages[1]
    assert "no-3" in messages[3]


def test_a_line_that_is_only_looked_at_does_not_begin(tmp_path: Path) -> None:
    texts = lines_into("oci-archive", tmp_path, family(4))
    texts[1] = f"oci:{tmp_path}/nothing:1 oci-archive:{tmp_path}/all.tar:1"
    ran = run(texts)
    begun = [event.line.number for event in ran.events if isinstance(event, LineStarted)]
    assert begun == [1, 2]


def test_nothing_more_is_looked_at_after_so_many_failures(tmp_path: Path) -> None:
    texts = lines_into("oci-archive", tmp_path, family(4))
    for number in (1, 3):
        texts[number] = f"oci:{tmp_path}/no-{number}:1 oci-archive:{tmp_path}/all.tar:{number}"
    ran = run(texts, max_failures=1)
    begun = [event.line.number for event in ran.events if isinstance(event, LineStarted)]
    assert begun == [1, 2]
    assert ran.statuses() == ["stopped", "failed", "stopped", "stopped"]
    assert len(ran.report.unfinished) == 4


def test_each_report_says_when_its_line_ended(tmp_path: Path) -> None:
    texts = lines_into("docker-archive", tmp_path, family(2))
    first = reports(run(texts))
    resumed = reports(run(texts, resume=first))
    refused = reports(run(texts))
    assert [report.status for report in refused] == ["failed"] * 2
    assert all(report.ended for report in (*first, *resumed, *refused))


def test_an_archive_of_another_kind_does_not_replace_one_that_is_being_written(
    tmp_path: Path,
) -> None:
    texts = lines_into("oci-archive", tmp_path, family(2))
    one, other = parse_list(texts)
    other = replace(other, destination=f"docker-archive:{tmp_path}/all.tar:b")
    ran = Ran(list(copy_many([one, other], source_access=QUICK)))
    assert ran.statuses() == ["failed"] * 2
    failure = ran.lines[2].failure
    assert failure
    assert "another kind of archive" in failure.message
    assert not (tmp_path / "all.tar").exists()


@pytest.mark.parametrize("kind", KINDS)
def test_a_pipe_that_was_broken_off_says_why(fake: FakeRegistry, tmp_path: Path, kind: str) -> None:
    image = single_image(layers=1, layer_bytes=3 * 2**20)
    fake.hold(image, "app", "1")

    def cut(exchange: Exchange) -> bool:
        exchange.cut = 2**20
        return False

    def refuse(exchange: Exchange) -> bool:
        exchange.error(429, "TOOMANYREQUESTS")
        return True

    layer = max(image.blobs, key=lambda digest: len(image.blobs[digest]))
    fake.on("GET", f"/blobs/{layer}", cut, refuse, forever=True)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = threading.Thread(target=pipe.read_bytes)
    reader.start()
    once = replace(QUICK, retry=RetryPolicy(tries=2, first_delay_seconds=0.001))
    texts = [f"docker://{fake.host}/app:1 {kind}:{pipe}:app:{number}" for number in "ab"]
    failure = run(texts, access=once).lines[1].failure
    reader.join()
    assert failure
    assert "toomanyrequests" in failure.message


def test_an_archive_that_is_there_is_left_alone_where_a_line_fails(tmp_path: Path) -> None:
    (tmp_path / "all.tar").write_bytes(b"what was there")
    texts = lines_into("oci-archive", tmp_path, family(2))
    texts.append(f"oci:{tmp_path}/nothing oci-archive:{tmp_path}/all.tar:more")
    run(texts)
    assert (tmp_path / "all.tar").read_bytes() == b"what was there"


def test_a_docker_archive_that_is_there_is_refused_by_each_of_its_lines(tmp_path: Path) -> None:
    (tmp_path / "all.tar").write_bytes(b"what was there")
    ran = run(lines_into("docker-archive", tmp_path, family(2)))
    failures = [report.failure for report in reports(ran)]
    assert all(failure and "modifying existing images" in failure.message for failure in failures)
    assert (tmp_path / "all.tar").read_bytes() == b"what was there"


@pytest.mark.parametrize("kind", KINDS)
def test_lines_that_are_done_are_not_done_again(tmp_path: Path, kind: str) -> None:
    texts = lines_into(kind, tmp_path, family(3))
    earlier = reports(run(texts))
    before = (tmp_path / "all.tar").stat()
    again = reports(run(texts, resume=earlier))
    assert all(report.resumed and report.status == "done" for report in again)
    assert (tmp_path / "all.tar").stat().st_ino == before.st_ino


def test_an_archive_that_lacks_one_of_its_lines_is_written_anew(tmp_path: Path) -> None:
    texts = lines_into("oci-archive", tmp_path, family(3))
    earlier = reports(run(texts[:2]))
    again = run(texts, resume=earlier)
    assert again.statuses() == ["done"] * 3
    assert not any(report.resumed for report in reports(again))
    for number, report in enumerate(reports(again)):
        found = get_manifest(f"oci-archive:{tmp_path}/all.tar:app:{number}")
        assert str(found.digest) == report.digest


def test_a_run_that_is_stopped_leaves_no_archive(tmp_path: Path) -> None:
    cancelled = threading.Event()
    cancelled.set()
    ran = run(lines_into("oci-archive", tmp_path, family(2)), cancelled=cancelled)
    assert len(ran.report.stopped) == 2
    assert not (tmp_path / "all.tar").exists()


def test_a_dry_run_writes_nothing_and_tells_of_each_line(tmp_path: Path) -> None:
    ran = run(lines_into("docker-archive", tmp_path, family(2)), dry_run=True)
    assert ran.statuses() == ["would-copy"] * 2
    assert not (tmp_path / "all.tar").exists()


def test_a_line_with_a_bad_name_fails_alone(tmp_path: Path) -> None:
    texts = lines_into("oci-archive", tmp_path, family(1))
    lines = [*parse_list(texts), Line(2, "oci:in:1", "oci-archive:"), Line(3, "oci:in:1", "no:x")]
    ran = Ran(list(copy_many(lines, source_access=QUICK)))
    assert ran.statuses() == ["done", "failed", "failed"]


def test_each_line_begins_once(tmp_path: Path) -> None:
    ran = run(lines_into("oci-archive", tmp_path, family(3)))
    begun = [event.line.number for event in ran.events if isinstance(event, LineStarted)]
    assert begun == [1, 2, 3]


@pytest.mark.parametrize(
    ("second", "problem"),
    [
        ("oci:in:2 oci-archive:./all.tar:a", "same destination as line 1"),
        ("oci:in:2 docker-archive:all.tar:b", "line 1 writes the same file as oci-archive"),
        ("oci-archive:all.tar:b oci:out", "its destination is the source of line 2"),
        ("oci-archive:all.tar oci:out", "its destination is the source of line 2"),
    ],
)
def test_what_cannot_be_in_one_list_with_an_archive(second: str, problem: str) -> None:
    with pytest.raises(BadList, match=problem):
        parse_list(["oci:in:1 oci-archive:all.tar:a", second])


def test_an_archive_that_is_written_anew_out_of_itself_is_read_by_no_other_line() -> None:
    texts = ["oci-archive:all.tar:a oci-archive:all.tar:b", "oci-archive:all.tar:a oci:out"]
    assert len(parse_list(texts[:1])) == 1
    with pytest.raises(BadList, match="line 1: its destination is the source of line 2"):
        parse_list(texts)


def test_the_lines_of_one_archive_are_in_one_part() -> None:
    lines = parse_list(
        f"oci:in:{n} oci-archive:{'all' if n % 2 else 'half'}.tar:{n}" for n in range(40)
    )
    blobs = [{Digest.of(b"%d" % line.number): 1024 * 1024 * line.number} for line in lines]
    estimates = [Estimate(*one) for one in zip(lines, blobs, strict=True)]
    by_bytes = [part.lines for part in split_by_bytes(estimates, 4)]
    by_hash = [part_by_hash(lines, Shard(number, 4)) for number in range(1, 5)]
    for parts in (by_bytes, by_hash):
        files = [{line.destination.partition(".tar")[0] for line in part} for part in parts]
        assert sum(map(len, files)) == 2
        assert sum(map(len, parts)) == 40


def test_the_lines_of_one_archive_are_in_the_same_part_on_each_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = parse_list(f"oci:in:{n} oci-archive:{n % 20}.tar:{n}" for n in range(40))
    parts = []
    for folder in ("here", "elsewhere"):
        (tmp_path / folder).mkdir()
        monkeypatch.chdir(tmp_path / folder)
        parts.append([part_by_hash(lines, Shard(number, 4)) for number in range(1, 5)])
    assert parts[0] == parts[1]
