"""Locks on folders."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from regcopy.errors import Cancelled, StorageFailed
from regcopy.streams.files import Folder
from regcopy.streams.locks import lock, locked, try_lock

# Two descriptors of one folder stand for two processes: flock(2) locks belong to descriptors.


@pytest.fixture
def ours(tmp_path: Path) -> Iterator[Folder]:
    """The folder, as one process has it."""
    with Folder.open(str(tmp_path)) as folder:
        yield folder


@pytest.fixture
def theirs(tmp_path: Path) -> Iterator[Folder]:
    """The same folder, as another process has it."""
    with Folder.open(str(tmp_path)) as folder:
        yield folder


def test_shared_locks_keep_out_only_the_exclusive_one(ours: Folder, theirs: Folder) -> None:
    assert try_lock(ours, shared=True) == "held"

    assert try_lock(theirs, shared=True) == "held"
    assert try_lock(theirs) == "busy"


def test_a_lock_is_released_at_the_end_of_the_block(ours: Folder, theirs: Folder) -> None:
    with locked(ours) as held:
        assert held
        assert try_lock(theirs) == "busy"

    assert try_lock(theirs) == "held"


def test_a_lock_is_released_when_the_folder_is_closed(ours: Folder, theirs: Folder) -> None:
    lock(ours)
    ours.close()

    assert try_lock(theirs) == "held"


def test_a_lock_is_waited_for(ours: Folder, theirs: Folder) -> None:
    lock(theirs)

    assert lock(ours, sleep=lambda _seconds: theirs.close())


def test_waiting_for_a_lock_has_an_end(ours: Folder, theirs: Folder) -> None:
    lock(theirs)

    with pytest.raises(StorageFailed, match="in use by another process for 0 s"):
        lock(ours, timeout_seconds=0)


def test_a_cancelled_run_does_not_wait_for_a_lock(ours: Folder, theirs: Folder) -> None:
    def cancelled(_seconds: float) -> None:
        raise Cancelled("cancelled")

    lock(theirs)

    with pytest.raises(Cancelled):
        lock(ours, sleep=cancelled)


def refuse_locks(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    """Make flock(2) fail."""

    def flock(_fd: int, _kind: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", flock)


def test_a_file_system_without_locks_is_gone_on_with(
    ours: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_locks(monkeypatch, errno.ENOLCK)

    with locked(ours) as held:
        assert not held


def test_a_fault_in_locking_is_an_error(ours: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_locks(monkeypatch, errno.EIO)

    with pytest.raises(StorageFailed, match="locking"):
        lock(ours)
