from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import pytest

from regcopy.cli.digestfile import check_digestfile, write_digestfile
from regcopy.errors import StorageFailed
from regcopy.model.digest import Digest

DIGEST: Final = Digest.of(b"manifest")


def test_the_file_is_replaced_whole(tmp_path: Path) -> None:
    file = tmp_path / "digest"
    file.write_text("something longer than a digest " * 10)
    before = file.stat().st_ino
    write_digestfile(str(file), DIGEST)
    assert file.read_text() == str(DIGEST)
    assert file.stat().st_ino != before
    assert os.listdir(tmp_path) == ["digest"]


def test_a_name_without_a_folder_is_in_the_current_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    check_digestfile("digest")
    write_digestfile("digest", DIGEST)
    assert (tmp_path / "digest").read_text() == str(DIGEST)


def test_a_symbolic_link_stays_and_leads_to_the_digest(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("real")
    write_digestfile(str(tmp_path / "link"), DIGEST)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == str(DIGEST)


def test_a_pipe_is_written_in_place(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_digestfile(str(pipe), DIGEST)
    assert os.read(reader, 200) == str(DIGEST).encode()
    os.close(reader)


def test_a_file_whose_folder_takes_no_new_ones_is_written_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise StorageFailed("read-only")

    monkeypatch.setattr("regcopy.streams.files.write_file", refuse)
    file = tmp_path / "digest"
    file.touch()
    write_digestfile(str(file), DIGEST)
    assert file.read_text() == str(DIGEST)


def test_where_nothing_can_be_written_the_message_names_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise StorageFailed("the disk is full")

    monkeypatch.setattr("regcopy.streams.files.write_file", refuse)
    file = str(tmp_path / "digest")
    with pytest.raises(StorageFailed) as caught:
        write_digestfile(file, DIGEST)
    assert str(caught.value) == f'Failed to write digest to file "{file}": the disk is full'


def test_a_device_that_is_full_is_an_error() -> None:
    with pytest.raises(StorageFailed, match="no space left on device"):
        write_digestfile("/dev/full", DIGEST)


@pytest.mark.parametrize(
    ("name", "reason"),
    [("missing/digest", "no such file or directory"), (".", "is a directory")],
)
def test_what_cannot_be_written_is_told_beforehand(tmp_path: Path, name: str, reason: str) -> None:
    path = os.path.join(tmp_path, name)
    with pytest.raises(StorageFailed) as caught:
        check_digestfile(path)
    assert str(caught.value) == f'Failed to write digest to file "{path}": open {path}: {reason}'


def test_a_folder_without_permission_is_told_beforehand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(StorageFailed, match="permission denied"):
        check_digestfile(str(tmp_path / "digest"))
