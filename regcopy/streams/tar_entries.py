"""What the headers of a tar file say about each member, read once and in order.

Readers of zstd:chunked layers take this from a table, and compare it with what Go's archive/tar
finds in the headers. So all is read as that does; where a header is broken, or could be read
in two ways, there is no answer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, Literal, NamedTuple

from regcopy.errors import ContentError
from regcopy.streams.blob import Readable
from regcopy.streams.tar_reading import (
    TAR_BLOCK,
    is_header,
    pax_records,
    read_name,
    read_number,
    read_text,
)

EntryKind = Literal["reg", "hardlink", "symlink", "char", "block", "dir", "fifo"]

# Names have 4 KiB at most on Linux, and an attribute 64 KiB.
_MAX_EXTENSION_BYTES: Final = 256 * 1024
_EMPTY: Final = bytes(TAR_BLOCK)
_KINDS: Final[Mapping[bytes, EntryKind]] = {
    b"0": "reg",
    b"\0": "reg",
    b"1": "hardlink",
    b"2": "symlink",
    b"3": "char",
    b"4": "block",
    b"5": "dir",
    b"6": "fifo",
}
_ATTRIBUTE: Final = b"SCHILY.xattr."
_DECIMAL: Final = re.compile(rb"[0-9]{1,18}")
_TIME: Final = re.compile(rb"([0-9]{1,18})(?:\.([0-9]*))?")
_MAX_NUMBER: Final = 2**62
_LAST_SECOND: Final = 253_402_300_799  # of the year 9999


class Undescribed(ContentError):
    """A tar file, or what should be one, that cannot be described so that all agree."""


class TarEntry(NamedTuple):
    """One member of a tar file.

    Attributes:
        size: of its content, in bytes; 0 for what is no file.
        target: what a link names.
        modified: time in the form of RFC 3339, "" where there is none; so are the other two.
        device: major and minor number.
        attributes: extended ones, by name.
    """

    kind: EntryKind
    name: str
    size: int
    target: str
    mode: int
    uid: int
    gid: int
    modified: str
    accessed: str
    changed: str
    device: tuple[int, int]
    attributes: Mapping[str, bytes]


class BlockReader:
    """Another reader's bytes in portions of the wished size, however that gives them."""

    def __init__(self, raw: Readable) -> None:
        """Read from `raw`, which stays the caller's to close."""
        self._raw = raw
        self._block = memoryview(b"")

    def exactly(self, size: int) -> bytes:
        """Give so many bytes; fewer only at the end."""
        pieces: list[memoryview] = []
        while size > 0:
            if not self._block:
                self._block = memoryview(self._raw.read())
            if not self._block:
                break
            pieces.append(self._block[:size])
            self._block = self._block[size:]
            size -= len(pieces[-1])
        return b"".join(pieces)


class HeaderReader:
    """Reads the headers of one member after another; who uses it reads what is between them.

    Attributes:
        raw: what was read since `take`.
    """

    def __init__(self, source: BlockReader) -> None:
        """Read from where `source` is, which must be where a header begins."""
        self._source = source
        self._raw: list[bytes] = []

    def take(self) -> bytes:
        """Give what was read since the last time: headers, padding and end marks."""
        raw = b"".join(self._raw)
        self._raw.clear()
        return raw

    def skip_padding(self, size: int) -> None:
        """Read what follows a content of that size. Raises Undescribed where it is cut off."""
        self._read(-size % TAR_BLOCK)

    def next(self) -> TarEntry | None:
        """Read all headers of a member; None at the end of the tar file.

        Raises:
            Undescribed: they are broken, or can be read in more than one way.
        """
        extensions: dict[bytes, bytes] = {}
        while (block := self._next_block()) is not None:
            flag = block[156:157]
            if flag not in b"xLK":
                return _entry(block, extensions)
            # One that is repeated, or is there in two forms, is read differently.
            if flag in extensions or (extensions and b"x" in (flag, *extensions)):
                raise Undescribed("a member has several headers of one kind")
            extensions[flag] = self._extension(_number(block[124:136]))
        if extensions:
            raise Undescribed("the tar file ends before a member")
        return None

    def _next_block(self) -> bytes | None:
        block = self._source.exactly(TAR_BLOCK)
        self._raw.append(block)
        if block == _EMPTY:
            block = self._source.exactly(TAR_BLOCK)
            self._raw.append(block)
            if block not in (_EMPTY, b""):
                raise Undescribed("a block of zeros stands alone")
            return None
        if not block:
            return None  # there is no mark that ends it, which is no fault
        if len(block) < TAR_BLOCK or not is_header(block):
            raise Undescribed("this is no tar file, or a broken one")
        return block

    def _extension(self, size: int) -> bytes:
        if size > _MAX_EXTENSION_BYTES:
            raise Undescribed("a header is too long")
        content = self._read(size)
        self.skip_padding(size)
        return content

    def _read(self, size: int) -> bytes:
        content = self._source.exactly(size)
        self._raw.append(content)
        if len(content) < size:
            raise Undescribed("the tar file is cut off")
        return content


def _entry(block: bytes, extensions: Mapping[bytes, bytes]) -> TarEntry:
    records = dict(pax_records(extensions.get(b"x", b""), broken=Undescribed))
    if any(key.startswith(b"GNU.sparse.") for key in records):
        raise Undescribed("a member is sparse")
    # What is empty leaves the header as it is.
    stated = {key: value for key, value in records.items() if value}
    name = read_text(stated.get(b"path") or extensions.get(b"L", b"")) or read_name(block)
    target = read_text(stated.get(b"linkpath") or extensions.get(b"K", b"") or block[157:257])
    kind = _kind(block, name)
    size = _stated(stated, b"size", block[124:136])
    if size and kind != "reg":
        raise Undescribed("what is no file has a size")
    accessed, changed = _unusual_times(block)
    return TarEntry(
        kind,
        _utf8(name),
        size,
        _utf8(target),
        mode=_number(block[100:108]),
        uid=_stated(stated, b"uid", block[108:116]),
        gid=_stated(stated, b"gid", block[116:124]),
        modified=_time(stated.get(b"mtime")) or _moment(_number(block[136:148])),
        accessed=_time(stated.get(b"atime")) or accessed,
        changed=_time(stated.get(b"ctime")) or changed,
        device=_device(block),
        attributes={
            _utf8(read_text(key[len(_ATTRIBUTE) :])): value
            for key, value in records.items()
            if key.startswith(_ATTRIBUTE)
        },
    )


def _kind(block: bytes, name: str) -> EntryKind:
    flag = block[156:157]
    kind = _KINDS.get(flag)
    if kind is None:
        raise Undescribed("a member is of an unusual kind")
    if not name:
        raise Undescribed("a member has no name")
    return "dir" if flag == b"\0" and name.endswith("/") else kind


def _stated(stated: Mapping[bytes, bytes], key: bytes, field: bytes) -> int:
    value = stated.get(key)
    if value is None:
        return _number(field)
    if _DECIMAL.fullmatch(value) is None:
        raise Undescribed("a number is broken")
    return int(value)


def _number(field: bytes) -> int:
    value = read_number(field)
    if value is None or value > _MAX_NUMBER:
        raise Undescribed("a number is broken")
    return value


def _is_gnu(block: bytes) -> bool:
    return block[257:265] == b"ustar  \0"


def _unusual_times(block: bytes) -> tuple[str, str]:
    """When it was read and changed, which only GNU's own format has a place for."""
    if block[257:263] == b"ustar\0" and block[508:512] == b"tar\0":
        raise Undescribed("it is in the format of star")
    if not _is_gnu(block):
        return "", ""
    accessed, changed = (block[at : at + 12] for at in (345, 357))
    return (
        _moment(_number(accessed)) if accessed[0] else "",
        _moment(_number(changed)) if changed[0] else "",
    )


def _device(block: bytes) -> tuple[int, int]:
    if block[257:263] == b"ustar\0" or _is_gnu(block):
        return _number(block[329:337]), _number(block[337:345])
    return 0, 0


def _time(value: bytes | None) -> str:
    if value is None:
        return ""
    found = _TIME.fullmatch(value)
    if found is None:
        raise Undescribed("a time is broken, or lies before 1970")
    return _moment(int(found[1]), (found[2] or b"").decode())


def _moment(seconds: int, fraction: str = "") -> str:
    if seconds > _LAST_SECOND:
        raise Undescribed("a time lies too far ahead")
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    digits = fraction[:9].rstrip("0")
    return f"{text}.{digits}Z" if digits else f"{text}Z"


def _utf8(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Undescribed("a name is no UTF-8") from None
    return text
