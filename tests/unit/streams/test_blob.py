"""The stream that a destination reads: whoever reads it to the end has verified it."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regcopy.errors import DigestMismatch, LimitExceeded, SizeMismatch
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.streams.blob import BLOCK_BYTES, BlobStream, read_limited

CONTENT = bytes(range(256)) * 10


class Source:
    """A source that can be opened at any offset and remembers what was asked of it."""

    def __init__(self, content: bytes = CONTENT, *, portion: int = BLOCK_BYTES) -> None:
        self.content = content
        self.portion = portion
        self.offsets: list[int] = []
        self.sizes: list[int] = []
        self.open = 0

    def __call__(self, offset: int) -> Reader:
        self.offsets.append(offset)
        self.open += 1
        return Reader(self, offset)


class Reader:
    def __init__(self, source: Source, offset: int) -> None:
        self.source = source
        self.file = io.BytesIO(source.content[offset:])

    def read(self, size: int = -1, /) -> bytes:
        self.source.sizes.append(size)
        return self.file.read(min(size, self.source.portion))

    def close(self) -> None:
        self.source.open -= 1


def described(content: bytes = CONTENT, algorithm: str = "sha256") -> Descriptor:
    return Descriptor("x/y", Digest.of(content, algorithm), len(content))


def read_all(stream: BlobStream, size: int = 1000) -> bytes:
    return b"".join(iter(lambda: stream.read(size), b""))


# The right bytes.


@settings(deadline=None)
@given(st.binary(max_size=300), st.integers(1, 40), st.integers(1, 40))
def test_the_right_bytes_pass_in_any_portions(content: bytes, size: int, portion: int) -> None:
    stream = BlobStream(Source(content, portion=portion), described(content))

    assert read_all(stream, size) == content
    assert stream.descriptor() == described(content)
    stream.close()


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_the_digest_is_checked_with_its_own_algorithm(algorithm: str) -> None:
    with BlobStream(Source(), described(algorithm=algorithm)) as stream:
        assert read_all(stream) == CONTENT


def test_nothing_is_opened_before_the_first_read() -> None:
    source = Source()

    BlobStream(source, described()).close()

    assert source.offsets == []


def test_reading_without_a_size_gives_a_block_and_not_everything() -> None:
    source = Source(bytes(BLOCK_BYTES + 1))
    with BlobStream(source, None) as stream:
        assert len(stream.read()) == BLOCK_BYTES
        assert len(stream.read()) == 1


def test_an_empty_blob_is_verified_too() -> None:
    with BlobStream(Source(b""), described(b"")) as stream:
        assert stream.read() == b""
        assert stream.descriptor().size == 0
    with (
        BlobStream(Source(b""), Descriptor("x/y", Digest.of(b"x"), 0)) as stream,
        pytest.raises(DigestMismatch),
    ):
        stream.read()


def test_the_end_is_the_end_for_good() -> None:
    source = Source()
    with BlobStream(source, described()) as stream:
        read_all(stream)
        asked = len(source.sizes)

        assert stream.read() == b""
        assert len(source.sizes) == asked


def test_draining_reads_to_the_end() -> None:
    with BlobStream(Source(), described()) as stream:
        stream.read(10)
        stream.drain()

        assert stream.descriptor() == described()


def test_progress_is_told_after_each_block() -> None:
    positions: list[int] = []
    with BlobStream(Source(), described(), on_progress=positions.append) as stream:
        read_all(stream)

    assert positions == [1000, 2000, 2560]


def test_leaving_closes_what_is_open() -> None:
    source = Source()
    with BlobStream(source, described()) as stream:
        stream.read(1)
        assert source.open == 1

    assert source.open == 0


# The wrong bytes.


@settings(deadline=None)
@given(st.integers(0, len(CONTENT) - 1), st.integers(1, 255), st.integers(1, 3000))
def test_one_wrong_bit_is_found_and_the_last_byte_is_not_handed_out(
    position: int, change: int, size: int
) -> None:
    damaged = bytearray(CONTENT)
    damaged[position] ^= change
    stream = BlobStream(Source(bytes(damaged)), described())
    given = bytearray()

    def take() -> None:
        for block in iter(lambda: stream.read(size), b""):
            given.extend(block)

    with pytest.raises(DigestMismatch) as caught:
        take()

    assert len(given) < len(CONTENT)
    assert caught.value.actual == Digest.of(bytes(damaged))
    stream.close()


@pytest.mark.parametrize("length", [0, 1, 1000, len(CONTENT) - 1])
def test_bytes_that_end_early_are_found(length: int) -> None:
    with (
        BlobStream(Source(CONTENT[:length]), described()) as stream,
        pytest.raises(SizeMismatch, match=f"expected {len(CONTENT)} bytes of content, got"),
    ):
        read_all(stream)


@pytest.mark.parametrize("portion", [7, BLOCK_BYTES])
def test_one_byte_too_many_is_found(portion: int) -> None:
    with (
        BlobStream(Source(CONTENT + b"!", portion=portion), described()) as stream,
        pytest.raises(SizeMismatch, match=f"got at least {len(CONTENT) + 1}"),
    ):
        read_all(stream)


def test_no_more_is_asked_for_than_can_be_right() -> None:
    source = Source(bytes(100))
    with BlobStream(source, described(bytes(100))) as stream:
        read_all(stream, 64)

    assert source.sizes == [64, 36, 1]


def test_a_source_that_gives_more_than_asked_for_is_found() -> None:
    class Generous(Reader):
        def read(self, size: int = -1, /) -> bytes:
            return self.file.read()

    source = Source()
    with (
        BlobStream(lambda at: Generous(source, at), described(CONTENT[:5])) as stream,
        pytest.raises(SizeMismatch),
    ):
        stream.read(1)


def test_there_is_no_descriptor_before_the_end_was_seen() -> None:
    with BlobStream(Source(), described()) as stream:
        stream.read(len(CONTENT))
        with pytest.raises(RuntimeError, match="not read to its end"):
            stream.descriptor()


# Nothing is known yet.


def test_what_is_not_known_before_is_measured() -> None:
    with BlobStream(Source(), None, media_type="x/y") as stream:
        assert stream.size is None
        read_all(stream)

        assert stream.descriptor() == described()


# Beginning again.


def stopped_at(source: Source, *positions: int) -> BlobStream:
    """A stream that was read up to each of these positions in turn."""
    stream = BlobStream(source, described())
    for position in positions:
        stream.read(position - stream.position)
    return stream


@settings(deadline=None)
@given(st.integers(1, len(CONTENT)), st.data())
def test_a_stream_can_go_on_from_any_place_it_has_passed(reached: int, data: st.DataObject) -> None:
    source = Source()
    stream = stopped_at(source, reached)
    offset = data.draw(st.integers(0, reached))

    stream.restart(offset)

    assert read_all(stream) == CONTENT[offset:]
    assert stream.descriptor() == described()
    assert source.offsets == [0, offset]
    stream.close()
    assert source.open == 0


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_a_digest_without_a_size_is_enough_to_verify(algorithm: str) -> None:
    digest = Digest.of(CONTENT, algorithm)

    with BlobStream(Source(), None, media_type="x/y", digest=digest) as stream:
        assert stream.size is None
        assert read_all(stream) == CONTENT
        assert stream.descriptor() == Descriptor("x/y", digest, len(CONTENT))


@pytest.mark.parametrize("content", [b"", CONTENT[:-1], CONTENT + b"x"], ids=len)
def test_other_bytes_than_those_of_the_digest_are_found_at_the_end(content: bytes) -> None:
    stream = BlobStream(Source(content), None, digest=Digest.of(CONTENT))

    with stream, pytest.raises(DigestMismatch) as caught:
        read_all(stream)

    assert (caught.value.expected, caught.value.actual) == (Digest.of(CONTENT), Digest.of(content))


def test_a_measured_blob_is_the_same_after_a_new_beginning() -> None:
    with BlobStream(Source(), None, media_type="x/y") as stream:
        stream.read(100)
        stream.restart(0)
        read_all(stream)

        assert stream.descriptor() == described()


def test_a_stream_cannot_go_on_from_where_it_has_never_been() -> None:
    with stopped_at(Source(), 100) as stream:
        for offset in (-1, 101):
            with pytest.raises(ValueError, match="only 100 bytes have passed"):
                stream.restart(offset)


def test_a_new_beginning_after_the_end_verifies_again() -> None:
    source = Source()
    with BlobStream(source, described()) as stream:
        read_all(stream)
        source.content = CONTENT[::-1]
        stream.restart(0)

        with pytest.raises(DigestMismatch):
            read_all(stream)


# Small whole things.


@pytest.mark.parametrize("make", [io.BytesIO, lambda content: Source(content, portion=3)(0)])
def test_a_small_thing_is_read_whole_up_to_its_limit(
    make: Callable[[bytes], Reader | io.BytesIO],
) -> None:
    assert read_limited(make(b"12345"), 5, what="answer") == b"12345"
    with pytest.raises(LimitExceeded, match="answer is over the limit of 4 bytes"):
        read_limited(make(b"12345"), 4, what="answer")


def test_no_more_is_read_than_shows_that_it_is_too_much() -> None:
    source = Source(bytes(10_000))

    with pytest.raises(LimitExceeded):
        read_limited(source(0), 100, what="answer")

    assert source.sizes == [101]
