"""The two tables behind the content of a zstd:chunked layer: its members, and its tar file.

The first says of each member what its headers say, and where its content lies; the second, in
the form of tar-split, holds all bytes of the tar file that are no content. Both are compressed
while they are made, and what is over a mebibyte goes into a temporary file, so that a layer of
any number of files takes little memory.
"""

from __future__ import annotations

import base64
import json
import posixpath
import tempfile
from array import array
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from typing import Final, NamedTuple

from regcopy.model.digest import Digest, new_hasher
from regcopy.streams.blob import BLOCK_BYTES
from regcopy.streams.files import storage_errors
from regcopy.streams.tar_entries import TarEntry, Undescribed

# containers/storage reads no longer table of members, plain or compressed, but takes the layer
# as any other; of the other table, which it holds compressed, no more is written either.
MAX_TABLE_BYTES: Final = 150 * 1024 * 1024
# A table of that size has less, unless it was made to have more.
MAX_ENTRIES: Final = 512 * 1024

_MEMORY_BYTES: Final = 1024 * 1024
_LINES_BYTES: Final = 64 * 1024
# Measured: tables are as small as at level 3 and take half a mebibyte less to compress.
_WINDOW_LOG: Final = 17
_LEVEL: Final = 1
_FILE, _PIECE = 1, 2
_NAME_SETS: Final = 256
_ENCODER: Final = json.JSONEncoder(separators=(",", ":"), check_circular=False)


class Placed(NamedTuple):
    """Where the content of a file lies in the layer.

    Attributes:
        start: offset of its first byte in the layer.
        end: offset behind its last one.
        digest: of the content, plain.
        crc64: of the same, eight bytes.
    """

    start: int
    end: int
    digest: Digest
    crc64: bytes


class Table:
    """Text that is compressed while it is written, and read back afterwards.

    Attributes:
        plain_size: bytes that were written.
        size: bytes that these became; final after `finish`.
    """

    def __init__(self, folder: str) -> None:
        """Begin; the folder is for a temporary file, where one is needed ("" for the usual)."""
        from regcopy.streams.zstd import CompressionParameter, ZstdCompressor

        self.plain_size = 0
        self.size = 0
        self._folder = folder
        self._hasher = new_hasher("sha256")
        self._lines: list[bytes] = []
        self._waiting = 0
        self._file = tempfile.SpooledTemporaryFile(_MEMORY_BYTES, dir=folder or None)  # noqa: SIM115
        self._compressor = ZstdCompressor(
            options={
                CompressionParameter.compression_level: _LEVEL,
                CompressionParameter.window_log: _WINDOW_LOG,
                CompressionParameter.checksum_flag: 1,
            }
        )

    def write(self, text: bytes) -> None:
        """Add some text.

        Raises:
            Undescribed: the table is too long.
            StorageFailed: there is no space for it.
        """
        self._lines.append(text)
        self._waiting += len(text)
        self.plain_size += len(text)
        if self._waiting >= _LINES_BYTES:
            self._store(self._compressor.compress(b"".join(self._lines)))
            self._lines.clear()
            self._waiting = 0

    def _store(self, block: bytes) -> None:
        self._hasher.update(block)
        self.size += len(block)
        if self.size > MAX_TABLE_BYTES:
            raise Undescribed("the layer has too many members")
        with storage_errors("writing a temporary file in", self._folder):
            self._file.write(block)

    def finish(self) -> Digest:
        """Write no more; gives the digest of the compressed bytes. Raises as `write` does."""
        self._store(self._compressor.compress(b"".join(self._lines)) + self._compressor.flush())
        self._lines.clear()
        return Digest("sha256", self._hasher.hexdigest())

    def read(self) -> Iterator[bytes]:
        """Give the compressed bytes, after `finish`. Raises StorageFailed."""
        with storage_errors("reading a temporary file in", self._folder):
            self._file.seek(0)
        while True:
            with storage_errors("reading a temporary file in", self._folder):
                block = self._file.read(BLOCK_BYTES)
            if not block:
                return
            yield block

    def close(self) -> None:
        """Give the memory or the file back; may be called twice."""
        self._file.close()


class Names:
    """Names of members, of which only eight bytes each are kept."""

    def __init__(self) -> None:
        """Know none yet."""
        self._sums = [array("Q") for _ in range(_NAME_SETS)]
        self._count = 0

    def add(self, name: str) -> None:
        """Note a name. Raises Undescribed where there are too many."""
        self._count += 1
        if self._count > MAX_ENTRIES:
            raise Undescribed("the layer has too many members")
        path = posixpath.normpath("/" + name.lstrip("/"))
        number = int.from_bytes(blake2b(path.encode(), digest_size=8).digest())
        self._sums[number % _NAME_SETS].append(number)

    def are_unique(self) -> bool:
        """Tell whether no two were alike."""
        return all(len(set(sums)) == len(sums) for sums in self._sums)


class TarNotes:
    """Writes the notes that tar-split takes of a tar file; `tar_split` reads them."""

    def __init__(self, table: Table) -> None:
        """Write into `table`, one line of JSON after another."""
        self._table = table
        self._position = 0

    def piece(self, raw: bytes) -> None:
        """Note bytes that are no content: padding, and the headers of one member. b"" is not."""
        if raw:
            self._add(b'"type":%d,"payload":"%s"' % (_PIECE, base64.b64encode(raw)))

    def file(self, entry: TarEntry, placed: Placed | None) -> None:
        """Note that the content of a member stands here, which may be none."""
        checksum = b'"%s"' % base64.b64encode(placed.crc64) if placed else b"null"
        described = (_FILE, _json(entry.name), entry.size, checksum)
        self._add(b'"type":%d,"name":%s,"size":%d,"payload":%s' % described)

    def _add(self, members: bytes) -> None:
        self._table.write(b'{%s,"position":%d}\n' % (members, self._position))
        self._position += 1


class Contents:
    """Writes the table of members; the names in it are those of the format."""

    def __init__(self, table: Table) -> None:
        """Write into `table`."""
        self._table = table
        self._separator = b""
        table.write(b'{"version":1,"entries":[')

    def add(self, entry: TarEntry, placed: Placed | None) -> None:
        """Enter a member, and where its content lies, if it has one.

        Raises:
            Undescribed: the table is too long.
        """
        self._table.write(self._separator + _json(_members(entry, placed)))
        self._separator = b","
        if self._table.plain_size > MAX_TABLE_BYTES:
            raise Undescribed("the layer has too many members")

    def end(self, notes: Digest) -> None:
        """End it with the digest of the other table, as it was compressed."""
        self._table.write(b'],"tarSplitDigest":"%s"}' % str(notes).encode())


def _members(entry: TarEntry, placed: Placed | None) -> dict[str, object]:
    major, minor = entry.device
    optional: dict[str, object] = {
        "linkName": entry.target,
        "mode": entry.mode,
        "size": entry.size,
        "uid": entry.uid,
        "gid": entry.gid,
        "modtime": entry.modified,
        "accesstime": entry.accessed,
        "changetime": entry.changed,
        "devMajor": major,
        "devMinor": minor,
        "xattrs": {name: _base64(value) for name, value in entry.attributes.items()},
    }
    if placed is not None:
        optional |= {
            "digest": str(placed.digest),
            "offset": placed.start,
            "endOffset": placed.end,
        }
    stated = {key: value for key, value in optional.items() if value}
    return {"type": entry.kind, "name": entry.name, **stated}


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _json(document: Mapping[str, object] | str) -> bytes:
    return _ENCODER.encode(document).encode()
