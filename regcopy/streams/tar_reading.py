"""The members of a tar file that a stranger made: where their bytes lie, and nothing else.

Formats: ustar and pax (POSIX.1-2017, pax, "ustar Interchange Format" and "pax Extended
Header"), and the long names and numbers of GNU tar. Nothing is extracted. Sparse members
are refused, because tools do not agree about where their bytes lie.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

from regcopy.errors import ContentError, LimitExceeded

TAR_BLOCK: Final = 512
# An image of 127 layers has 512 members at most; hundreds of images fit in.
MAX_MEMBERS: Final = 65_536
# One long name or pax header (Go's archive/tar has the same limit), and all of them together.
MAX_EXTENSION_BYTES: Final = 1024 * 1024
MAX_ALL_EXTENSIONS_BYTES: Final = 16 * 1024 * 1024

MemberKind = Literal["file", "symbolic link", "hard link", "folder", "special file"]
ReadAt = Callable[[int, int], bytes]
"""Gives so many bytes at an offset, both in bytes; fewer only where the file ends."""

_KINDS: Final[dict[bytes, MemberKind]] = {
    b"0": "file",
    b"\0": "file",
    b"7": "file",
    b"1": "hard link",
    b"2": "symbolic link",
    b"3": "special file",
    b"4": "special file",
    b"5": "folder",
    b"6": "special file",
}
_PAX_NAMES: Final = frozenset({b"path", b"linkpath"})
_EMPTY: Final = bytes(TAR_BLOCK)
_OCTAL: Final = re.compile(rb"[0-7]{1,21}")
_DECIMAL: Final = re.compile(r"[0-9]{1,19}")
_MAX_SIZE: Final = 2**62


@dataclass(frozen=True, slots=True)
class Member:
    """One entry of a tar file.

    Attributes:
        name: as it stands there; nobody has checked it.
        offset: where its bytes begin in the tar file.
        size: how many they are; 0 for what is no file.
        target: what a link names, as it stands there.
        mode: permissions.
    """

    name: str
    kind: MemberKind
    offset: int
    size: int
    target: str = ""
    mode: int = field(default=0, compare=False)


@dataclass(slots=True)
class _Extensions:
    """What the headers before a member say about it."""

    path: str = ""
    target: str = ""
    size: int | None = None


def read_members(
    read_at: ReadAt,
    *,
    what: str = "tar file",
    check_cancelled: Callable[[], None] = lambda: None,
    limit: int = MAX_MEMBERS,
    is_whole: bool = False,
) -> Iterator[Member]:
    """Give the members in order; their bytes are not read.

    Args:
        read_at: reads the tar file.
        what: the file, as messages call it.
        check_cancelled: called once for each member; raises to stop.
        limit: headers that there may be.
        is_whole: something else proves that nothing is cut off, such as a digest; then the
            blocks of zeros at the end may be missing, which some tools do not write into layers.

    Raises:
        ContentError: this is no tar file, it is cut off, or has sparse members.
        LimitExceeded: more members, or more about them, than an image can need.
    """
    return _Members(read_at, what, check_cancelled, limit, is_whole=is_whole).walk()


class _Members:
    def __init__(
        self,
        read_at: ReadAt,
        what: str,
        check_cancelled: Callable[[], None],
        limit: int,
        *,
        is_whole: bool,
    ) -> None:
        self._limit = limit
        self._is_whole = is_whole
        self._read_at = read_at
        self._what = what
        self._check_cancelled = check_cancelled
        self._position = 0
        self._headers = 0
        self._extension_bytes = 0

    def walk(self) -> Iterator[Member]:
        pending = _Extensions()
        while (block := self._next_header()) is not None:
            flag = block[156:157]
            if flag in b"xLK":
                self._extend(pending, flag, self._extension(_size(block, self._what)))
            elif flag == b"g":
                self._skip(_size(block, self._what))  # about all that follow: nothing we need
            else:
                yield self._member(block, pending)
                pending = _Extensions()

    def _next_header(self) -> bytes | None:
        self._check_cancelled()
        is_possible = self._position <= _MAX_SIZE
        block = self._read_at(self._position, TAR_BLOCK) if is_possible else b""
        if not block and self._is_whole and self._headers:
            return None
        if len(block) < TAR_BLOCK:
            raise self._cut_off()
        if block == _EMPTY:
            return None
        if not is_header(block):
            raise self._broken("is no tar file" if self._position == 0 else "is a broken tar file")
        self._headers += 1
        if self._headers > self._limit:
            raise LimitExceeded(f"{self._what} has more than {self._limit} members")
        self._position += TAR_BLOCK
        return block

    def _cut_off(self) -> ContentError:
        if self._position == 0:
            return self._broken("is no tar file: it is empty or too short")
        return self._broken("is cut off: it ends before the mark that ends a tar file")

    def _broken(self, problem: str) -> ContentError:
        return ContentError(f"{self._what} {problem}")

    def _member(self, block: bytes, extensions: _Extensions) -> Member:
        flag = block[156:157]
        if flag == b"S":
            raise self._broken("has sparse members")
        name = extensions.path or read_name(block)
        kind = _KINDS.get(flag, "special file")
        if flag == b"\0" and name.endswith("/"):
            kind = "folder"
        stored = _size(block, self._what) if extensions.size is None else extensions.size
        # Only files have bytes behind their header; a size of others is a remark.
        size = stored if kind == "file" or flag not in _KINDS else 0
        offset = self._position
        self._skip(size)
        target = extensions.target or read_text(block[157:257])
        mode = (read_number(block[100:108]) or 0) & 0o7777
        return Member(name, kind, offset, size, target if "link" in kind else "", mode)

    def _skip(self, size: int) -> None:
        self._position += size + -size % TAR_BLOCK

    def _extension(self, size: int) -> bytes:
        self._extension_bytes += size
        if size > MAX_EXTENSION_BYTES or self._extension_bytes > MAX_ALL_EXTENSIONS_BYTES:
            raise LimitExceeded(f"{self._what} has headers that are too long")
        content = self._read_at(self._position, size)
        if len(content) < size:
            raise self._cut_off()
        self._skip(size)
        return content

    def _extend(self, pending: _Extensions, flag: bytes, content: bytes) -> None:
        if flag == b"L":
            pending.path = read_text(content)
        elif flag == b"K":
            pending.target = read_text(content)
        else:
            for key, value in pax_records(content, broken=self._broken):
                self._apply(pending, read_text(key), read_text(value))

    def _apply(self, pending: _Extensions, key: str, value: str) -> None:
        if key == "path":
            pending.path = value
        elif key == "linkpath":
            pending.target = value
        elif key == "size":
            if _DECIMAL.fullmatch(value) is None or int(value) > _MAX_SIZE:
                raise self._broken("has a pax header with a broken size")
            pending.size = int(value)
        elif key.startswith("GNU.sparse."):
            raise self._broken("has sparse members")


def pax_records(
    content: bytes, *, broken: Callable[[str], ContentError]
) -> Iterator[tuple[bytes, bytes]]:
    """Give the records `length key=value` of a pax header; the length counts all of it.

    Args:
        content: of the header.
        broken: makes the error that is raised where a record is broken.
    """
    position = 0
    while position < len(content):
        space = content.find(b" ", position, position + 10)
        digits = content[position : max(space, position)]
        end = position + int(digits) if digits.isdigit() else -1
        record = content[space + 1 : end - 1] if space < end <= len(content) else b""
        key, equals, value = record.partition(b"=")
        if not equals or content[end - 1 : end] != b"\n":
            raise broken("has a broken pax header")
        if b"\0" in key or (key in _PAX_NAMES and b"\0" in value):
            raise broken("has a pax header with a zero byte in a name")
        yield key, value
        position = end


def is_header(block: bytes) -> bool:
    """Tell a header of a member by its checksum; some old programs added up signed characters."""
    stored = read_number(block[148:156])
    summed = block[:148] + b" " * 8 + block[156:]
    plain = sum(summed)
    return stored == plain or stored == plain - 256 * sum(byte > 127 for byte in summed)


def _size(block: bytes, what: str) -> int:
    size = read_number(block[124:136])
    if size is None or size > _MAX_SIZE:
        raise ContentError(f"{what} is a broken tar file")
    return size


def read_number(field: bytes) -> int | None:
    """Octal digits, or with the top bit set GNU's base 256; None where it is neither."""
    if field[0] & 0x80:
        return None if field[0] & 0x40 else int.from_bytes(bytes([field[0] & 0x3F]) + field[1:])
    digits = field.strip(b" \0").partition(b"\0")[0].rstrip(b" ")
    if not digits:
        return 0
    return int(digits, 8) if _OCTAL.fullmatch(digits) else None


def read_name(block: bytes) -> str:
    """Name in a header, with what stands before it in ustar's prefix."""
    name = read_text(block[:100])
    # GNU's own format has the magic "ustar  " and other things in this place.
    prefix = read_text(block[345:500]) if block[257:263] == b"ustar\0" else ""
    return f"{prefix}/{name}" if prefix else name


def read_text(field: bytes) -> str:
    """Text up to the first zero byte; what is no UTF-8 comes as surrogates."""
    return field.partition(b"\0")[0].decode("utf-8", "surrogateescape")
