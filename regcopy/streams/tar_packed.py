"""Compressed archives and layers: told by their first bytes, unpacked a block at a time."""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable
from typing import Final, Literal, Protocol

from regcopy.errors import ContentError, LimitExceeded, ManifestUnsupported
from regcopy.streams.blob import BLOCK_BYTES, Readable

Packing = Literal["gzip", "zstd", "bzip2", "xz"]

HEAD_BYTES: Final = 6
_INPUT_BYTES: Final = 256 * 1024
_GZIP_BITS: Final = 15 + 16
# xz -9 needs 65 MiB; a header can ask for 4 GiB.
_XZ_MEMORY_BYTES: Final = 70 * 1024 * 1024
_ZSTD_WINDOW_LOG: Final = 26
# Zeros pack a thousand to one with gzip, and real layers, with all their holes, far less.
_BOMB_BYTES: Final = 1024 * 1024 * 1024
_BOMB_RATIO: Final = 500

_MAGIC: Final[tuple[tuple[bytes, Packing], ...]] = (
    (b"\x1f\x8b", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\0", "xz"),
)


def packing_of(head: bytes) -> Packing | None:
    """Tell how something is compressed by its first `HEAD_BYTES` bytes; None where it is not."""
    return next((packing for magic, packing in _MAGIC if head.startswith(magic)), None)


class Decoder(Protocol):
    """What the decompressors of the standard library have in common."""

    @property
    def eof(self) -> bool:
        """Whether the end of the compressed data was reached."""
        ...

    @property
    def needs_input(self) -> bool:
        """Whether nothing more comes out without more input."""
        ...

    @property
    def unused_data(self) -> bytes:
        """What was given after the end."""
        ...

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Take bytes, and give at most so many."""
        ...


class Unpacked:
    """The bytes behind compressed ones; a block of either is held at a time."""

    def __init__(self, raw: Readable, packing: Packing, *, what: str) -> None:
        """Unpack `raw`, which is closed with this; `what` is what messages call it."""
        self._raw = raw
        self._what = f"{packing} data of {what}"
        self._new_decoder = _DECODERS[packing]
        self._decoder = self._new_decoder()
        self._pending = b""
        self._taken = 0
        self._given = 0

    def read(self, size: int = -1, /) -> bytes:
        """Give the next bytes, b"" at the end.

        Raises:
            ContentError: they are broken or cut off.
            LimitExceeded: they unpack to far more than real data does.
        """
        wanted = BLOCK_BYTES if size < 0 else size
        while wanted and self._goes_on():
            data = self._input() if self._decoder.needs_input else b""
            block = self._decode(data, wanted)
            if block:
                self._count(block)
                return block
        return b""

    def _goes_on(self) -> bool:
        """Begin anew where one compressed part follows another; False at the very end."""
        if not self._decoder.eof:
            return True
        # Some tools fill up with zeros, as on a tape.
        rest = self._decoder.unused_data.lstrip(b"\0")
        while not rest:
            block = self._raw.read(_INPUT_BYTES)
            if not block:
                return False
            rest = block.lstrip(b"\0")
        self._pending, self._decoder = rest, self._new_decoder()
        return True

    def _input(self) -> bytes:
        data, self._pending = self._pending or self._raw.read(_INPUT_BYTES), b""
        if not data:
            raise ContentError(f"{self._what} is cut off")
        self._taken += len(data)
        return data

    def _decode(self, data: bytes, wanted: int) -> bytes:
        try:
            return self._decoder.decompress(data, wanted)
        except (zlib.error, lzma.LZMAError, EOFError, OSError, ValueError) as error:
            raise ContentError(f"{self._what} is broken: {error}") from None

    def _count(self, block: bytes) -> None:
        self._given += len(block)
        if self._given > _BOMB_BYTES and self._given > _BOMB_RATIO * self._taken:
            raise LimitExceeded(
                f"{self._what} is {_BOMB_RATIO} times smaller than what it unpacks to",
                hint="if it is yours, unpack it first, and copy from the file that is not packed",
            )

    def close(self) -> None:
        """Close what is below; may be called twice."""
        self._raw.close()


class _Gzip:
    """zlib's decompressor in the form that those of bz2 and lzma have."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(wbits=_GZIP_BITS)
        self._is_full = False

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        # A block that is full may have left more inside, even if all input is used up.
        return not self._is_full and not self._inner.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        block = self._inner.decompress(self._inner.unconsumed_tail + data, max_length)
        self._is_full = len(block) == max_length
        return block


class _Zstd:
    """The decompressor of `compression.zstd`, whose errors are of no other kind."""

    def __init__(self) -> None:
        try:
            from backports import zstd
        except ImportError:
            raise ManifestUnsupported(
                "zstd data cannot be unpacked here", hint="install the package backports.zstd"
            ) from None
        limit = {int(zstd.DecompressionParameter.window_log_max): _ZSTD_WINDOW_LOG}
        self._inner = zstd.ZstdDecompressor(options=limit)
        self._error = zstd.ZstdError

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        return self._inner.needs_input

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        try:
            return self._inner.decompress(data, max_length)
        except self._error as error:
            raise ValueError(str(error)) from None


_DECODERS: Final[dict[Packing, Callable[[], Decoder]]] = {
    "gzip": _Gzip,
    "zstd": _Zstd,
    "bzip2": bz2.BZ2Decompressor,
    "xz": lambda: lzma.LZMADecompressor(memlimit=_XZ_MEMORY_BYTES),
}
