"""The compressing reader: what comes out unpacks to what went in, the same bytes each time."""

from __future__ import annotations

import gzip
import hashlib
import io
import sys
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regcopy.errors import ConnectionFailed
from regcopy.model.mediatypes import StreamFormat
from regcopy.streams.blob import BLOCK_BYTES, BlobStream
from regcopy.streams.compress import LEVELS, Compressed, new_compressor
from regcopy.streams.zstd import ZstdDecompressor


class Counting(io.BytesIO):
    """Bytes that remember how they were asked for."""

    def __init__(self, content: bytes = b"") -> None:
        super().__init__(content)
        self.sizes: list[int] = []

    def read(self, size: int | None = -1, /) -> bytes:
        self.sizes.append(-1 if size is None else size)
        return super().read(size)


# A compressor finds nothing in it.
DENSE = hashlib.shake_128(b"dense").digest(BLOCK_BYTES)


class Endless:
    """A source of so many blocks that do not compress."""

    def __init__(self, blocks: int) -> None:
        self.left = blocks
        self.closed = 0

    def read(self, size: int = -1, /) -> bytes:
        self.left -= 1
        return DENSE[:size] if self.left >= 0 else b""

    def close(self) -> None:
        self.closed += 1


def read_all(stream: Compressed, size: int = BLOCK_BYTES) -> bytes:
    return b"".join(iter(lambda: stream.read(size), b""))


@pytest.fixture(params=["isal", "zlib"])
def compressor(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both installations: with isal, and without."""
    if request.param == "zlib":
        monkeypatch.setitem(sys.modules, "isal", None)
    else:
        pytest.importorskip("isal")
    return str(request.param)


@pytest.fixture(params=["gzip with isal", "gzip with zlib", "zstd"])
def form(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> StreamFormat:
    """Each way to compress."""
    if request.param == "gzip with zlib":
        monkeypatch.setitem(sys.modules, "isal", None)
    return "zstd" if request.param == "zstd" else "gzip"


UNPACK: dict[StreamFormat, Callable[[bytes], bytes]] = {
    "gzip": gzip.decompress,
    "zstd": lambda stored: ZstdDecompressor().decompress(stored),
}


@pytest.mark.parametrize("size", [0, 1, 1000, BLOCK_BYTES, 3 * BLOCK_BYTES + 7])
def test_what_comes_out_unpacks_to_what_went_in(form: StreamFormat, size: int) -> None:
    plain = (b"some text that repeats, " * (size // 24 + 1))[:size]

    assert UNPACK[form](read_all(Compressed(io.BytesIO(plain), form))) == plain


@pytest.mark.parametrize("chosen", ["gzip", "zstd"])
def test_every_level_works(chosen: StreamFormat) -> None:
    plain = b"some text that repeats, " * 1000

    for level in LEVELS[chosen]:
        assert UNPACK[chosen](read_all(Compressed(io.BytesIO(plain), chosen, level))) == plain


@pytest.mark.parametrize("chosen", ["gzip", "zstd"])
def test_a_high_level_makes_less_than_a_low_one(chosen: StreamFormat) -> None:
    words = [hashlib.sha256(b"%d" % n).hexdigest().encode() for n in range(700)]
    plain = b"\n".join(words[n * n % 700][: n % 61] for n in range(20_000))

    low, high = (read_all(Compressed(io.BytesIO(plain), chosen, level)) for level in (1, 9))

    assert len(high) < len(low)


def test_levels_of_zstd_that_take_much_memory_count_as_a_lower_one() -> None:
    plain = b"".join(b"%d" % number for number in range(10_000))

    highest, taken = (read_all(Compressed(io.BytesIO(plain), "zstd", n)) for n in (22, 11))

    assert highest == taken


def test_the_compressor_is_the_one_that_is_installed(compressor: str) -> None:
    assert type(new_compressor("gzip")).__module__.startswith(compressor)


def test_a_level_that_isal_does_not_have_is_left_to_zlib() -> None:
    assert type(new_compressor("gzip", 9)).__module__ == "zlib"


def test_the_header_has_neither_name_nor_time(compressor: str) -> None:
    header = read_all(Compressed(io.BytesIO(b"x"), "gzip"))[:10]

    assert header[:4] == b"\x1f\x8b\x08\x00"
    assert header[4:8] == bytes(4)


def test_the_same_bytes_give_the_same_bytes_however_they_are_read(form: StreamFormat) -> None:
    plain = b"".join(b"%d\n" % number for number in range(100_000))

    whole = read_all(Compressed(io.BytesIO(plain), form))

    assert read_all(Compressed(io.BytesIO(plain), form), 7001) == whole


def test_no_block_is_longer_than_asked_for_and_only_the_last_is_shorter() -> None:
    stream = Compressed(io.BytesIO(DENSE[:20_000]), "gzip")

    sizes = [len(block) for block in iter(lambda: stream.read(1000), b"")]

    assert set(sizes[:-1]) == {1000}
    assert sizes[-1] <= 1000


def test_the_end_is_the_end_for_good() -> None:
    stream = Compressed(io.BytesIO(b"x"), "gzip")
    read_all(stream)

    assert stream.read(10) == b""
    assert stream.read() == b""


def test_asking_for_nothing_takes_nothing() -> None:
    source = Counting(b"x")

    assert Compressed(source, "gzip").read(0) == b""
    assert source.sizes == []


def test_the_source_is_read_in_blocks_of_one_mebibyte() -> None:
    source = Counting(bytes(BLOCK_BYTES * 2))

    read_all(Compressed(source, "gzip"), 10)

    assert source.sizes == [BLOCK_BYTES] * 3


def test_no_more_is_taken_from_the_source_than_is_needed_for_a_block() -> None:
    source = Endless(200)
    stream = Compressed(source, "gzip")

    for block in range(1, 11):
        assert len(stream.read(BLOCK_BYTES)) == BLOCK_BYTES
        assert 200 - source.left <= block + 1


def test_closing_closes_the_source_and_may_be_done_twice() -> None:
    source = Endless(1)
    stream = Compressed(source, "gzip")

    stream.close()
    stream.close()

    assert source.closed == 2


def test_an_error_of_the_source_comes_through() -> None:
    class Broken(Endless):
        def read(self, size: int = -1, /) -> bytes:
            raise ConnectionFailed("reset")

    with pytest.raises(ConnectionFailed, match="reset"):
        Compressed(Broken(1), "gzip").read()


def test_a_blob_stream_measures_what_comes_out() -> None:
    plain = b"layer" * 1000

    with BlobStream(
        lambda _: Compressed(io.BytesIO(plain), "gzip"), None, media_type="x/y"
    ) as stream:
        stored = b"".join(iter(stream.read, b""))
        described = stream.descriptor()

    described.digest.check(stored)
    assert (described.size, described.media_type) == (len(stored), "x/y")


@settings(deadline=None)
@given(st.binary(max_size=5000), st.integers(1, 600))
def test_any_bytes_in_any_portions_come_back(plain: bytes, size: int) -> None:
    assert gzip.decompress(read_all(Compressed(io.BytesIO(plain), "gzip"), size)) == plain
