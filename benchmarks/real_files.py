"""Layers of real files: tar files of what is installed on this machine, made block by block."""

from __future__ import annotations

import os
import stat
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path("/usr")
_BLOCK_BYTES: Final = 1024 * 1024
# One huge file would make up a layer by itself.
_LARGEST: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class RealFile:
    """A file and the size that it had when it was found."""

    path: Path
    size: int


class RealLayer:
    """A tar file of these files, whose size is known before it is made.

    It has the same bytes each time, as long as the files have: of the files' own properties
    only name and size are in it. A file that became shorter is filled up with zeros.
    """

    def __init__(self, files: Sequence[RealFile], root: Path = ROOT) -> None:
        self._files = files
        self._root = root
        heads = sum(len(self._header(file)) for file in files)
        content = sum(file.size + -file.size % tarfile.BLOCKSIZE for file in files)
        self.size = heads + content + 2 * tarfile.BLOCKSIZE

    @property
    def names(self) -> list[str]:
        """Names of the files in it."""
        return [str(file.path.relative_to(self._root)) for file in self._files]

    def __iter__(self) -> Iterator[bytes]:
        ready = bytearray()
        for part in self._parts():
            ready += part
            while len(ready) >= _BLOCK_BYTES:
                yield bytes(ready[:_BLOCK_BYTES])
                del ready[:_BLOCK_BYTES]
        yield bytes(ready)

    def _parts(self) -> Iterator[bytes]:
        for file in self._files:
            yield self._header(file)
            yield from _content(file)
            yield bytes(-file.size % tarfile.BLOCKSIZE)
        yield bytes(2 * tarfile.BLOCKSIZE)

    def _header(self, file: RealFile) -> bytes:
        member = tarfile.TarInfo(str(file.path.relative_to(self._root)))
        member.size = file.size
        return member.tobuf(tarfile.GNU_FORMAT, errors="surrogateescape")


def _content(file: RealFile) -> Iterator[bytes]:
    left = file.size
    with file.path.open("rb") as opened:
        while left > 0 and (block := opened.read(min(left, _BLOCK_BYTES))):
            left -= len(block)
            yield block
    while left > 0:
        yield bytes(min(left, _BLOCK_BYTES))
        left -= _BLOCK_BYTES


def find_files(root: Path = ROOT) -> list[RealFile]:
    """Give the files below a folder that can be read, in the order of their names.

    Raises:
        RuntimeError: there are none.
    """
    found: list[RealFile] = []
    for folder, folders, names in os.walk(root):
        folders.sort()
        for name in sorted(names):
            path = Path(folder, name)
            there = path.lstat()
            is_fit = stat.S_ISREG(there.st_mode) and 0 < there.st_size <= _LARGEST
            if is_fit and os.access(path, os.R_OK):
                found.append(RealFile(path, there.st_size))
    if not found:
        raise RuntimeError(f"there are no files in {root} to make layers of")
    return found


def real_layers(
    files: Sequence[RealFile], *, layers: int, layer_bytes: int, root: Path = ROOT
) -> list[RealLayer]:
    """Make layers that have at least so many bytes each.

    Each begins elsewhere among the files, and goes on from the first one after the last.
    """
    return [
        RealLayer(_take(files, start * len(files) // layers, layer_bytes), root)
        for start in range(layers)
    ]


def _take(files: Sequence[RealFile], start: int, wanted: int) -> list[RealFile]:
    taken: list[RealFile] = []
    while wanted > 0:
        taken.append(files[(start + len(taken)) % len(files)])
        wanted -= taken[-1].size
    return taken
