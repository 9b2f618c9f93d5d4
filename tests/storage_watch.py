"""Watching, and failing, the calls that change files: for tests of crashes and full disks."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

_CLEARING_CALLS = ("unlink", "rmdir")
CHANGING_CALLS = ("write", "fsync", "replace", "mkdir", "unlink", "rmdir")
NAMING_FILES = ("index.json", "manifest.json")


class StorageWatch:
    """Follows every call that changes files, from its making to the end of the test.

    Attributes:
        calls: their names, so far.
        faults: what a power cut could have shown: names that were given to bytes that were
            not synced, and images that were named while names were not synced.
    """

    def __init__(
        self,
        monkeypatch: pytest.MonkeyPatch,
        *,
        before: Callable[[int, str], None] = lambda _number, _name: None,
        after: Callable[[], None] = lambda: None,
    ) -> None:
        """Begin; `before` gets number and name of a call and may raise, `after` may look."""
        self.calls: list[str] = []
        self.faults: list[str] = []
        self._before = before
        self._after = after
        self._unsynced: set[tuple[int, int]] = set()
        self._inside = False
        for name in CHANGING_CALLS:
            monkeypatch.setattr(os, name, self._watched(name, getattr(os, name)))

    @property
    def count(self) -> int:
        """Calls so far."""
        return len(self.calls)

    @property
    def failing(self) -> list[int]:
        """Numbers of the calls that `fail_call` makes fail."""
        return [n for n, name in enumerate(self.calls) if name not in _CLEARING_CALLS]

    def _watched(self, name: str, real: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object, **options: object) -> object:
            if self._inside:
                return real(*args, **options)
            self._before(len(self.calls), name)
            self._inside = True
            try:
                self.calls.append(name)
                self._note(name, args, options)
                result = real(*args, **options)
                if name == "mkdir":
                    self._unsynced.add(_folder_of(args[0], options.get("dir_fd")))
                self._after()
                return result
            finally:
                self._inside = False

        return call

    def _note(self, name: str, args: tuple[object, ...], options: dict[str, object]) -> None:
        if name == "write":
            self._unsynced.add(_identity(args[0]))
        elif name == "fsync":
            self._unsynced.discard(_identity(args[0]))
        elif name == "replace":
            self._note_replace(args, options)

    def _note_replace(self, args: tuple[object, ...], options: dict[str, object]) -> None:
        source, target = args
        found = os.stat(str(source), dir_fd=_number(options["src_dir_fd"]))
        if (found.st_dev, found.st_ino) in self._unsynced:
            self.faults.append(f"{target} got bytes that were not synced")
        if target in NAMING_FILES and self._unsynced:
            self.faults.append(
                f"{target} was written before what it needs was synced: {self._unsynced}"
            )
        self._unsynced.add(_folder_of(target, options["dst_dir_fd"]))


def _number(value: object) -> int:
    assert isinstance(value, int)
    return value


def _identity(fd: object) -> tuple[int, int]:
    found = os.fstat(_number(fd))
    return found.st_dev, found.st_ino


def _folder_of(path: object, dir_fd: object) -> tuple[int, int]:
    if dir_fd is not None:
        return _identity(dir_fd)
    found = os.stat(os.path.dirname(str(path)))
    return found.st_dev, found.st_ino


def fail_call(number: int, code: int = errno.ENOSPC) -> Callable[[int, str], None]:
    """Make a `before` that fails one call, unless it is one that clears up."""

    def before(count: int, name: str) -> None:
        if count == number and name not in _CLEARING_CALLS:
            raise OSError(code, os.strerror(code))

    return before


def contents(folder: Path) -> dict[str, bytes]:
    """Give all files below a folder, by their path in it; links are given as what they say."""
    found: dict[str, bytes] = {}
    for path in sorted(folder.rglob("*")):
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            found[str(path.relative_to(folder))] = os.readlink(path).encode()
        elif stat.S_ISREG(mode):
            found[str(path.relative_to(folder))] = path.read_bytes()
    return found
