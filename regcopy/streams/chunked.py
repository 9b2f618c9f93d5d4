"""Layers in the format zstd:chunked, of which a reader can fetch the files that it lacks.

Such a layer is a plain zstd stream (RFC 8878) for whoever does not know the format. The content
of each file is a frame of its own, and what stands between files (headers and padding) others.
Frames that decompressors skip follow: a table of the members with the place of each content, the
notes of tar-split that make the tar file whole again, and a footer. Annotations of the layer's
descriptor say where the tables are (containers-storage-zstd-chunked(1)).

This is the format that containers/storage 1.59 reads and writes: the table of members has the
digest of the notes, without which it fetches no layer in parts. Only files are never split
where a rolling sum says so, which would let parts of large files be found again.

A layer that the tables cannot describe so that all readers agree is a zstd stream without them,
which any reader takes as a whole: what is no tar file (skopeo fails there), has two members of
one name, sparse ones, names that are no UTF-8 or more members than containers/storage reads.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Generator, Iterator, Mapping
from typing import Final

from regcopy.model.digest import Digest, new_hasher
from regcopy.model.mediatypes import (
    CHUNKED_CHECKSUM,
    CHUNKED_POSITION,
    CHUNKED_REMAINS_POSITION,
)
from regcopy.streams.blob import BLOCK_BYTES, Readable
from regcopy.streams.chunked_tables import Contents, Names, Placed, Table, TarNotes
from regcopy.streams.compress import new_zstd_compressor
from regcopy.streams.crc64 import Crc64
from regcopy.streams.tar_entries import BlockReader, HeaderReader, TarEntry, Undescribed
from regcopy.streams.tar_reading import TAR_BLOCK

_SKIPPABLE: Final = 0x184D2A50
_FRAME_HEADER: Final = struct.Struct("<II")
_FOOTER: Final = struct.Struct("<7Q8s")
_MAGIC: Final = b"GNUlInUx"
# The kind of table: that of CRFS.
_KIND: Final = 1
# 1 MiB, which few files have: measured, layers are as small, and take a megabyte less to make.
_WINDOW_LOG: Final = 20
# Small: several layers are made at once, and each portion is held more than once.
_PORTION_BYTES: Final = 256 * 1024

Annotate = Callable[[Mapping[str, str]], None]


class Chunked:
    """The bytes of a zstd:chunked layer, made of a plain tar file; little of it is held.

    The same tar file gives the same bytes again in one installation.
    """

    def __init__(
        self, source: Readable, level: int | None, *, folder: str, annotate: Annotate
    ) -> None:
        """Make a layer.

        Args:
            source: the tar file; it is closed with this.
            level: of zstd; None for its default.
            folder: for temporary files, where tables are large.
            annotate: called before the last byte is given, with the annotations of the
                layer's descriptor; there are none where it has no tables.
        """
        self._source = source
        self._tables = (Table(folder), Table(folder))
        self._writer = _Writer(source, level, self._tables, annotate)
        self._frames = self._writer.frames()
        self._ready = bytearray()
        self._ended = False

    def read(self, size: int = -1, /) -> bytes:
        """Give the next block; it is short only at the end.

        Raises:
            StorageFailed: there is no space for the tables.
            RegcopyError: what the source raises.
        """
        wanted = BLOCK_BYTES if size < 0 else size
        while len(self._ready) < wanted and not self._ended:
            frame = next(self._frames, None)
            self._ended = frame is None
            self._ready += frame or b""
        block = bytes(self._ready[:wanted])
        del self._ready[:wanted]
        return block

    def close(self) -> None:
        """Close the source, and remove temporary files; may be called twice."""
        for table in self._tables:
            table.close()
        self._source.close()


class _Writer:
    """Gives the layer piece by piece; knows how many bytes it gave."""

    def __init__(
        self, source: Readable, level: int | None, tables: tuple[Table, Table], annotate: Annotate
    ) -> None:
        self._source = BlockReader(source)
        self._headers = HeaderReader(self._source)
        self._compressor = new_zstd_compressor(level, window_log=_WINDOW_LOG)
        self._annotate = annotate
        self._members, self._remains = tables
        self._contents = Contents(self._members)
        self._notes = TarNotes(self._remains)
        self._names = Names()
        self._position = 0
        self._is_open = True  # an empty layer is one empty frame

    def frames(self) -> Iterator[bytes]:
        try:
            yield from self._tar_file()
            self._contents.end(self._remains.finish())
            checksum = self._members.finish()
        except Undescribed:
            yield from self._without_tables()
        else:
            yield from self._with_tables(checksum)

    def _tar_file(self) -> Iterator[bytes]:
        while (entry := self._headers.next()) is not None:
            self._names.add(entry.name)
            yield from self._piece(self._headers.take())
            placed = None
            if entry.size:
                yield self._end_frame()
                placed = yield from self._content(entry)
                self._headers.skip_padding(entry.size)
            self._notes.file(entry, placed)
            self._contents.add(entry, placed)
        if not self._names.are_unique():
            raise Undescribed("two members have one name")
        yield from self._piece(self._headers.take())
        while rest := self._source.exactly(_PORTION_BYTES):
            yield from self._piece(rest)
            # Whoever reads the notes looks for a header in each of them.
            if len(rest) % TAR_BLOCK or rest.count(0) < len(rest):
                raise Undescribed("something follows the tar file")
        yield self._end_frame()

    def _piece(self, raw: bytes) -> Iterator[bytes]:
        yield self._compress(raw)
        self._notes.piece(raw)

    def _content(self, entry: TarEntry) -> Generator[bytes, None, Placed]:
        start, left = self._position, entry.size
        hasher, crc64 = new_hasher("sha256"), Crc64()
        while left:
            # Always the same portions: the bytes that come out depend on them.
            wanted = min(left, _PORTION_BYTES)
            block = self._source.exactly(wanted)
            left -= wanted
            hasher.update(block)
            crc64.update(block)
            yield self._compress(block, ends=not left)
            if len(block) < wanted:
                raise Undescribed("the tar file is cut off")
        digest = Digest("sha256", hasher.hexdigest())
        return Placed(start, self._position, digest, crc64.digest())

    def _compress(self, block: bytes, *, ends: bool = False) -> bytes:
        kind = self._compressor
        made = kind.compress(block, kind.FLUSH_FRAME if ends else kind.CONTINUE)
        self._is_open = not ends
        self._position += len(made)
        return made

    def _end_frame(self) -> bytes:
        return self._compress(b"", ends=True) if self._is_open else b""

    def _without_tables(self) -> Iterator[bytes]:
        if raw := self._headers.take():
            yield self._compress(raw)
        while block := self._source.exactly(_PORTION_BYTES):
            yield self._compress(block)
        yield self._end_frame()
        self._annotate({})

    def _with_tables(self, checksum: Digest) -> Iterator[bytes]:
        members, remains = self._members, self._remains
        start = self._position + _FRAME_HEADER.size
        other = start + members.size + _FRAME_HEADER.size
        for table in (members, remains):
            yield _FRAME_HEADER.pack(_SKIPPABLE, table.size)
            yield from table.read()
        sizes = (members.size, members.plain_size)
        others = (remains.size, remains.plain_size)
        footer = _FOOTER.pack(start, *sizes, _KIND, other, *others, _MAGIC)
        yield _FRAME_HEADER.pack(_SKIPPABLE, len(footer)) + footer
        self._annotate(
            {
                CHUNKED_CHECKSUM: str(checksum),
                CHUNKED_POSITION: ":".join(map(str, (start, *sizes, _KIND))),
                CHUNKED_REMAINS_POSITION: ":".join(map(str, (other, *others))),
            }
        )
