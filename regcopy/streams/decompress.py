"""Compressed bytes become plain ones, whichever compression their first bytes show.

What comes in is hostile until it is verified: a kilobyte can unpack to a gigabyte, and a
megabyte can hold fifty thousand empty gzip members. So one step takes and gives a bounded
number of bytes, and costs no more than what it takes and gives.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from typing import Final, Literal, Protocol

from regcopy.errors import ContentError, LimitExceeded
from regcopy.streams.blob import BLOCK_BYTES, Readable
from regcopy.streams.windows import FRAME_HEADER_BYTES, MAX_WINDOW_LOG, Hold, window_bytes

Packing = Literal["gzip", "zstd", "bzip2", "xz"]

HEAD_BYTES: Final = 10
# RFC 1952, RFC 8878 (and its skippable frames, which may come first), bzip2, xz. A tar file
# begins with a file name, which may be "BZh1": so the mark of bzip2's first block counts too.
_MAGIC: Final[tuple[tuple[bytes, Packing], ...]] = (
    (b"\x1f\x8b\x08", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    *((bytes((first, 0x2A, 0x4D, 0x18)), "zstd") for first in range(0x50, 0x60)),
    *((b"BZh%d1AY&SY" % level, "bzip2") for level in range(1, 10)),
    *((b"BZh%d\x17\x72\x45\x38\x50\x90" % level, "bzip2") for level in range(1, 10)),
    (b"\xfd7zXZ\0", "xz"),
)

# What was taken behind the end of a part is copied once for each part. So a part begins with
# small steps; those of a long one soon become large.
_FIRST_STEP_BYTES: Final = 4 * 1024
_LARGEST_STEP_BYTES: Final = 256 * 1024
_GZIP_BITS: Final = 15 + 16
# xz -9 needs 65 MiB; a header can ask for 4 GiB.
_XZ_MEMORY_BYTES: Final = 70 * 1024 * 1024


def packing_of(head: bytes) -> Packing | None:
    """Tell how something is compressed by its first `HEAD_BYTES` bytes; None where it is not."""
    return next((packing for magic, packing in _MAGIC if head.startswith(magic)), None)


class Peeked:
    """A reader whose first bytes were looked at, and are still to be read.

    Attributes:
        head: the first `HEAD_BYTES` bytes; fewer only where there are no more.
    """

    def __init__(self, raw: Readable) -> None:
        """Read the first bytes of `raw`, which is closed with this."""
        self._raw = raw
        self._unread = b""
        while len(self._unread) < HEAD_BYTES and (block := raw.read(BLOCK_BYTES)):
            self._unread += block
        self.head = self._unread[:HEAD_BYTES]

    def read(self, size: int = -1, /) -> bytes:
        """Give the next bytes, b"" at the end."""
        if not self._unread:
            return self._raw.read(size)
        end = len(self._unread) if size < 0 else size
        block, self._unread = self._unread[:end], self._unread[end:]
        return block

    def close(self) -> None:
        """Close what is below; may be called twice."""
        self._raw.close()


class Decoder(Protocol):
    """What unpacks one part: the decompressors of the standard library have this form."""

    @property
    def eof(self) -> bool:
        """Whether the end of the part was reached."""
        ...

    @property
    def needs_input(self) -> bool:
        """Whether nothing more comes out without more input."""
        ...

    @property
    def unused_data(self) -> bytes:
        """What was given after the end."""
        ...

    def decompress(self, data: bytes | memoryview, max_length: int) -> bytes:
        """Take bytes, and give at most so many."""
        ...


class Unpacked:
    """The plain bytes behind compressed ones; a small block of either is held at a time.

    Several compressed parts may follow one another (RFC 1952, section 2.2; RFC 8878, 3.1).
    """

    def __init__(
        self, raw: Readable, packing: Packing, *, what: str = "", hold: Hold | None = None
    ) -> None:
        """Unpack something.

        Args:
            raw: the compressed bytes; closed with this.
            packing: how they are compressed.
            what: what messages call them.
            hold: asked for the room that a window of zstd takes; None where nobody counts.
        """
        self._raw = raw
        self._hold = hold if packing == "zstd" else None
        self._give_back: Callable[[], None] | None = None
        self._what = f"{packing} data of {what}" if what else f"{packing} data"
        self._new_decoder, self._error = _DECODERS[packing]()
        self._decoder: Decoder | None = None
        self._block = memoryview(b"")
        self._at = 0
        self._step = _FIRST_STEP_BYTES

    def read(self, size: int = -1, /) -> bytes:
        """Give the next bytes, b"" at the end; there may be fewer than asked for.

        Raises:
            ContentError: the data are broken, cut off, or followed by something else.
            LimitExceeded: to unpack them needs more memory than there is for it.
        """
        wanted = BLOCK_BYTES if size < 0 else min(size, BLOCK_BYTES)
        while wanted:
            if self._decoder is None:
                if not self._skip_zeros():
                    break
                self._take_room()
                self._decoder, self._step = self._new_decoder(), _FIRST_STEP_BYTES
            if block := self._unpack(self._decoder, wanted):
                return block
        return b""

    def _skip_zeros(self) -> bool:
        """Go to where the next part begins; False where there is none."""
        # Some tools fill up with zeros, as on a tape.
        while self._fill():
            step = bytes(self._block[self._at : self._at + _FIRST_STEP_BYTES])
            rest = step.lstrip(b"\0")
            self._at += len(step) - len(rest)
            if rest:
                return True
        return False

    def _take_room(self) -> None:
        """Wait for the memory that the part that begins here takes."""
        if self._hold is None:
            return
        while len(self._block) - self._at < FRAME_HEADER_BYTES:
            more = self._raw.read(_LARGEST_STEP_BYTES)
            if not more:
                break
            self._block, self._at = memoryview(bytes(self._block[self._at :]) + more), 0
        head = bytes(self._block[self._at : self._at + FRAME_HEADER_BYTES])
        self._give_back = self._hold(window_bytes(head))

    def _end_part(self) -> None:
        self._decoder = None
        if self._give_back is not None:
            self._give_back()
            self._give_back = None

    def _unpack(self, decoder: Decoder, wanted: int) -> bytes:
        data = self._take() if decoder.needs_input else memoryview(b"")
        try:
            block = decoder.decompress(data, wanted)
        except self._error as error:
            raise self._translated(error) from None
        if decoder.eof:
            self._at -= len(decoder.unused_data)
            self._end_part()
        return block

    def _take(self) -> memoryview:
        if not self._fill():
            raise ContentError(f"{self._what} are cut off")
        data = self._block[self._at : self._at + self._step]
        self._at += len(data)
        self._step = min(2 * self._step, _LARGEST_STEP_BYTES)
        return data

    def _fill(self) -> bool:
        """Read a block if none is left; False at the end."""
        if self._at == len(self._block):
            self._block, self._at = memoryview(self._raw.read(_LARGEST_STEP_BYTES)), 0
        return bool(self._block)

    def _translated(self, error: Exception) -> ContentError:
        if "memory" in str(error).casefold():
            return LimitExceeded(
                f"{self._what} need too much memory to be unpacked",
                hint="unpack it first (zstd -d --long=31, xz -d), or pack it with less: "
                f"zstd --long={MAX_WINDOW_LOG} at most, xz -9",
            )
        return ContentError(f"{self._what} are broken: {error}")

    def close(self) -> None:
        """Close what is below; may be called twice."""
        self._end_part()
        self._raw.close()


class _Inflating(Protocol):
    """What zlib and isal have in common."""

    @property
    def eof(self) -> bool: ...

    @property
    def unconsumed_tail(self) -> bytes: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


class _Gzip:
    """zlib's way of unpacking, in the form of `Decoder`."""

    def __init__(self, inner: _Inflating) -> None:
        self._inner = inner
        self._is_full = False

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        # A block that is full may have left more inside, even where all input is used up.
        return not self._is_full and not self._inner.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes | memoryview, max_length: int) -> bytes:
        block = self._inner.decompress(self._inner.unconsumed_tail + data, max_length)
        self._is_full = len(block) == max_length
        return block


_Maker = tuple[Callable[[], Decoder], type[Exception]]


def _gzip() -> _Maker:
    # Measured: isal unpacks three times as fast as zlib. It has no wheels for s390x, ppc64le.
    try:
        from isal import igzip_lib, isal_zlib
    except ImportError:
        return lambda: _Gzip(zlib.decompressobj(_GZIP_BITS)), zlib.error
    error: type[Exception] = igzip_lib.IsalError  # type: ignore[assignment]  # its stub's fault
    return lambda: _Gzip(isal_zlib.decompressobj(_GZIP_BITS)), error


def _zstd() -> _Maker:
    from regcopy.streams.zstd import DecompressionParameter, ZstdDecompressor, ZstdError

    options: dict[int, int] = {DecompressionParameter.window_log_max: MAX_WINDOW_LOG}
    return lambda: ZstdDecompressor(options=options), ZstdError


def _bzip2() -> _Maker:
    import bz2

    return bz2.BZ2Decompressor, OSError


def _xz() -> _Maker:
    import lzma

    return lambda: lzma.LZMADecompressor(memlimit=_XZ_MEMORY_BYTES), lzma.LZMAError


_DECODERS: Final[Mapping[Packing, Callable[[], _Maker]]] = {
    "gzip": _gzip,
    "zstd": _zstd,
    "bzip2": _bzip2,
    "xz": _xz,
}
