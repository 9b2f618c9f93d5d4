"""The unpacking reader: good data of every form, and all the bad there is."""

from __future__ import annotations

import bz2
import gzip
import io
import sys
import tracemalloc
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regcopy.errors import ConnectionFailed, ContentError, LimitExceeded
from regcopy.streams.blob import BLOCK_BYTES
from regcopy.streams.compress import Compressed
from regcopy.streams.decompress import HEAD_BYTES, Packing, Peeked, Unpacked, packing_of
from regcopy.streams.zstd import CompressionParameter, ZstdCompressor
from tests.growth import TOO_FAST, growth
from tests.layers import PACK

PLAIN = b"".join(b"line %d\n" % number for number in range(40_000))
PACKINGS: Sequence[Packing] = ("gzip", "zstd", "bzip2", "xz")
LAYER_PACKINGS: Sequence[Packing] = ("gzip", "zstd")


@pytest.fixture(params=["isal", "zlib", "zstd", "bzip2", "xz"])
def packing(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Packing:
    """Each way to unpack; gzip with isal, and in an installation without."""
    if request.param == "zlib":
        monkeypatch.setitem(sys.modules, "isal", None)
    elif request.param == "isal":
        pytest.importorskip("isal")
    packings: dict[str, Packing] = {"zstd": "zstd", "bzip2": "bzip2", "xz": "xz"}
    return packings.get(request.param, "gzip")


class Drops:
    """A source that gives a few bytes at a time."""

    def __init__(self, content: bytes, size: int) -> None:
        self._inner = io.BytesIO(content)
        self._size = size
        self.closed = 0

    def read(self, size: int = -1, /) -> bytes:
        return self._inner.read(min(size, self._size) if size >= 0 else self._size)

    def close(self) -> None:
        self.closed += 1


def read_all(stored: bytes, packing: Packing, size: int = BLOCK_BYTES) -> bytes:
    stream = Unpacked(io.BytesIO(stored), packing, what="the layer")
    return b"".join(iter(lambda: stream.read(size), b""))


@pytest.mark.parametrize("content", [b"", b"x", PLAIN], ids=len)
def test_what_was_packed_comes_out_again(packing: Packing, content: bytes) -> None:
    assert read_all(PACK[packing](content), packing) == content


def test_parts_that_follow_one_another_are_one(packing: Packing) -> None:
    pack = PACK[packing]

    assert read_all(pack(b"one") + pack(b"") + pack(PLAIN), packing) == b"one" + PLAIN


def test_zeros_between_parts_and_at_the_end_are_padding(packing: Packing) -> None:
    pack = PACK[packing]

    stored = pack(b"one") + bytes(10_000) + pack(b"two") + bytes(700_000)

    assert read_all(stored, packing) == b"onetwo"


@pytest.mark.parametrize("portion", [1, 7, 4096])
def test_bytes_that_come_in_drops_are_the_same(packing: Packing, portion: int) -> None:
    content = PLAIN[:20_000]
    stream = Unpacked(Drops(PACK[packing](content) * 2, portion), packing)

    assert b"".join(iter(stream.read, b"")) == content * 2


def test_no_block_is_longer_than_asked_for(packing: Packing) -> None:
    stream = Unpacked(io.BytesIO(PACK[packing](PLAIN)), packing)

    sizes = {len(block) for block in iter(lambda: stream.read(1000), b"")}

    assert max(sizes) <= 1000


def test_asking_for_nothing_takes_nothing() -> None:
    source = io.BytesIO(PACK["gzip"](b"x"))

    assert Unpacked(source, "gzip").read(0) == b""
    assert source.tell() == 0


def test_the_end_is_the_end_for_good(packing: Packing) -> None:
    stream = Unpacked(io.BytesIO(PACK[packing](b"x")), packing)

    assert b"".join(iter(stream.read, b"")) == b"x"
    assert stream.read() == b""


def test_data_that_are_cut_off_anywhere_are_an_error(packing: Packing) -> None:
    stored = PACK[packing](PLAIN[:2000])

    for length in (*range(1, 40), len(stored) // 2, *range(len(stored) - 20, len(stored))):
        with pytest.raises(ContentError, match=r"data of the layer are (cut off|broken)"):
            read_all(stored[:length], packing)


@pytest.mark.parametrize("behind", [b"garbage", b"\x1f", b"\0\0x"])
def test_anything_behind_the_end_is_an_error(packing: Packing, behind: bytes) -> None:
    with pytest.raises(ContentError):
        read_all(PACK[packing](PLAIN) + behind, packing)


def test_a_byte_that_was_changed_is_an_error(packing: Packing) -> None:
    stored = bytearray(PACK[packing](PLAIN[:3000]) if packing != "zstd" else _zstd_with_checksum())
    stored[len(stored) // 2] ^= 0xFF

    with pytest.raises(ContentError):
        read_all(bytes(stored), packing)


def _zstd_with_checksum() -> bytes:
    stream = Compressed(io.BytesIO(PLAIN[:3000]), "zstd")
    return b"".join(iter(stream.read, b""))


def test_the_checksum_at_the_end_of_gzip_is_compared(packing: Packing) -> None:
    stored = bytearray(gzip.compress(b"content"))
    stored[-5] ^= 1

    with pytest.raises(ContentError, match="broken"):
        read_all(bytes(stored), "gzip")


def test_a_gzip_header_with_all_it_can_hold_is_read(packing: Packing) -> None:
    deflated = zlib.compressobj(wbits=-15)
    body = deflated.compress(b"content") + deflated.flush()
    header = b"\x1f\x8b\x08\x1c" + bytes(6) + b"\x04\x00abcd" + b"name\0" + b"comment\0"
    trailer = zlib.crc32(b"content").to_bytes(4, "little") + b"\x07\0\0\0"

    assert read_all(header + body + trailer, "gzip") == b"content"


def test_frames_of_zstd_that_are_to_be_skipped_are_skipped() -> None:
    skipped = b"\x5a\x2a\x4d\x18" + (100_000).to_bytes(4, "little") + bytes(100_000)

    stored = skipped + PACK["zstd"](b"one") + skipped + PACK["zstd"](b"two") + skipped

    assert packing_of(stored[:HEAD_BYTES]) == "zstd"
    assert read_all(stored, "zstd") == b"onetwo"


def with_window(log: int) -> bytes:
    options: dict[int, int] = {CompressionParameter.window_log: log}
    compressor = ZstdCompressor(options=options)
    return compressor.compress(PLAIN[:100]) + compressor.flush()


def test_a_window_as_large_as_other_tools_make_it_is_taken() -> None:
    assert read_all(with_window(25), "zstd") == PLAIN[:100]


def test_a_window_that_nobody_needs_is_refused() -> None:
    with pytest.raises(LimitExceeded, match="memory") as caught:
        read_all(with_window(27), "zstd")
    assert "zstd -d --long" in caught.value.hint


def test_xz_that_asks_for_gigabytes_is_refused() -> None:
    import lzma

    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 512 * 1024 * 1024}]
    stored = lzma.compress(b"x", filters=filters)

    with pytest.raises(LimitExceeded, match="memory"):
        read_all(stored, "xz")


def bomb(packing: Packing, blocks: int) -> bytes:
    """A few bytes that unpack to so many blocks of zeros."""
    stream = Compressed(Zeros(blocks), "zstd" if packing == "zstd" else "gzip")
    stored = b"".join(iter(stream.read, b""))
    return bz2.compress(bytes(blocks * BLOCK_BYTES)) if packing == "bzip2" else stored


class Zeros:
    """A source of so many blocks of zeros."""

    def __init__(self, blocks: int) -> None:
        self._left = blocks

    def read(self, size: int = -1, /) -> bytes:
        self._left -= 1
        return bytes(BLOCK_BYTES) if self._left >= 0 else b""

    def close(self) -> None:
        """Nothing is open."""


@pytest.mark.parametrize("form", ["gzip", "zstd", "bzip2"])
def test_a_gigabyte_of_zeros_is_never_held(form: Packing) -> None:
    blocks = 1024 if form != "bzip2" else 64
    stored, total = bomb(form, blocks), 0
    stream = Unpacked(io.BytesIO(stored), form)

    tracemalloc.start()
    try:
        while block := stream.read():
            total += len(block)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert total == blocks * BLOCK_BYTES
    assert len(stored) < total / 500
    assert peak < 6 * BLOCK_BYTES


@pytest.mark.parametrize("form", LAYER_PACKINGS)
def test_many_empty_parts_cost_no_more_than_their_bytes(form: Packing) -> None:
    empty = PACK[form](b"")

    def make(size: int) -> bytes:
        return empty * (size // 8 // len(empty))

    assert growth(lambda stored: read_all(stored, form), make) < TOO_FAST


def test_closing_closes_what_is_below() -> None:
    source = Drops(b"", 1)

    Unpacked(source, "gzip").close()

    assert source.closed == 1


def test_an_error_of_the_source_comes_through_as_it_is() -> None:
    class Broken(Drops):
        def read(self, size: int = -1, /) -> bytes:
            raise ConnectionFailed("reset")

    with pytest.raises(ConnectionFailed, match="reset"):
        Unpacked(Broken(b"", 1), "gzip").read()


@settings(deadline=None)
@given(st.sampled_from(LAYER_PACKINGS), st.binary(max_size=300), st.integers(1, 50))
def test_bytes_of_strangers_give_bytes_or_one_kind_of_error(
    form: Packing, stored: bytes, size: int
) -> None:
    head = {"gzip": b"\x1f\x8b\x08\0\0\0\0\0\0\xff", "zstd": b"\x28\xb5\x2f\xfd"}[form]
    with suppress(ContentError):
        read_all(head + stored, form, size)


@pytest.mark.parametrize("form", PACKINGS)
def test_the_first_bytes_tell_the_compression(form: Packing) -> None:
    assert packing_of(PACK[form](PLAIN)[:HEAD_BYTES]) == form
    assert packing_of(PACK[form](b"")[:HEAD_BYTES]) == form


@pytest.mark.parametrize("head", [b"", b"\x1f", b"\x1f\x8b", b"BZh1234567", b"BZh9", b"\xfd7zXZ"])
def test_other_first_bytes_are_plain(head: bytes) -> None:
    assert packing_of(head) is None


@pytest.mark.parametrize("content", [b"", b"short", PLAIN[:100]], ids=len)
@pytest.mark.parametrize("read", [lambda raw: raw.read(3), lambda raw: raw.read()])
def test_looking_at_the_first_bytes_takes_none_away(
    content: bytes, read: Callable[[Peeked], bytes]
) -> None:
    peeked = Peeked(Drops(content, 4))

    assert peeked.head == content[:HEAD_BYTES]
    assert b"".join(iter(lambda: read(peeked), b"")) == content


def test_closing_a_reader_that_was_looked_at_closes_it() -> None:
    source = Drops(b"content", 4)

    Peeked(source).close()

    assert source.closed == 1
