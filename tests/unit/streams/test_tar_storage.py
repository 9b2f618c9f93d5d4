"""Where archives are read from: a file as it lies, or a copy of what can be read only once."""

from __future__ import annotations

import gzip
import io
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from regcopy.errors import ContentError, LimitExceeded, NotFound, StorageFailed
from regcopy.streams import tar_storage
from regcopy.streams.tar_index import TarIndex
from regcopy.streams.tar_storage import (
    FileStorage,
    SpooledStorage,
    TarStorage,
    open_storage,
    temporary_folder,
)
from tests.docker_archives import tar_of

TAR = tar_of({"a": b"1" * 100_000, "b": b"2"})


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    """Folder for temporary files."""
    folder = tmp_path / "spool"
    folder.mkdir()
    return folder


@contextmanager
def opened(
    path: Path | str, spool: Path, check_cancelled: Callable[[], None] = lambda: None
) -> Iterator[TarStorage]:
    """Open an archive, and close it."""
    storage = open_storage(str(path), folder=str(spool), check_cancelled=check_cancelled)
    try:
        yield storage
    finally:
        storage.close()


@contextmanager
def piped(content: bytes) -> Iterator[tuple[int, threading.Thread]]:
    """Give the end of a pipe that these bytes come out of, and the thread that writes them."""
    reading, writing = os.pipe()

    def write() -> None:
        with open(writing, "wb") as file:
            file.write(content)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield reading, thread
    finally:
        os.close(reading)
        thread.join(60)


def content_of(storage: TarStorage, name: str) -> bytes:
    """Read a member."""
    index = TarIndex.read(storage.read_at, what="it")
    storage.finish()
    return index.content(name, limit=1_000_000)


def test_a_plain_file_is_read_where_it_lies(tmp_path: Path, spool: Path) -> None:
    (tmp_path / "a.tar").write_bytes(TAR)
    with opened(tmp_path / "a.tar", spool) as storage:
        assert isinstance(storage, FileStorage)
        assert content_of(storage, "a") == b"1" * 100_000
        assert storage.read_at(len(TAR) - 3, 10) == b"\0\0\0"


def test_a_gzipped_file_is_unpacked_once(tmp_path: Path, spool: Path) -> None:
    (tmp_path / "a.tar.gz").write_bytes(gzip.compress(TAR))
    with opened(tmp_path / "a.tar.gz", spool) as storage:
        assert isinstance(storage, SpooledStorage)
        assert content_of(storage, "a") == b"1" * 100_000
        assert content_of(storage, "b") == b"2"


@pytest.mark.parametrize("content", [TAR, gzip.compress(TAR)])
def test_a_pipe_is_read_once_and_then_at_any_offset(content: bytes, spool: Path) -> None:
    with piped(content) as (fd, _), opened(f"/dev/fd/{fd}", spool) as storage:
        assert content_of(storage, "b") == b"2"
        assert content_of(storage, "a") == b"1" * 100_000


def test_the_copy_has_no_name(spool: Path) -> None:
    with piped(TAR) as (fd, _), opened(f"/dev/fd/{fd}", spool) as storage:
        content_of(storage, "a")
        assert os.listdir(spool) == []


def test_whoever_writes_to_our_pipe_comes_to_an_end(spool: Path) -> None:
    much = TAR + bytes(2_000_000)
    with piped(much) as (fd, thread), opened(f"/dev/fd/{fd}", spool) as storage:
        content_of(storage, "b")
        thread.join(60)
        assert not thread.is_alive()


def test_what_follows_the_end_is_not_unpacked(tmp_path: Path, spool: Path) -> None:
    (tmp_path / "a.tar.gz").write_bytes(gzip.compress(TAR + bytes(50_000_000)))
    with opened(tmp_path / "a.tar.gz", spool) as storage:
        assert content_of(storage, "b") == b"2"
        assert storage.read_at(10_000_000, 1) == b""


def test_an_archive_that_unpacks_to_far_too_much_is_given_up(
    tmp_path: Path, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tar_storage, "_BOMB_BYTES", 5_000_000)
    (tmp_path / "a.tar.gz").write_bytes(gzip.compress(tar_of({"a": bytes(50_000_000)})))
    told = pytest.raises(LimitExceeded, match="more than 500 times its size")
    with opened(tmp_path / "a.tar.gz", spool) as storage, told:
        content_of(storage, "a")


@pytest.mark.parametrize("length", [3, 12, 200])
def test_a_gzipped_file_that_is_cut_off_is_told(tmp_path: Path, spool: Path, length: int) -> None:
    (tmp_path / "a.tar.gz").write_bytes(gzip.compress(os.urandom(100_000))[:length])
    with opened(tmp_path / "a.tar.gz", spool) as storage, pytest.raises(ContentError):
        content_of(storage, "a")


def test_a_file_that_is_missing_is_not_found(tmp_path: Path, spool: Path) -> None:
    with pytest.raises(NotFound, match=r"a\.tar does not exist"), opened(tmp_path / "a.tar", spool):
        pass


def test_a_folder_is_told(tmp_path: Path, spool: Path) -> None:
    with pytest.raises(StorageFailed, match="a folder, not a file"), opened(tmp_path, spool):
        pass


def test_a_temporary_folder_that_is_missing_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.tar.gz").write_bytes(gzip.compress(TAR))
    told = pytest.raises(StorageFailed, match="temporary file in /missing")
    with told, opened(tmp_path / "a.tar.gz", Path("/missing")):
        pass


def test_a_named_pipe_is_waited_for(tmp_path: Path, spool: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=lambda: (tmp_path / "pipe").write_bytes(TAR))

    def start_writer() -> None:
        if writer.ident is None:
            writer.start()

    with opened(tmp_path / "pipe", spool, start_writer) as storage:
        assert content_of(storage, "b") == b"2"
    writer.join(60)


def test_waiting_for_a_pipe_can_be_cancelled(spool: Path) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    reading, writing = os.pipe()
    with pytest.raises(KeyboardInterrupt), opened(f"/dev/fd/{reading}", spool, stop):
        pass
    os.close(reading)
    os.close(writing)


def test_standard_input_that_is_a_socket_is_read(spool: Path) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(TAR[:1024])
        ours.shutdown(socket.SHUT_WR)
        with opened(f"/dev/fd/{theirs.fileno()}", spool) as storage:
            assert storage.read_at(0, 2000) == TAR[:1024]


def test_a_copy_is_read_by_several_threads(spool: Path) -> None:
    read: list[bytes] = []
    with piped(TAR) as (fd, _), opened(f"/dev/fd/{fd}", spool) as storage:
        threads = [
            threading.Thread(target=lambda: read.append(storage.read_at(0, len(TAR))))
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert read == [TAR] * 8


def test_closing_twice_does_no_harm(tmp_path: Path, spool: Path) -> None:
    for name, content in (("plain", TAR), ("packed", gzip.compress(TAR))):
        (tmp_path / name).write_bytes(content)
        with opened(tmp_path / name, spool) as storage:
            storage.close()


def test_a_file_that_was_closed_is_not_read(tmp_path: Path, spool: Path) -> None:
    (tmp_path / "a.tar").write_bytes(TAR)
    with opened(tmp_path / "a.tar", spool) as storage:
        storage.close()
        with pytest.raises(StorageFailed, match="it is closed"):
            storage.read_at(0, 1)


def test_the_temporary_folder_is_the_one_asked_for() -> None:
    assert temporary_folder("/somewhere") == "/somewhere"
    assert os.access(temporary_folder(""), os.W_OK)


def test_an_empty_gzip_file_is_no_tar_file(tmp_path: Path, spool: Path) -> None:
    target = io.BytesIO()
    with gzip.GzipFile(fileobj=target, mode="wb"):
        pass
    (tmp_path / "a.tar.gz").write_bytes(target.getvalue())
    told = pytest.raises(ContentError, match="no tar file")
    with opened(tmp_path / "a.tar.gz", spool) as storage, told:
        content_of(storage, "a")
