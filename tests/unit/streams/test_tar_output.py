"""Where archives go: a file that appears whole or not at all, or a pipe."""

from __future__ import annotations

import errno
import os
import pty
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from regcopy.errors import StorageFailed, UsageError
from regcopy.streams.tar_output import TarOutput, TarTarget
from regcopy.streams.temporary_names import is_temporary
from tests.storage_watch import contents


@contextmanager
def opened(path: Path | str) -> Iterator[TarOutput]:
    """Open a place for writing, and close it."""
    target = TarTarget.look(str(path))
    output = target.open(sleep=time.sleep, check_cancelled=lambda: None)
    try:
        yield output
    finally:
        output.close()


def has_nameless_files(folder: Path) -> bool:
    """Tell whether the file system has files without a name."""
    try:
        os.close(os.open(folder, os.O_WRONLY | os.O_TMPFILE))
    except OSError:
        return False
    return True


def refuse_nameless_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `os.open` fail as a file system does that has none."""
    real = os.open

    def opened(path: str, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        if flags & os.O_TMPFILE == os.O_TMPFILE:
            raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))
        return real(path, flags, mode, dir_fd=dir_fd)

    monkeypatch.setattr(os, "open", opened)


def refuse_links(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `os.link` fail as it does where the system does not allow it."""

    def linked(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", linked)


def test_a_file_appears_when_it_is_published(tmp_path: Path) -> None:
    with opened(tmp_path / "a.tar") as output:
        output.write(b"one")
        output.write(b"two")
        assert not (tmp_path / "a.tar").exists()
        output.publish()
        assert contents(tmp_path) == {"a.tar": b"onetwo"}


def test_a_file_that_is_not_published_leaves_nothing(tmp_path: Path) -> None:
    with opened(tmp_path / "a.tar") as output:
        output.write(b"one")
    assert contents(tmp_path) == {}


def test_a_file_that_grows_has_no_name_that_a_killed_program_could_leave(tmp_path: Path) -> None:
    if not has_nameless_files(tmp_path):
        pytest.skip("this file system has no files without a name")
    with opened(tmp_path / "a.tar") as output:
        output.write(b"one")
        assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("refuse", [refuse_nameless_files, refuse_links])
def test_where_no_file_can_be_nameless_it_has_a_temporary_name(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    refuse: Callable[[pytest.MonkeyPatch], None],
) -> None:
    refuse(monkeypatch)
    with opened(tmp_path / "a.tar") as output:
        output.write(b"one")
        assert [is_temporary(name) for name in os.listdir(tmp_path)] == [True]
        output.publish()
    assert contents(tmp_path) == {"a.tar": b"one"}


@pytest.mark.parametrize("nameless", [True, False])
@pytest.mark.parametrize("mode", [0o600, 0o664])
def test_a_file_keeps_the_permissions_of_the_one_in_whose_place_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nameless: bool, mode: int
) -> None:
    if not nameless:
        refuse_nameless_files(monkeypatch)
    (tmp_path / "a.tar").touch()
    (tmp_path / "a.tar").chmod(mode)
    with opened(tmp_path / "a.tar") as output:
        output.publish()
    assert stat.S_IMODE((tmp_path / "a.tar").stat().st_mode) == mode


def test_a_file_can_be_written_over_and_cut(tmp_path: Path) -> None:
    with opened(tmp_path / "a.tar") as output:
        output.write(b"0123456789")
        output.write_at(2, b"xx")
        output.cut(5)
        output.write(b"end")
        output.publish()
    assert (tmp_path / "a.tar").read_bytes() == b"01xx4end"


def test_looking_changes_nothing(tmp_path: Path) -> None:
    assert not TarTarget.look(str(tmp_path / "a.tar")).has_content
    assert contents(tmp_path) == {}


def test_a_file_with_something_in_it_is_seen(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(b"x")
    assert TarTarget.look(str(tmp_path / "a.tar")).has_content


def test_an_empty_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "a.tar").touch()
    assert not TarTarget.look(str(tmp_path / "a.tar")).has_content
    with opened(tmp_path / "a.tar") as output:
        output.write(b"x")
        output.publish()
    assert contents(tmp_path) == {"a.tar": b"x"}


def test_a_file_that_somebody_created_meanwhile_stays(tmp_path: Path) -> None:
    with opened(tmp_path / "a.tar") as output:
        output.write(b"ours")
        (tmp_path / "a.tar").write_bytes(b"theirs")
        with pytest.raises(StorageFailed, match="created it meanwhile"):
            output.publish()
    assert contents(tmp_path) == {"a.tar": b"theirs"}


def test_a_link_is_followed_to_where_the_file_belongs(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "link.tar").symlink_to("inner/a.tar")
    with opened(tmp_path / "link.tar") as output:
        output.write(b"x")
        output.publish()
    assert (tmp_path / "link.tar").is_symlink()
    assert (tmp_path / "inner" / "a.tar").read_bytes() == b"x"


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StorageFailed, match="this is a folder"):
        TarTarget.look(str(tmp_path))


def test_a_folder_that_is_missing_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(StorageFailed, match=r"there is no folder .*missing") as caught:
        TarTarget.look(str(tmp_path / "missing" / "a.tar"))
    assert caught.value.hint == "create the folder first"


def test_a_terminal_is_refused() -> None:
    ours, theirs = pty.openpty()
    try:
        with pytest.raises(UsageError, match="is a terminal"):
            TarTarget.look(os.ttyname(theirs))
    finally:
        os.close(ours)
        os.close(theirs)


def test_a_device_takes_what_it_is_given() -> None:
    with opened("/dev/null") as output:
        assert not output.can_seek
        output.write(b"x" * 3_000_000)
        output.publish()


def test_a_file_behind_a_descriptor_is_written_in_its_place(tmp_path: Path) -> None:
    with (tmp_path / "a.tar").open("wb") as file:
        before = os.fstat(file.fileno()).st_ino
        with opened(f"/dev/fd/{file.fileno()}") as output:
            assert output.can_seek
            output.write(b"0123")
            output.write_at(0, b"x")
            output.cut(3)
            output.publish()
    assert (tmp_path / "a.tar").read_bytes() == b"x12"
    assert (tmp_path / "a.tar").stat().st_ino == before


def test_a_file_behind_a_descriptor_is_emptied_on_failure(tmp_path: Path) -> None:
    with (tmp_path / "a.tar").open("wb") as file, opened(f"/dev/fd/{file.fileno()}") as output:
        output.write(b"0123")
    assert (tmp_path / "a.tar").read_bytes() == b""


def test_what_goes_into_a_pipe_comes_out() -> None:
    reading, writing = os.pipe()
    received: list[bytes] = []

    def read() -> None:
        while block := os.read(reading, 65536):
            received.append(block)

    thread = threading.Thread(target=read)
    thread.start()
    with opened(f"/dev/fd/{writing}") as output:
        os.close(writing)
        output.write(b"x" * 3_000_000)
        output.publish()
    thread.join(60)
    os.close(reading)
    assert b"".join(received) == b"x" * 3_000_000


def test_a_pipe_whose_reader_has_gone_is_told() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        with (
            opened(f"/dev/fd/{writing}") as output,
            pytest.raises(StorageFailed, match="Broken pipe") as caught,
        ):
            output.write(b"x")
    finally:
        os.close(writing)
    assert "has ended" in caught.value.hint


def test_a_pipe_that_nobody_empties_can_be_cancelled() -> None:
    reading, writing = os.pipe()
    waiting = threading.Event()

    def stop_when_full() -> None:
        if waiting.is_set():
            raise KeyboardInterrupt
        waiting.set()

    output = TarTarget.look(f"/dev/fd/{writing}").open(
        sleep=time.sleep, check_cancelled=stop_when_full
    )
    with pytest.raises(KeyboardInterrupt):
        output.write(b"x" * 10_000_000)
    output.close()
    os.close(reading)
    os.close(writing)


def test_at_a_named_pipe_a_reader_is_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    received: list[bytes] = []
    thread = threading.Thread(target=lambda: received.append((tmp_path / "pipe").read_bytes()))

    def sleep(_: float) -> None:
        if thread.ident is None:
            thread.start()
        threading.Event().wait(0.001)

    target = TarTarget.look(str(tmp_path / "pipe"))
    output = target.open(sleep=sleep, check_cancelled=lambda: None)
    output.write(b"through")
    output.close()
    thread.join(60)
    assert received == [b"through"]


def test_waiting_for_a_reader_can_be_cancelled(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    def sleep(_: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        TarTarget.look(str(tmp_path / "pipe")).open(sleep=sleep, check_cancelled=lambda: None)
