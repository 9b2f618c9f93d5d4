"""Tar files of layouts that somebody built to harm: refused in one line, and nothing unpacked."""

from __future__ import annotations

import gzip
import os
import tarfile
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from regcopy.errors import ContentError, LimitExceeded, NotFound, RegcopyError, StorageFailed
from regcopy.streams.tar_headers import END_OF_TAR
from regcopy.testing.samples import SampleImage, multi_platform_image, single_image
from tests.docker_archives import header, tar_of
from tests.hand_copy import write_image
from tests.oci_archives import archive, blob_name, members_of, read, write_tar
from tests.storage_watch import StorageWatch, fail_call

ONE = single_image(seed="one")
TWO = single_image(seed="two")
LAYER = next(iter(ONE.blobs))
INDEX = members_of(one=ONE)["index.json"]

Entry = tuple[tarfile.TarInfo, bytes]


def entries_of(members: dict[str, bytes]) -> list[Entry]:
    """Headers with their bytes."""
    return [(header(name, len(content)), content) for name, content in members.items()]


def link(name: str, to: str, kind: bytes = tarfile.SYMTYPE) -> Entry:
    """A link."""
    return header(name, kind=kind, to=to), b""


def without(*names: str) -> list[Entry]:
    """Entries of an image without some."""
    members = members_of(one=ONE)
    return entries_of({name: members[name] for name in members if name not in names})


def refused(tmp_path: Path, entries: Iterable[Entry]) -> str:
    """Write an archive that must be refused, and give what is said about it."""
    file = write_tar(tmp_path / "bad.tar", entries)
    with pytest.raises(RegcopyError) as caught:
        read(file)
    assert os.listdir(tmp_path) == ["bad.tar"]
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
@pytest.mark.parametrize(
    "target", ["/etc/passwd", "../../etc/passwd", "../../../../../../etc/passwd", "/", ""]
)
@pytest.mark.parametrize("name", ["index.json", blob_name(ONE.digest), blob_name(LAYER)])
def test_a_link_out_of_the_archive_is_never_followed(
    tmp_path: Path, name: str, target: str, kind: bytes
) -> None:
    shown = refused(tmp_path, [*without(name), link(name, target, kind)])

    assert "root:" not in shown


@pytest.mark.parametrize("name", ["index.json", blob_name(LAYER)])
def test_links_in_a_circle_end(tmp_path: Path, name: str) -> None:
    folder = name.count("/") * "../"
    circle = [link(name, f"{folder}a"), link("a", "b"), link("b", "a")]

    assert "circle" in refused(tmp_path, [*without(name), *circle])


def test_a_link_inside_the_archive_is_followed(tmp_path: Path) -> None:
    name = blob_name(LAYER)
    inside = [*entries_of({"layer.tar": ONE.blobs[LAYER]}), link(name, "../../layer.tar")]

    assert read(write_tar(tmp_path / "a.tar", [*without(name), *inside])) == ONE


@pytest.mark.parametrize("prefix", ["../", "/", "a/../", "./../"])
def test_a_name_that_leads_upwards_is_no_name(tmp_path: Path, prefix: str) -> None:
    outside = entries_of({f"{prefix}index.json": INDEX})

    assert "no index.json" in refused(tmp_path, [*without("index.json"), *outside])


def test_two_indexes_are_refused_whichever_other_programs_would_take(tmp_path: Path) -> None:
    both = members_of(one=ONE) | members_of(two=TWO)
    entries = [*entries_of(both), *entries_of({"index.json": INDEX})]

    assert "index.json more than once" in refused(tmp_path, entries)


def test_two_indexes_with_names_that_are_written_differently_are_two(tmp_path: Path) -> None:
    entries = [*entries_of(members_of(one=ONE)), *entries_of({"./index.json": INDEX})]

    assert "index.json more than once" in refused(tmp_path, entries)


def test_a_second_blob_of_one_name_changes_nothing(tmp_path: Path) -> None:
    other = entries_of({blob_name(LAYER): b"x" * len(ONE.blobs[LAYER])})
    good = entries_of(members_of(one=ONE))

    assert read(write_tar(tmp_path / "a.tar", [*good, *other])) == ONE
    with pytest.raises(ContentError, match="expected digest"):
        read(write_tar(tmp_path / "b.tar", [*other, *good]))


@pytest.mark.parametrize(
    "kind", [tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.DIRTYPE]
)
@pytest.mark.parametrize("name", ["index.json", blob_name(ONE.digest), blob_name(LAYER)])
def test_what_is_no_file_is_not_read(tmp_path: Path, name: str, kind: bytes) -> None:
    refused(tmp_path, [*without(name), (header(name, kind=kind), b"")])


@pytest.mark.parametrize("gzipped", [False, True])
def test_an_archive_cut_off_at_any_block_is_refused(tmp_path: Path, gzipped: bool) -> None:
    content = tar_of(members_of(one=ONE))
    file = tmp_path / "a.tar"
    refused_at = []
    for size in range(0, len(content) - len(END_OF_TAR) + 1, 512):
        part = content[:size]
        file.write_bytes(gzip.compress(part, 1) if gzipped else part)
        with pytest.raises((ContentError, NotFound)):
            read(file)
        refused_at.append(size)

    assert len(refused_at) > 15


def test_a_gzip_file_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    content = gzip.compress(tar_of(members_of(one=ONE)), mtime=0)
    for size in range(11, len(content) // 2, 97):
        (tmp_path / "a.tar").write_bytes(content[:size])
        with pytest.raises(ContentError):
            read(tmp_path / "a.tar")


def test_a_name_without_end_is_refused(tmp_path: Path) -> None:
    shown = refused(tmp_path, entries_of({"a" * 2_000_000: b""}))

    assert "headers that are too long" in shown


def test_headers_without_end_are_refused(tmp_path: Path) -> None:
    long_names = entries_of({f"{n:06d}" + "a" * 900_000: b"" for n in range(20)})

    assert "headers that are too long" in refused(tmp_path, long_names)


def test_more_members_than_any_image_has_are_refused(tmp_path: Path) -> None:
    empty = (header("a"), b"")

    assert "more than 65536 members" in refused(tmp_path, [empty] * 65_537)


def test_an_index_over_the_limit_is_refused(tmp_path: Path) -> None:
    large = entries_of({"index.json": b" " * (33 * 1024 * 1024)})
    file = write_tar(tmp_path / "a.tar.gz", large, gzipped=True)

    with pytest.raises(LimitExceeded, match="the limit is"):
        read(file)


def test_a_size_that_ends_behind_the_file_is_refused(tmp_path: Path) -> None:
    content = bytearray(tar_of(members_of(one=ONE)))
    info = header(blob_name(LAYER), 8 * 1024**3 - 1)
    content[:512] = info.tobuf(tarfile.GNU_FORMAT)
    (tmp_path / "a.tar").write_bytes(content)

    with pytest.raises(ContentError, match="is cut off"):
        read(tmp_path / "a.tar")


def failing_calls(file: Path) -> list[int]:
    """Give the calls that can fail until the file of an image has its name."""
    with pytest.MonkeyPatch.context() as patch:
        watch = StorageWatch(patch)
        write_image(ONE, archive(file))
    return watch.failing[:-1]  # the last one syncs the folder


@pytest.mark.parametrize("old", [None, ONE])
def test_a_call_that_fails_leaves_the_old_archive_and_nothing_else(
    tmp_path: Path, old: SampleImage | None
) -> None:
    (tmp_path / "other").mkdir()
    failing = failing_calls(tmp_path / "other" / "a.tar")
    file = tmp_path / "a.tar"
    if old is not None:
        write_image(old, archive(file))
    before = os.listdir(tmp_path)
    for number in failing:
        with pytest.MonkeyPatch.context() as patch:
            StorageWatch(patch, before=fail_call(number))
            with pytest.raises(StorageFailed):
                write_image(TWO, archive(file))
        assert os.listdir(tmp_path) == before
    assert len(failing) > 10
    assert old is None or read(file) == old


def test_an_archive_gets_its_name_only_when_it_is_whole_and_synced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.tar"
    write_image(ONE, archive(file))
    states: list[bool] = []
    watch = StorageWatch(monkeypatch, after=lambda: states.append(read(file) == ONE))

    write_image(multi_platform_image(), archive(file))

    assert watch.faults == []
    assert states.count(True) > 5
    assert states == sorted(states, reverse=True)


Damage = Callable[[bytearray, int], None]


def flip(content: bytearray, place: int) -> None:
    """Change a byte."""
    content[place] ^= 0xFF


def clear(content: bytearray, place: int) -> None:
    """Make a block empty."""
    content[place - place % 512 : place - place % 512 + 512] = bytes(512)


@pytest.mark.parametrize("damage", [flip, clear])
def test_damage_anywhere_is_noticed_or_harmless(tmp_path: Path, damage: Damage) -> None:
    good = tar_of(members_of(one=ONE))
    noticed = 0
    for place in range(0, len(good), 131):
        content = bytearray(good)
        damage(content, place)
        (tmp_path / "a.tar").write_bytes(content)
        try:
            assert read(tmp_path / "a.tar") == ONE
        except RegcopyError:
            noticed += 1

    assert noticed > 50
