"""A folder that runs write images into, beside each other."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from regcopy.errors import (
    Cancelled,
    ConnectionFailed,
    DigestMismatch,
    NotFound,
    ServerFault,
    StorageFailed,
    UsageError,
)
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.streams.files import Folder
from regcopy.streams.locks import try_lock
from regcopy.streams.workspace import Workspace, may_pass
from tests.hand_copy import stream_of
from tests.storage_watch import StorageWatch, contents, fail_call

HELLO = Digest.of(b"hello").hex


def put(workspace: Workspace, content: bytes, sub: str = "sha256") -> Descriptor:
    """Write a blob."""
    with stream_of(content) as stream:
        return workspace.put_blob(stream, sub, check_cancelled=lambda: None)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A folder that does not exist, in one that does not exist."""
    return tmp_path / "new" / "layout"


@pytest.fixture
def workspace(path: Path) -> Iterator[Workspace]:
    """A workspace there, whose files go into `blobs`."""
    made = Workspace(str(path), "blobs")
    yield made
    made.close()


def test_nothing_is_created_by_looking(workspace: Workspace, tmp_path: Path) -> None:
    assert workspace.sub("sha256") is None
    assert list(tmp_path.iterdir()) == []


def test_a_blob_is_written_under_the_digits_of_its_digest(workspace: Workspace, path: Path) -> None:
    blob = put(workspace, b"hello")

    assert (blob.digest.hex, blob.size) == (HELLO, 5)
    assert contents(path) == {f"blobs/sha256/{HELLO}": b"hello"}


def test_a_blob_with_wrong_bytes_is_never_visible(workspace: Workspace, path: Path) -> None:
    promised = Descriptor("", Digest.of(b"hello"), 5)

    with stream_of(b"jello", promised) as stream, pytest.raises(DigestMismatch):
        workspace.put_blob(stream, "sha256", check_cancelled=lambda: None)

    assert contents(path) == {}


def test_a_cancelled_run_stops_in_the_middle_of_a_blob(workspace: Workspace, path: Path) -> None:
    def check_cancelled() -> None:
        raise Cancelled("cancelled")

    with stream_of(b"hello") as stream, pytest.raises(Cancelled):
        workspace.put_blob(stream, "sha256", check_cancelled=check_cancelled)

    assert contents(path) == {}


def test_a_failed_run_removes_all_that_it_created(workspace: Workspace, tmp_path: Path) -> None:
    put(workspace, b"hello")

    workspace.abandon(drop=True, needed=set)

    assert list(tmp_path.iterdir()) == []


def test_a_run_that_may_pass_later_keeps_whole_blobs(workspace: Workspace, path: Path) -> None:
    put(workspace, b"hello")

    workspace.abandon(drop=False, needed=set)

    assert contents(path) == {f"blobs/sha256/{HELLO}": b"hello"}


def test_folders_that_are_not_ours_stay(path: Path) -> None:
    path.mkdir(parents=True)
    workspace = Workspace(str(path), "blobs")
    put(workspace, b"hello")

    workspace.abandon(drop=True, needed=set)

    assert list(path.iterdir()) == []


def test_what_images_need_by_now_stays(workspace: Workspace, path: Path) -> None:
    put(workspace, b"hello")
    put(workspace, b"world")

    workspace.abandon(drop=True, needed=lambda: {HELLO})

    assert contents(path) == {f"blobs/sha256/{HELLO}": b"hello"}


def test_files_that_were_there_before_stay(path: Path) -> None:
    first, second = Workspace(str(path), "blobs"), Workspace(str(path), "blobs")
    put(first, b"hello")
    first.finish()
    put(second, b"hello")

    second.abandon(drop=True, needed=set)

    assert contents(path) == {f"blobs/sha256/{HELLO}": b"hello"}


def test_nothing_is_removed_while_another_run_works_there(workspace: Workspace, path: Path) -> None:
    other = Workspace(str(path), "blobs")
    put(workspace, b"hello")
    assert other.sub("sha256") is not None

    workspace.abandon(drop=True, needed=set)

    assert contents(path) == {f"blobs/sha256/{HELLO}": b"hello"}
    other.close()


def test_an_error_of_clearing_up_is_not_shown(workspace: Workspace, path: Path) -> None:
    def needed() -> set[str]:
        raise StorageFailed("index.json cannot be read")

    put(workspace, b"hello")

    workspace.abandon(drop=True, needed=needed)

    assert contents(path) == {f"blobs/sha256/{HELLO}": b"hello"}


@pytest.mark.parametrize("ending", ["finish", "abandon"])
def test_the_end_of_a_run_clears_away_what_killed_runs_left(
    workspace: Workspace, path: Path, ending: str
) -> None:
    put(workspace, b"hello")
    (path / "blobs" / "sha256" / ".regcopy-0123456789abcdef.tmp").write_bytes(b"hel")

    if ending == "finish":
        workspace.finish()
    else:
        workspace.abandon(drop=False, needed=set)

    assert contents(path) == {f"blobs/sha256/{HELLO}": b"hello"}


def test_a_temporary_file_of_another_run_stays(workspace: Workspace, path: Path) -> None:
    other = Workspace(str(path), "blobs")
    put(workspace, b"hello")
    theirs = other.make("sha256")
    (path / "blobs" / "sha256" / ".regcopy-0123456789abcdef.tmp").write_bytes(b"hel")

    workspace.finish()

    assert len(theirs.names()) == 2
    other.close()


def test_tidying_happens_only_while_no_other_run_works_there(
    workspace: Workspace, path: Path
) -> None:
    calls: list[str] = []
    other = Workspace(str(path), "blobs")
    put(workspace, b"hello")
    put(other, b"world")

    workspace.finish(lambda: calls.append("first"))
    other.finish(lambda: calls.append("last"))

    assert calls == ["last"]


def test_a_folder_that_vanishes_before_it_is_locked_is_made_again(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vanished: list[str] = []
    real = Folder.is_in_place

    def is_in_place(folder: Folder) -> bool:
        if not vanished:
            vanished.append(folder.path)
            os.rmdir(folder.path)
        return real(folder)

    monkeypatch.setattr(Folder, "is_in_place", is_in_place)
    workspace = Workspace(str(path), "blobs")

    put(workspace, b"hello")
    workspace.finish()

    assert vanished == [str(path / "blobs")]
    assert contents(path) == {f"blobs/sha256/{HELLO}": b"hello"}


def test_a_folder_that_vanishes_before_the_inner_one_is_made_is_made_again(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vanished: list[str] = []
    real = Folder.make

    def make(folder: Folder, name: str) -> bool:
        if not vanished:
            vanished.append(folder.path)
            os.rmdir(folder.path)
        return real(folder, name)

    monkeypatch.setattr(Folder, "make", make)
    workspace = Workspace(str(path), "blobs")

    put(workspace, b"hello")
    workspace.finish()

    assert vanished == [str(path)]
    assert contents(path) == {f"blobs/sha256/{HELLO}": b"hello"}


def test_a_run_that_waits_in_vain_leaves_the_folder_to_the_one_that_has_it(path: Path) -> None:
    def cancelled(_seconds: float) -> None:
        raise Cancelled("cancelled")

    waiting = Workspace(str(path), "blobs", sleep=cancelled)
    (path / "blobs").mkdir(parents=True)
    with Folder.open(str(path / "blobs")) as blobs:
        assert try_lock(blobs) == "held"
        with pytest.raises(Cancelled):
            waiting.make("sha256")

        waiting.abandon(drop=True, needed=set)

        assert blobs.is_in_place()


def test_a_path_below_a_file_cannot_be_created(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    workspace = Workspace(str(tmp_path / "file" / "layout"), "blobs")

    with pytest.raises(StorageFailed, match="Not a directory"):
        put(workspace, b"hello")


def test_a_link_that_leads_nowhere_is_no_place(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("nowhere")
    workspace = Workspace(str(tmp_path / "link"))

    with pytest.raises(StorageFailed, match="leads nowhere"):
        workspace.make()

    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("place", ["blobs", "blobs/sha256"])
def test_a_linked_folder_inside_is_not_written_to(path: Path, tmp_path: Path, place: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (path / place).parent.mkdir(parents=True)
    (path / place).symlink_to(outside)
    workspace = Workspace(str(path), "blobs")

    with pytest.raises(StorageFailed, match="this is no folder"):
        put(workspace, b"hello")

    assert list(outside.iterdir()) == []
    workspace.close()


def test_a_folder_that_cannot_be_made_leaves_nothing(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    StorageWatch(monkeypatch, before=fail_call(2, errno.EROFS))
    workspace = Workspace(str(path), "blobs")

    with pytest.raises(StorageFailed, match="Read-only file system") as caught:
        put(workspace, b"hello")

    assert "read-only" in caught.value.hint
    workspace.abandon(drop=True, needed=set)
    assert list(tmp_path.iterdir()) == []


def test_nothing_begins_anew_after_the_end(workspace: Workspace, path: Path) -> None:
    put(workspace, b"hello")
    workspace.abandon(drop=True, needed=set)

    with pytest.raises(StorageFailed, match="the run is over"):
        put(workspace, b"world")

    assert not path.exists()


def test_ending_twice_is_allowed_and_gives_all_descriptors_back(path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    workspace = Workspace(str(path), "blobs")
    put(workspace, b"hello")

    workspace.finish()
    workspace.abandon(drop=True, needed=set)
    workspace.close()

    assert len(os.listdir("/proc/self/fd")) == before
    assert contents(path) == {f"blobs/sha256/{HELLO}": b"hello"}


def test_a_workspace_holds_a_shared_lock_until_it_ends(workspace: Workspace, path: Path) -> None:
    put(workspace, b"hello")

    with ExitStack() as stack:
        blobs = stack.enter_context(Folder.open(str(path / "blobs")))
        assert try_lock(blobs) == "busy"
        workspace.finish()
        assert try_lock(blobs) == "held"


def test_folders_are_synced_once_and_not_for_each_blob(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    StorageWatch(monkeypatch, before=lambda _number, name: calls.append(name))
    for number in range(10):
        put(workspace, b"%d" % number)
    synced_files = calls.count("fsync")

    workspace.sync()

    assert synced_files == 10
    # new, layout, blobs, sha256, and the folder that `new` was made in.
    assert calls.count("fsync") - synced_files <= 6


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (ConnectionFailed("reset"), True),
        (ServerFault("503"), True),
        (None, True),
        (DigestMismatch("a", "b"), False),
        (StorageFailed("disk full"), False),
        (UsageError("no"), False),
        (NotFound("no"), False),
        (Cancelled("cancelled"), False),
        (KeyboardInterrupt(), False),
    ],
)
def test_only_faults_of_the_way_may_pass(error: BaseException | None, passes: bool) -> None:
    assert may_pass(error) is passes
