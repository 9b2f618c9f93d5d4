"""Files that are safe beside strangers' files."""

from __future__ import annotations

import errno
import os
import resource
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from regcopy.errors import LimitExceeded, NotFound, StorageFailed
from regcopy.streams.files import Folder, NewFile, open_regular, read_file, write_file
from tests.storage_watch import StorageWatch, contents, fail_call


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    """An open, empty folder."""
    with Folder.open(str(tmp_path)) as opened:
        yield opened


def test_a_file_is_invisible_before_it_is_published(folder: Folder, tmp_path: Path) -> None:
    with NewFile(folder) as file:
        file.write(b"bytes")

        assert not (tmp_path / "name").exists()
        file.publish("name")

    assert contents(tmp_path) == {"name": b"bytes"}


def test_a_file_that_is_not_published_leaves_nothing(folder: Folder, tmp_path: Path) -> None:
    with NewFile(folder) as file:
        file.write(b"bytes")

    assert contents(tmp_path) == {}


def test_a_file_replaces_what_had_its_name(folder: Folder, tmp_path: Path) -> None:
    write_file(folder, "name", b"old")
    write_file(folder, "name", b"new")

    assert contents(tmp_path) == {"name": b"new"}


def test_a_short_write_is_continued(
    folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, block: real(fd, bytes(block[:3])))

    write_file(folder, "name", b"0123456789")

    assert contents(tmp_path) == {"name": b"0123456789"}


def test_a_full_disk_leaves_the_old_file_and_says_where(
    folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_file(folder, "name", b"old")
    StorageWatch(monkeypatch, before=fail_call(0, errno.ENOSPC))

    with pytest.raises(StorageFailed, match=f"{tmp_path}: No space left on device") as caught:
        write_file(folder, "name", b"new")

    assert "free space" in caught.value.hint
    assert contents(tmp_path) == {"name": b"old"}


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_fault_at_any_call_leaves_no_temporary_file(
    folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    StorageWatch(monkeypatch, before=fail_call(number, errno.EIO))

    with pytest.raises(StorageFailed):
        write_file(folder, "name", b"new")

    assert contents(tmp_path) == {}


def test_a_file_larger_than_the_limit_of_the_process_is_an_error(
    folder: Folder, tmp_path: Path
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 * 1024, hard))
    try:
        with pytest.raises(StorageFailed, match="File too large") as caught:
            write_file(folder, "name", bytes(100 * 1024))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert "ulimit -f" in caught.value.hint
    assert contents(tmp_path) == {}


@contextmanager
def tiny_disk(path: Path) -> Iterator[None]:
    """A file system of 64 KiB, where this process may mount one."""
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(path)]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=10)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("mounting a file system needs root")
    try:
        yield
    finally:
        subprocess.run(["umount", str(path)], check=True, timeout=10)


def test_a_really_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    with tiny_disk(tmp_path), Folder.open(str(tmp_path)) as folder:
        write_file(folder, "name", b"old")

        with pytest.raises(StorageFailed, match="No space left"):
            write_file(folder, "name", bytes(100 * 1024))

        assert contents(tmp_path) == {"name": b"old"}


def test_the_umask_cuts_the_mode_of_a_file(folder: Folder, tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        write_file(folder, "private", b"")
    finally:
        os.umask(before)
    write_file(folder, "public", b"")

    assert (tmp_path / "private").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "public").stat().st_mode & 0o777 == 0o644 & ~before


def test_a_secret_file_is_private_whatever_the_umask(folder: Folder, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        write_file(folder, "secret", b"", mode=0o600)
    finally:
        os.umask(before)

    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600


def make_link(path: Path) -> None:
    """Make a link to a readable file."""
    (path.parent / "target").write_bytes(b"strangers")
    path.symlink_to("target")


def make_socket(path: Path) -> None:
    """Make a socket."""
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


ODD_FILES: dict[str, Callable[[Path], None]] = {
    "link": make_link,
    "dangling link": lambda path: path.symlink_to("nowhere"),
    "pipe": os.mkfifo,
    "socket": make_socket,
    "folder": lambda path: path.mkdir(),
}


@pytest.mark.parametrize("kind", ODD_FILES)
def test_what_is_no_regular_file_is_not_read(folder: Folder, tmp_path: Path, kind: str) -> None:
    ODD_FILES[kind](tmp_path / "name")

    with pytest.raises(StorageFailed, match="this is no regular file"):
        open_regular(folder, "name")
    assert folder.size_of("name") is None


def test_a_link_is_replaced_and_not_followed_when_written(folder: Folder, tmp_path: Path) -> None:
    make_link(tmp_path / "name")

    write_file(folder, "name", b"ours")

    assert contents(tmp_path) == {"name": b"ours", "target": b"strangers"}


def test_a_folder_in_the_place_of_a_file_is_an_error(folder: Folder, tmp_path: Path) -> None:
    (tmp_path / "name").mkdir()

    with pytest.raises(StorageFailed, match="Is a directory"):
        write_file(folder, "name", b"ours")

    assert contents(tmp_path) == {}


def test_a_linked_folder_inside_is_refused(folder: Folder, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "linked").symlink_to("real")

    with pytest.raises(StorageFailed, match="this is no folder"):
        folder.sub("linked")


def test_a_linked_folder_that_the_user_named_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "linked").symlink_to("real")

    with Folder.open(str(tmp_path / "linked")) as folder:
        write_file(folder, "name", b"ours")

    assert (tmp_path / "real" / "name").read_bytes() == b"ours"


def test_a_folder_that_moves_is_still_the_one_written_to(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    with Folder.open(str(tmp_path / "here")) as folder:
        (tmp_path / "here").rename(tmp_path / "there")
        (tmp_path / "here").mkdir()
        write_file(folder, "name", b"ours")

        assert not folder.is_in_place()

    assert contents(tmp_path) == {"there/name": b"ours"}


def test_a_folder_below_a_file_cannot_be_opened(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(StorageFailed, match="Not a directory"):
        Folder.open(str(tmp_path / "file" / "below"))


def test_a_missing_folder_or_file_is_not_found(folder: Folder, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="missing does not exist"):
        Folder.open(str(tmp_path / "missing"))
    with pytest.raises(NotFound, match="missing does not exist"):
        folder.sub("missing")
    with pytest.raises(NotFound, match="missing does not exist"):
        open_regular(folder, "missing")


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../a", "/etc/passwd", "a\0b"])
def test_only_single_names_are_used_in_a_folder(folder: Folder, name: str) -> None:
    with pytest.raises(ValueError, match="not a single file name"):
        write_file(folder, name, b"")


def test_a_file_is_read_from_an_offset(folder: Folder) -> None:
    write_file(folder, "name", b"0123456789")

    with open_regular(folder, "name", offset=7) as file:
        assert (file.size, file.read(), file.read()) == (10, b"789", b"")


def test_a_file_over_the_limit_is_not_read(folder: Folder) -> None:
    write_file(folder, "name", b"0123456789")

    assert read_file(folder, "name", limit=10) == b"0123456789"
    with pytest.raises(LimitExceeded, match="over the limit of 9 bytes"):
        read_file(folder, "name", limit=9)


def test_only_our_own_temporary_files_are_removed(folder: Folder, tmp_path: Path) -> None:
    for name in (".regcopy-0123456789abcdef.tmp", ".regcopy-notes", "x.tmp"):
        (tmp_path / name).write_bytes(b"")

    folder.remove_temporary_files()

    assert folder.names() == [".regcopy-notes", "x.tmp"]
    folder.remove("not there")


def test_a_file_system_without_sync_of_folders_will_do(
    folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    StorageWatch(monkeypatch, before=fail_call(3, errno.EINVAL))

    write_file(folder, "name", b"ours")

    assert contents(tmp_path) == {"name": b"ours"}


def test_a_folder_that_cannot_be_synced_is_an_error(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    StorageWatch(monkeypatch, before=fail_call(3, errno.EIO))

    with pytest.raises(StorageFailed):
        write_file(folder, "name", b"ours")
