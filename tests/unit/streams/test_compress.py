"""The compressing reader: what comes out unpacks to what went in, the same bytes each time."""

from __future__ import annotations

import gzip
import hashlib
import io
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regcopy.errors import ConnectionFailed
from regcopy.streams.blob import BLOCK_BYTES, BlobStream
from regcopy.streams.compress import Gzipped, new_compressor


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


def read_all(stream: Gzipped, size: int = BLOCK_BYTES) -> bytes:
    return b"".join(iter(lambda: stream.read(size), b""))


@pytest.fixture(params=["isal", "zlib"])
def compressor(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both installations: with isal, and without."""
    if request.param == "zlib":
        monkeypatch.setitem(sys.modules, "isal", None)
    else:
        pytest.importorskip("isal")
    return str(request.param)


@pytest.mark.parametrize("size", [0, 1, 1000, BLOCK_BYTES, 3 * BLOCK_BYTES + 7])
def test_what_comes_out_unpacks_to_what_went_in(compressor: str, size: int) -> None:
    plain = (b"some text that repeats, " * (size // 24 + 1))[:size]

    assert gzip.decompress(read_all(Gzipped(io.BytesIO(plain)))) == plain


def test_the_compressor_is_the_one_that_is_installed(compressor: str) -> None:
    assert type(new_compressor()).__module__.startswith(compressor)


def test_the_header_has_neither_name_nor_time(compressor: str) -> None:
    header = read_all(Gzipped(io.BytesIO(b"x")))[:10]

    assert header[:4] == b"\x1f\x8b\x08\x00"
    assert header[4:8] == bytes(4)


def test_the_same_bytes_give_the_same_bytes_however_they_are_read(compressor: str) -> None:
    plain = b"".join(b"%d\n" % number for number in range(100_000))

    whole = read_all(Gzipped(io.BytesIO(plain)))

    assert read_all(Gzipped(io.BytesIO(plain)), 7001) == whole


def test_no_block_is_longer_than_asked_for_and_only_the_last_is_shorter() -> None:
    stream = Gzipped(io.BytesIO(DENSE[:20_000]))

    sizes = [len(block) for block in iter(lambda: stream.read(1000), b"")]

    assert set(sizes[:-1]) == {1000}
    assert sizes[-1] <= 1000


def test_the_end_is_the_end_for_good() -> None:
    stream = Gzipped(io.BytesIO(b"x"))
    read_all(stream)

    assert stream.read(10) == b""
    assert stream.read() == b""


def test_asking_for_nothing_takes_nothing() -> None:
    source = Counting(b"x")

    assert Gzipped(source).read(0) == b""
    assert source.sizes == []


def test_the_source_is_read_in_blocks_of_one_mebibyte() -> None:
    source = Counting(bytes(BLOCK_BYTES * 2))

    read_all(Gzipped(source), 10)

    assert source.sizes == [BLOCK_BYTES] * 3


def test_no_more_is_taken_from_the_source_than_is_needed_for_a_block() -> None:
    source = Endless(200)
    stream = Gzipped(source)

    for block in range(1, 11):
        assert len(stream.read(BLOCK_BYTES)) == BLOCK_BYTES
        assert 200 - source.left <= block + 1


def test_closing_closes_the_source_and_may_be_done_twice() -> None:
    source = Endless(1)
    stream = Gzipped(source)

    stream.close()
    stream.close()

    assert source.closed == 2


def test_an_error_of_the_source_comes_through() -> None:
    class Broken(Endless):
        def read(self, size: int = -1, /) -> bytes:
            raise ConnectionFailed("reset")

    with pytest.raises(ConnectionFailed, match="reset"):
        Gzipped(Broken(1)).read()


def test_a_blob_stream_measures_what_comes_out() -> None:
    plain = b"layer" * 1000

    with BlobStream(lambda _: Gzipped(io.BytesIO(plain)), None, media_type="x/y") as stream:
        stored = b"".join(iter(stream.read, b""))
        described = stream.descriptor()

    described.digest.check(stored)
    assert (described.size, described.media_type) == (len(stored), "x/y")


@settings(deadline=None)
@given(st.binary(max_size=5000), st.integers(1, 600))
def test_any_bytes_in_any_portions_come_back(plain: bytes, size: int) -> None:
    assert gzip.decompress(read_all(Gzipped(io.BytesIO(plain)), size)) == plain
