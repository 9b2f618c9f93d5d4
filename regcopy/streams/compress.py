"""Plain bytes become compressed ones on the way."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Protocol

from regcopy.model.mediatypes import CompressionFormat, StreamFormat
from regcopy.streams.blob import BLOCK_BYTES, Readable

if TYPE_CHECKING:
    from regcopy.streams.zstd import ZstdCompressor

LEVELS: Final[Mapping[CompressionFormat, range]] = {
    "gzip": range(10),
    "zstd": range(1, 23),
    "zstd:chunked": range(1, 23),
}

# Measured on 200 MB of libraries and Python files, one core: isal 409, 404 and 278 MB/s at
# levels 1, 2 and 3 for 36.3, 35.8 and 35.2 % of the size; zlib 71, 48, 37 and 25 MB/s at
# levels 1, 4, 5 and 6 for 35.3, 32.8, 32.1 and 31.7 %. So isal 2 costs what 1 does, and zlib
# above 4 takes half as long again, then twice as long, for 2 and 3 % less.
_ISAL_LEVEL: Final = 2
_ISAL_LEVELS: Final = range(1, 4)
_ZLIB_LEVEL: Final = 4
# 15 bits of window, the most there is, and 16 for a gzip header: neither name nor time in it.
_GZIP_BITS: Final = 15 + 16
_ZSTD_LEVEL: Final = 3
# Above 11 a layer takes 50 MiB of memory, and at 22 more than 600. skopeo itself knows four
# speeds; the best of them is about this.
_ZSTD_HIGHEST: Final = 11


class Compressor(Protocol):
    """What zlib, isal and zstd have in common."""

    def compress(self, data: bytes, /) -> bytes:
        """Take bytes; some may come out."""
        ...

    def flush(self) -> bytes:
        """Give what is left, and end."""
        ...


class Compressed:
    """The compressed bytes of what another reader gives; a block is held at a time.

    The same bytes give the same bytes again in one installation: a header has no time.
    Installations with and without isal differ in them, and agree in what they unpack to.
    """

    def __init__(
        self, source: Readable, compression: StreamFormat, level: int | None = None
    ) -> None:
        """Read from `source`, which is closed with this."""
        self._source = source
        self._compressor = new_compressor(compression, level)
        self._ready = bytearray()
        self._ended = False

    def read(self, size: int = -1, /) -> bytes:
        """Give the next block; it is short only at the end. Raises what the source raises."""
        wanted = BLOCK_BYTES if size < 0 else size
        while len(self._ready) < wanted and not self._ended:
            self._advance()
        block = bytes(self._ready[:wanted])
        del self._ready[:wanted]
        return block

    def _advance(self) -> None:
        plain = self._source.read(BLOCK_BYTES)
        if plain:
            self._ready += self._compressor.compress(plain)
        else:
            self._ready += self._compressor.flush()
            self._ended = True

    def close(self) -> None:
        """Close the source; may be called twice."""
        self._source.close()


def new_compressor(compression: StreamFormat, level: int | None = None) -> Compressor:
    """Start compressed data.

    Args:
        compression: their format.
        level: one of `LEVELS`; None for one that costs little.
    """
    return new_zstd_compressor(level) if compression == "zstd" else _gzip(level)


def _gzip(level: int | None) -> Compressor:
    """Start a gzip file, with isal where it is installed and has that level.

    It has no wheels for s390x and ppc64le, where zlib does the same more slowly.
    """
    if level is None or level in _ISAL_LEVELS:
        try:
            from isal import isal_zlib
        except ImportError:
            pass
        else:
            fast: Compressor = isal_zlib.compressobj(level or _ISAL_LEVEL, wbits=_GZIP_BITS)
            return fast
    return zlib.compressobj(_ZLIB_LEVEL if level is None else level, wbits=_GZIP_BITS)


def new_zstd_compressor(
    level: int | None = None, *, window_log: int | None = None
) -> ZstdCompressor:
    """Start zstd data.

    Args:
        level: as in `new_compressor`.
        window_log: how far data may refer back, as a power of two; None for what is usual at
            the level.
    """
    from regcopy.streams.zstd import CompressionParameter, ZstdCompressor

    options: dict[int, int] = {
        CompressionParameter.compression_level: min(level or _ZSTD_LEVEL, _ZSTD_HIGHEST),
        CompressionParameter.checksum_flag: 1,
    }
    if window_log is not None:
        options[CompressionParameter.window_log] = window_log
    return ZstdCompressor(options=options)
