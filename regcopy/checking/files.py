"""The files of an image: the tar files of its layers, laid one over the other.

Layers are streamed: a file is hashed while it passes, and nothing of it is kept but that.
What a layer removes stands in it as whiteouts (OCI image-spec layer.md, "Whiteouts").
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from regcopy.errors import ContentError, LimitExceeded
from regcopy.streams.blob import BLOCK_BYTES, BlobStream, Readable
from regcopy.streams.decompress import Peeked, Unpacked, packing_of
from regcopy.streams.tar_reading import Member, MemberKind, read_members

MAX_FILES: Final = 1_000_000
"""Headers in one layer, and files in one image; large images have a tenth of that."""

_WHITEOUT: Final = ".wh."
_OPAQUE: Final = ".wh..wh..opq"


@dataclass(frozen=True, slots=True)
class FileEntry:
    """What is known about one file, folder or link.

    Attributes:
        size: bytes; 0 for what is no file.
        content: SHA-256 of the bytes of a file, in hex; "" for what is no file.
        target: what a link names.
        mode: permissions.
    """

    kind: MemberKind
    size: int = 0
    content: str = ""
    target: str = ""
    mode: int = 0


Parts = tuple[str, ...]
LayerEntry = tuple[Parts, FileEntry]


def read_layer(
    stream: BlobStream, *, what: str, check_cancelled: Callable[[], None]
) -> list[LayerEntry]:
    """Read a layer to its end, and list what is in it, whiteouts included.

    Raises:
        ContentError: it is no tar file, or not what its descriptor says.
        LimitExceeded: there are more files in it than regcopy is willing to list.
    """
    peeked = Peeked(stream)
    packing = packing_of(peeked.head)
    forward = _Forward(Unpacked(peeked, packing, what=what) if packing else peeked)
    members = read_members(
        forward.read_at, what=what, check_cancelled=check_cancelled, limit=MAX_FILES, is_whole=True
    )
    try:
        found = [(_parts(one.name), _entry(one, forward, check_cancelled)) for one in members]
    except EOFError:
        raise ContentError(f"{what} is cut off: it ends within a file") from None
    stream.drain()  # what is behind the tar file is verified as well
    return found


class _Forward:
    """Reads at offsets that only grow, and passes over what is between them."""

    def __init__(self, raw: Readable) -> None:
        self._raw = raw
        self._position = 0

    def read_at(self, offset: int, size: int) -> bytes:
        if offset < self._position:
            raise ValueError(f"cannot go back from {self._position} to {offset}")
        while self._position < offset:
            if not self._next(offset - self._position):
                return b""
        blocks = bytearray()
        while len(blocks) < size and (block := self._next(size - len(blocks))):
            blocks += block
        return bytes(blocks)

    def _next(self, most: int) -> bytes:
        block = self._raw.read(min(most, BLOCK_BYTES))
        self._position += len(block)
        return block


def _parts(name: str) -> Parts:
    return tuple(part for part in name.split("/") if part not in ("", "."))


def _entry(member: Member, forward: _Forward, check_cancelled: Callable[[], None]) -> FileEntry:
    content = ""
    if member.kind == "file":
        hasher = hashlib.sha256()
        end = member.offset + member.size
        for offset in range(member.offset, end, BLOCK_BYTES):
            check_cancelled()
            size = min(BLOCK_BYTES, end - offset)
            block = forward.read_at(offset, size)
            if len(block) < size:
                raise EOFError
            hasher.update(block)
        content = hasher.hexdigest()
    return FileEntry(member.kind, member.size, content, member.target, member.mode)


@dataclass(slots=True)
class _Place:
    """One name in a folder; without an entry it is only known from what is below it."""

    entry: FileEntry | None = None
    below: dict[str, _Place] = field(default_factory=dict)


class FileTree:
    """The files of an image, while its layers are laid over one another."""

    def __init__(self) -> None:
        self._root = _Place()
        self._count = 0

    def lay(self, entries: Sequence[LayerEntry]) -> None:
        """Put a layer on top.

        Raises:
            LimitExceeded: there are more than `MAX_FILES` files.
        """
        # What a layer removes is of the layers below, wherever in the layer the mark stands.
        for parts, _ in entries:
            if parts and parts[-1].startswith(_WHITEOUT):
                self._remove(parts[:-1], parts[-1])
        for parts, entry in entries:
            if parts and not parts[-1].startswith(_WHITEOUT):
                self._put(parts, entry)

    def _remove(self, folder: Parts, mark: str) -> None:
        place = self._find(folder)
        if place is None:
            return
        if mark == _OPAQUE:
            place.below.clear()
        else:
            place.below.pop(mark.removeprefix(_WHITEOUT), None)

    def _find(self, parts: Parts) -> _Place | None:
        place: _Place | None = self._root
        for part in parts:
            place = place.below.get(part) if place else None
        return place

    def _put(self, parts: Parts, entry: FileEntry) -> None:
        place = self._root
        for part in parts:
            if part not in place.below:
                self._count += 1
                if self._count > MAX_FILES:
                    raise LimitExceeded(f"the image has more than {MAX_FILES} files")
                place.below[part] = _Place()
            place = place.below[part]
        place.entry = entry
        if entry.kind != "folder":
            place.below.clear()

    def files(self) -> Iterator[tuple[str, FileEntry]]:
        """Give all paths with what is there, in no particular order."""
        waiting: list[tuple[Parts, _Place]] = [((), self._root)]
        while waiting:
            parts, place = waiting.pop()
            if place.entry is not None:
                yield "/".join(parts), place.entry
            waiting += [((*parts, name), one) for name, one in place.below.items()]
