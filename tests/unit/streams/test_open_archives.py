"""Archives that several images are read out of."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from regcopy.errors import ContentError, NotFound, StorageFailed
from regcopy.streams import open_archives as module
from regcopy.streams import tar_storage
from regcopy.streams.open_archives import OpenArchives, OpenedArchive
from regcopy.streams.resources import Resources
from regcopy.streams.tar_index import TarIndex
from regcopy.streams.tar_storage import TarStorage


class Watch:
    """Counts what is opened and closed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.opened: list[str] = []
        self.open_now = 0
        original = tar_storage.open_storage

        def watched(path: str, **how: object) -> TarStorage:
            storage = original(path, **how)  # type: ignore[arg-type]
            close = storage.close
            self.opened.append(os.path.basename(path))
            self.open_now += 1

            def told() -> None:
                self.open_now -= 1
                close()

            storage.close = told  # type: ignore[method-assign]
            return storage

        monkeypatch.setattr(module, "open_storage", watched)


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    """What is opened from now on."""
    return Watch(monkeypatch)


def archive(path: Path, name: str = "file", *, packed: bool = False) -> str:
    """Write an archive with one file, which holds its own name."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as tar:
        member = tarfile.TarInfo(name)
        member.size = len(name)
        tar.addfile(member, io.BytesIO(name.encode()))
    content = raw.getvalue()
    path.write_bytes(gzip.compress(content) if packed else content)
    return str(path)


def pool(*, kept: int = 0) -> OpenArchives:
    resources = Resources()
    resources.kept = kept
    return OpenArchives.of(resources)


def opened(archives: OpenArchives, path: str) -> OpenedArchive:
    return archives.open(path, folder="/tmp", check_cancelled=lambda: None)


def content(found: OpenedArchive, name: str = "file") -> bytes:
    return found.index.content(name, limit=100)


@pytest.mark.parametrize("packed", [False, True])
def test_two_readers_share_one_archive(tmp_path: Path, watch: Watch, packed: bool) -> None:
    archives, path = pool(), archive(tmp_path / "a.tar", packed=packed)
    one, other = opened(archives, path), opened(archives, path)
    one.close()
    assert content(other) == b"file"
    assert watch.opened == ["a.tar"]
    other.close()
    assert watch.open_now == 0


def test_a_table_of_contents_is_read_once_for_all_readers(tmp_path: Path) -> None:
    archives, path = pool(kept=1), archive(tmp_path / "a.tar")
    names: list[str] = []

    def read(index: TarIndex) -> bytes:
        names.append("file")
        return index.content("file", limit=100)

    for _ in range(3):
        reader = opened(archives, path)
        assert reader.table(bytes, read) == b"file"
        reader.close()
    archives.close()
    assert names == ["file"]


def test_a_table_that_is_broken_is_told_to_each_reader(tmp_path: Path) -> None:
    archives, path = pool(), archive(tmp_path / "a.tar")

    def read(_: TarIndex) -> bytes:
        raise ContentError("broken")

    reader = opened(archives, path)
    for _ in range(2):
        with pytest.raises(ContentError, match="broken"):
            reader.table(bytes, read)
    reader.close()


def test_a_reader_leaves_once(tmp_path: Path, watch: Watch) -> None:
    archives, path = pool(), archive(tmp_path / "a.tar")
    one, other = opened(archives, path), opened(archives, path)
    one.close()
    one.close()
    assert content(other) == b"file"
    other.close()
    assert watch.open_now == 0


def test_what_is_kept_is_opened_once_for_readers_one_after_another(
    tmp_path: Path, watch: Watch
) -> None:
    archives, path = pool(kept=1), archive(tmp_path / "a.tar", packed=True)
    for _ in range(3):
        reader = opened(archives, path)
        assert content(reader) == b"file"
        reader.close()
    assert (watch.opened, watch.open_now) == (["a.tar"], 1)
    archives.close()
    assert watch.open_now == 0


def test_of_many_only_the_last_ones_are_kept(tmp_path: Path, watch: Watch) -> None:
    archives = pool(kept=2)
    paths = [archive(tmp_path / f"{number}.tar") for number in range(5)]
    for path in paths:
        opened(archives, path).close()
    assert watch.open_now == 2
    opened(archives, paths[4]).close()
    assert len(watch.opened) == 5
    archives.close()
    assert watch.open_now == 0


def test_an_archive_that_was_replaced_is_another_one(tmp_path: Path, watch: Watch) -> None:
    archives, path = pool(kept=1), archive(tmp_path / "a.tar", "old")
    opened(archives, path).close()
    archive(tmp_path / "b.tar", "new")
    (tmp_path / "b.tar").replace(path)
    reader = opened(archives, path)
    assert content(reader, "new") == b"new"
    reader.close()
    archives.close()
    assert watch.open_now == 0


def test_what_comes_out_of_a_pipe_is_there_for_the_next_reader(
    tmp_path: Path, watch: Watch
) -> None:
    archives = pool(kept=1)
    archive(tmp_path / "a.tar")
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(
        target=lambda: (tmp_path / "pipe").write_bytes((tmp_path / "a.tar").read_bytes())
    )
    writer.start()
    for number in range(3):
        reader = opened(archives, str(tmp_path / "pipe"))
        assert content(reader) == b"file"
        reader.close()
        opened(archives, archive(tmp_path / f"{number}.tar")).close()
    writer.join(10)
    assert watch.opened.count("pipe") == 1
    archives.close()
    assert watch.open_now == 0


def test_a_broken_pipe_is_not_waited_for_again(tmp_path: Path, watch: Watch) -> None:
    archives, pipe = pool(kept=1), tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(b"no tar file" * 100))
    writer.start()
    with pytest.raises(ContentError):
        opened(archives, str(pipe))
    writer.join(10)
    with pytest.raises(StorageFailed, match=r"of which nothing is left: .*pipe"):
        opened(archives, str(pipe))
    archives.close()
    assert watch.open_now == 0


def test_readers_that_come_at_once_open_it_once(tmp_path: Path, watch: Watch) -> None:
    archives, path = pool(), archive(tmp_path / "a.tar", packed=True)
    everybody = threading.Barrier(8)

    def read(_: int) -> bytes:
        reader = opened(archives, path)
        everybody.wait(20)
        try:
            return content(reader)
        finally:
            reader.close()

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(read, range(8))) == {b"file"}
    assert (watch.opened, watch.open_now) == (["a.tar"], 0)


@pytest.mark.parametrize("kept", [0, 2])
def test_one_that_cannot_be_read_is_tried_anew_and_never_kept(
    tmp_path: Path, watch: Watch, kept: int
) -> None:
    archives, path = pool(kept=kept), tmp_path / "a.tar"
    with pytest.raises(NotFound):
        opened(archives, str(path))
    path.write_bytes(b"no archive at all" * 100)
    for _ in range(2):
        with pytest.raises(ContentError):
            opened(archives, str(path))
    assert (len(watch.opened), watch.open_now) == (2, 0)


def test_a_reader_outlives_the_session(tmp_path: Path, watch: Watch) -> None:
    archives, path = pool(kept=1), archive(tmp_path / "a.tar")
    reader = opened(archives, path)
    archives.close()
    assert content(reader) == b"file"
    reader.close()
    assert watch.open_now == 0
