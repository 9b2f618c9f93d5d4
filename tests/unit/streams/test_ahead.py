"""Reading ahead in a second thread: the same bytes, the same errors, and nothing left over."""

from __future__ import annotations

import hashlib
import threading

import pytest

from regcopy.errors import ConnectionFailed
from regcopy.streams.ahead import ReadAhead
from regcopy.streams.blob import BLOCK_BYTES

CONTENT = hashlib.shake_128(b"content").digest(5 * BLOCK_BYTES + 3)


class Source:
    """A source that counts what was taken, and may break after some bytes."""

    def __init__(self, content: bytes = CONTENT, breaks_at: int | None = None) -> None:
        self.content = content
        self.at = 0
        self.closed = threading.Event()
        self.gate = threading.Semaphore(1000)
        self.breaks_at = breaks_at

    def read(self, size: int = -1, /) -> bytes:
        self.gate.acquire()
        if self.breaks_at is not None and self.at >= self.breaks_at:
            raise ConnectionFailed("reset")
        block = self.content[self.at : self.at + size]
        self.at += len(block)
        return block

    def close(self) -> None:
        self.closed.set()


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "regcopy-ahead"]


@pytest.mark.parametrize("size", [-1, 1000, BLOCK_BYTES, 10 * BLOCK_BYTES])
def test_the_bytes_are_the_same_in_the_same_order(size: int) -> None:
    stream = ReadAhead(Source())

    assert b"".join(iter(lambda: stream.read(size), b"")) == CONTENT
    assert stream.read(size) == b""
    stream.close()


def test_the_source_is_closed_by_its_thread_once_it_has_ended() -> None:
    source = Source(b"")

    assert ReadAhead(source).read() == b""

    assert source.closed.wait(10)


def test_no_more_than_two_blocks_are_read_ahead() -> None:
    source = Source(bytes(20 * BLOCK_BYTES))
    stream = ReadAhead(source)

    for block in range(1, 11):
        assert len(stream.read()) == BLOCK_BYTES
        assert source.at <= (block + 3) * BLOCK_BYTES
    stream.close()


def test_an_error_comes_after_the_bytes_before_it() -> None:
    stream = ReadAhead(Source(breaks_at=2 * BLOCK_BYTES))

    assert stream.read() + stream.read() == CONTENT[: 2 * BLOCK_BYTES]
    for _ in range(2):
        with pytest.raises(ConnectionFailed, match="reset"):
            stream.read()
    stream.close()


def test_an_error_in_closing_does_not_leave_the_reader_waiting() -> None:
    class Sticky(Source):
        def close(self) -> None:
            raise ConnectionFailed("cannot close")

    stream = ReadAhead(Sticky(b""))

    with pytest.raises(ConnectionFailed, match="cannot close"):
        stream.read()
    stream.close()


def test_closing_midway_ends_the_thread_and_closes_the_source() -> None:
    source = Source()
    stream = ReadAhead(source)
    stream.read(10)

    stream.close()
    stream.close()

    assert source.closed.is_set()
    assert threads() == []
    assert stream.read() == b""


def test_closing_waits_for_the_read_under_way() -> None:
    source = Source()
    source.gate = threading.Semaphore(0)
    stream = ReadAhead(source)
    threading.Timer(0.05, source.gate.release).start()

    stream.close()

    assert source.closed.is_set()


def test_asking_for_nothing_waits_for_nothing() -> None:
    source = Source()
    source.gate = threading.Semaphore(0)
    stream = ReadAhead(source)

    assert stream.read(0) == b""
    source.gate.release()
    stream.close()
