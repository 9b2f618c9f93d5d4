"""Large blobs that one run has begun, and the next one goes on with."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from regcopy.errors import Cancelled, ConnectionFailed, DigestMismatch, RegcopyError
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.streams.begun import KEPT_SECONDS, LARGE_BYTES
from regcopy.streams.blob import BlobStream, Readable
from regcopy.streams.workspace import Workspace

CONTENT = os.urandom(1024) * (LARGE_BYTES // 1024 + 100)
BLOB = Descriptor("application/octet-stream", Digest.of(CONTENT), len(CONTENT))
HALF = len(CONTENT) // 2
BEGUN = f".regcopy-sha256-{BLOB.digest.hex}.part"


class Source:
    """Opens the blob at an offset, and remembers which; breaks where it is told to."""

    def __init__(self, *, error: RegcopyError | None = None, content: bytes = CONTENT) -> None:
        self.offsets: list[int] = []
        self._content = content
        self._error = error
        self._end = len(content) if error is None else min(HALF, len(content))
        self._position = 0

    def open(self, offset: int) -> Readable:
        self.offsets.append(offset)
        self._position = offset
        return self

    def read(self, size: int = -1, /) -> bytes:
        if self._error is not None and self._position == self._end:
            raise self._error
        block = self._content[self._position : min(self._end, self._position + size)]
        self._position += len(block)
        return block

    def close(self) -> None:
        """Nothing to give back."""


def put(folder: Path, source: Source, blob: Descriptor | None = BLOB) -> Descriptor:
    """One run that writes the blob, and ends well or not."""
    workspace = Workspace(str(folder))
    with BlobStream(source.open, blob) as stream:
        try:
            found = workspace.put_blob(stream, check_cancelled=lambda: None)
        except RegcopyError as error:
            drop = not isinstance(error, ConnectionFailed)
            workspace.abandon(drop=drop, needed=set)
            raise
    workspace.finish()
    return found


def begin(folder: Path) -> None:
    """A run that loses its connection for good."""
    with pytest.raises(ConnectionFailed):
        put(folder, Source(error=ConnectionFailed("gone")))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_next_run_asks_for_the_rest_only(tmp_path: Path) -> None:
    begin(tmp_path)
    assert names(tmp_path) == [BEGUN]
    assert (tmp_path / BEGUN).stat().st_size == HALF
    source = Source()
    assert put(tmp_path, source) == BLOB
    assert source.offsets == [HALF]
    assert names(tmp_path) == [BLOB.digest.hex]
    assert (tmp_path / BLOB.digest.hex).read_bytes() == CONTENT


def test_what_a_killed_run_left_is_gone_on_with(tmp_path: Path) -> None:
    (tmp_path / BEGUN).write_bytes(CONTENT[:5000])
    source = Source()
    put(tmp_path, source)
    assert source.offsets == [5000]
    assert (tmp_path / BLOB.digest.hex).read_bytes() == CONTENT


def test_a_file_that_was_only_not_named_yet_is_asked_for_its_last_byte(tmp_path: Path) -> None:
    (tmp_path / BEGUN).write_bytes(CONTENT)
    source = Source()
    put(tmp_path, source)
    assert source.offsets == [len(CONTENT) - 1]
    assert (tmp_path / BLOB.digest.hex).read_bytes() == CONTENT


@pytest.mark.parametrize("begun", [bytes(5000), CONTENT + b"more", bytes(len(CONTENT))])
def test_wrong_bytes_are_written_anew(tmp_path: Path, begun: bytes) -> None:
    (tmp_path / BEGUN).write_bytes(begun)
    source = Source()
    put(tmp_path, source)
    assert (tmp_path / BLOB.digest.hex).read_bytes() == CONTENT
    assert names(tmp_path) == [BLOB.digest.hex]


def test_a_source_with_wrong_bytes_is_not_believed_either(tmp_path: Path) -> None:
    (tmp_path / BEGUN).write_bytes(CONTENT[:5000])
    source = Source(content=CONTENT[:-1] + b"?")
    with pytest.raises(DigestMismatch):
        put(tmp_path, source)
    assert source.offsets == [5000, 0]
    assert names(tmp_path) == []


def test_a_run_that_was_stopped_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(Cancelled):
        put(tmp_path, Source(error=Cancelled("cancelled")))
    assert names(tmp_path) == []


def test_a_small_blob_is_not_worth_it(tmp_path: Path) -> None:
    small = Descriptor("application/octet-stream", Digest.of(b"hello"), 5)
    with pytest.raises(ConnectionFailed):
        put(tmp_path, Source(error=ConnectionFailed("gone"), content=b""), small)
    assert names(tmp_path) == []


def test_a_file_that_another_run_writes_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / BEGUN).write_bytes(b"of somebody else")
    with (tmp_path / BEGUN).open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        source = Source()
        workspace = Workspace(str(tmp_path))
        with BlobStream(source.open, BLOB) as stream:
            workspace.put_blob(stream, check_cancelled=lambda: None)
        workspace.close()
        assert source.offsets == [0]
        assert (tmp_path / BEGUN).read_bytes() == b"of somebody else"
    assert (tmp_path / BLOB.digest.hex).read_bytes() == CONTENT


@pytest.mark.parametrize("kind", ["hard link", "symbolic link", "pipe", "folder"])
def test_what_is_not_of_our_making_is_not_written_to(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "layout"
    folder.mkdir()
    stranger = tmp_path / "stranger"
    stranger.write_bytes(b"of somebody else")
    match kind:
        case "hard link":
            os.link(stranger, folder / BEGUN)
        case "symbolic link":
            (folder / BEGUN).symlink_to(stranger)
        case "pipe":
            os.mkfifo(folder / BEGUN)
        case _:
            (folder / BEGUN).mkdir()
    workspace = Workspace(str(folder))
    with BlobStream(Source().open, BLOB) as stream:
        workspace.put_blob(stream, check_cancelled=lambda: None)
    workspace.close()
    assert (folder / BLOB.digest.hex).read_bytes() == CONTENT
    assert stranger.read_bytes() == b"of somebody else"


def test_what_another_user_has_begun_is_in_nobodys_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / BEGUN).write_bytes(b"of somebody else")
    real = os.open

    def as_another_user(path: str, flags: int, mode: int = 0o777, *, dir_fd: int) -> int:
        if path == BEGUN:
            raise PermissionError(errno.EACCES, "Permission denied")
        return real(path, flags, mode, dir_fd=dir_fd)

    workspace = Workspace(str(tmp_path))
    workspace.make()
    monkeypatch.setattr(os, "open", as_another_user)
    with BlobStream(Source().open, BLOB) as stream:
        workspace.put_blob(stream, check_cancelled=lambda: None)
    workspace.close()
    assert (tmp_path / BLOB.digest.hex).read_bytes() == CONTENT
    assert (tmp_path / BEGUN).read_bytes() == b"of somebody else"


def test_a_blob_that_stops_because_another_one_lost_its_source_is_gone_on_with(
    tmp_path: Path,
) -> None:
    workspace = Workspace(str(tmp_path))
    stopped = Source(error=Cancelled("stopped, because another blob failed"))
    with BlobStream(stopped.open, BLOB) as stream, pytest.raises(Cancelled):
        workspace.put_blob(stream, check_cancelled=lambda: None)
    workspace.abandon(drop=False, needed=set)
    source = Source()
    put(tmp_path, source)
    assert source.offsets == [HALF]


def test_what_nobody_went_on_with_for_a_week_is_removed(tmp_path: Path) -> None:
    fresh, old = (tmp_path / f".regcopy-sha256-{digit * 64}.part" for digit in "ab")
    for path in (fresh, old):
        path.write_bytes(b"x")
    os.utime(old, (0, old.stat().st_mtime - KEPT_SECONDS - 60))
    put(tmp_path, Source())
    assert names(tmp_path) == sorted([fresh.name, BLOB.digest.hex])


def test_what_was_begun_of_a_blob_that_is_there_by_now_is_removed(tmp_path: Path) -> None:
    put(tmp_path, Source())
    for name in (BEGUN, ".regcopy-of-...part"):
        (tmp_path / name).write_bytes(CONTENT[:5000])
    workspace = Workspace(str(tmp_path))
    workspace.put_file("small", b"content")
    workspace.finish()
    assert names(tmp_path) == [BLOB.digest.hex, "small"]


def test_a_run_that_fails_for_good_leaves_nothing_begun(tmp_path: Path) -> None:
    begin(tmp_path)
    with pytest.raises(DigestMismatch):
        put(tmp_path, Source(content=CONTENT[:-1] + b"?"))
    assert names(tmp_path) == []


def test_blobs_go_into_a_part_of_the_disk_that_was_mounted_once_more(tmp_path: Path) -> None:
    (tmp_path / "layout/blobs/sha256").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    with mounted(tmp_path / "elsewhere", tmp_path / "layout/blobs/sha256"):
        workspace = Workspace(str(tmp_path / "layout"), "blobs")
        with BlobStream(Source().open, BLOB) as stream:
            workspace.put_blob(stream, "sha256", check_cancelled=lambda: None)
        workspace.put_file("small", b"content", "sha256")
        workspace.finish()
    assert names(tmp_path / "elsewhere") == sorted([BLOB.digest.hex, "small"])


@contextmanager
def mounted(what: Path, where: Path) -> Iterator[None]:
    """A folder in a second place, where this process may do that."""
    try:
        subprocess.run(
            ["mount", "--bind", str(what), str(where)], check=True, capture_output=True, timeout=10
        )
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("mounting a folder needs root")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(where)], check=True, timeout=10)


def test_it_does_not_lie_beside_the_blobs(tmp_path: Path) -> None:
    workspace = Workspace(str(tmp_path), "blobs")
    stream = BlobStream(Source(error=ConnectionFailed("gone")).open, BLOB)
    with pytest.raises(ConnectionFailed):
        workspace.put_blob(stream, "sha256", check_cancelled=lambda: None)
    workspace.abandon(drop=False, needed=set)
    assert names(tmp_path / "blobs") == [BEGUN]
    again = Workspace(str(tmp_path), "blobs")
    with BlobStream(Source().open, BLOB) as stream:
        again.put_blob(stream, "sha256", check_cancelled=lambda: None)
    again.finish()
    assert names(tmp_path / "blobs") == ["sha256"]
    assert names(tmp_path / "blobs" / "sha256") == [BLOB.digest.hex]
