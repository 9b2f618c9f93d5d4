"""A layer put together again from its files and the notes that were taken when it was unpacked.

The notes (github.com/vbatts/tar-split, package tar/storage) are lines of JSON: pieces of the
tar file as they were, such as headers and padding, and between them the names of files whose
content belongs there. The result is the same tar file, byte for byte, if the files are.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from regcopy.errors import ContentError, LimitExceeded
from regcopy.model._json import JsonObject, load_object
from regcopy.streams.blob import BLOCK_BYTES, Readable
from regcopy.text import printable

OpenFile = Callable[[str, int], Readable]
"""Opens a file of the layer by its name in the tar file, at an offset in bytes."""

_FILE, _PIECE = 1, 2
# One piece holds what stands between two files: headers, and names of up to 1 MiB each.
_MAX_LINE_BYTES: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Entry:
    """Bytes as they are, or a file."""

    size: int
    content: bytes = b""
    name: str = ""


class Assembled:
    """The bytes of a layer from an offset on; a block is held at a time."""

    def __init__(self, notes: Readable, open_file: OpenFile, *, offset: int, what: str) -> None:
        """Put a layer together.

        Args:
            notes: lines as tar-split writes them, unpacked; closed with this.
            open_file: opens its files.
            offset: first byte that is wanted.
            what: the layer, as messages call it.
        """
        self._notes = notes
        self._entries = _entries(notes, what)
        self._open_file = open_file
        self._skip = offset
        self._what = what
        self._content = memoryview(b"")
        self._file: Readable | None = None
        self._name = ""
        self._left = 0

    def read(self, size: int = -1, /) -> bytes:
        """Give the next bytes, b"" at the end.

        Raises:
            ContentError: the notes are broken, or a file is shorter than they say.
            TransportError: a file cannot be read.
        """
        wanted = BLOCK_BYTES if size < 0 else size
        blocks: list[bytes] = []
        while wanted > 0 and (block := self._next(wanted)):
            blocks.append(block)
            wanted -= len(block)
        return b"".join(blocks)

    def _next(self, wanted: int) -> bytes:
        while not self._content and self._file is None:
            entry = next(self._entries, None)
            if entry is None:
                return b""
            self._begin(entry)
        if self._file is not None:
            return self._from_file(self._file, wanted)
        block, self._content = bytes(self._content[:wanted]), self._content[wanted:]
        return block

    def _begin(self, entry: _Entry) -> None:
        skipped = min(self._skip, entry.size)
        self._skip -= skipped
        if not entry.name:
            self._content = memoryview(entry.content)[skipped:]
        elif entry.size > skipped:
            self._file = self._open_file(entry.name, skipped)
            self._name, self._left = entry.name, entry.size - skipped

    def _from_file(self, file: Readable, wanted: int) -> bytes:
        block = file.read(min(wanted, self._left))
        self._left -= len(block)
        if not block:
            shown = printable(self._name, limit=200)
            raise ContentError(f"{shown} in {self._what} is shorter than it was")
        if not self._left:
            self._close_file()
        return block

    def _close_file(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def close(self) -> None:
        """Close the notes and the file that is open; may be called twice."""
        self._close_file()
        self._notes.close()


def _entries(notes: Readable, what: str) -> Iterator[_Entry]:
    for number, line in enumerate(_lines(notes, what), 1):
        document = JsonObject(load_object(line, what=f"line {number} of the notes on {what}"))
        kind = document.integer("type")
        if kind == _PIECE:
            content = _decoded(document, "payload")
            yield _Entry(len(content), content)
        elif kind == _FILE:
            # A name that is no UTF-8 is given as bytes.
            raw = _decoded(document, "name_raw")
            name = raw.decode("utf-8", "surrogateescape") if raw else document.string("name")
            size = document.integer("size") if "size" in document.members else 0
            yield _Entry(size, name=name or ".")
        else:
            document.fail("type", "is neither 1 nor 2")


def _decoded(document: JsonObject, key: str) -> bytes:
    try:
        return base64.b64decode(document.string(key), validate=True)
    except (binascii.Error, ValueError):
        document.fail(key, "is not base64")


def _lines(notes: Readable, what: str) -> Iterator[bytes]:
    rest = b""
    while block := notes.read(BLOCK_BYTES):
        *lines, rest = (rest + block).split(b"\n")
        yield from filter(None, lines)
        if len(rest) > _MAX_LINE_BYTES:
            raise LimitExceeded(f"the notes on {what} have a line that is too long")
    if rest:
        yield rest
