"""Tar files that grow member by member, in a file or into a pipe."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from regcopy.errors import ConnectionFailed, DigestMismatch, StorageFailed
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.streams.blob import BlobStream
from regcopy.streams.tar_writing import TarWriter
from regcopy.testing.place import Breaking

LARGE = bytes(range(256)) * 10_000  # 2.5 blocks of 1 MiB


class Memory:
    """An output in memory that can be full."""

    def __init__(self, *, can_seek: bool, room: int = 2**40) -> None:
        self.can_seek = can_seek
        self.room = room
        self.content = bytearray()
        self.largest = 0

    def write(self, block: bytes, /) -> None:
        self.largest = max(self.largest, len(block))
        self.content += block[: self.room - len(self.content)]
        if len(self.content) >= self.room:
            raise StorageFailed("full")

    def write_at(self, offset: int, block: bytes, /) -> None:
        assert self.can_seek
        self.content[offset : offset + len(block)] = block

    def cut(self, size: int, /) -> None:
        assert self.can_seek
        del self.content[size:]

    def publish(self) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Nothing to do."""

    def members(self) -> dict[str, bytes]:
        """Read it with Python's tarfile."""
        with tarfile.open(fileobj=io.BytesIO(bytes(self.content))) as tar:
            found = {info.name: tar.extractfile(info) for info in tar}
            return {name: file.read() for name, file in found.items() if file}


@pytest.fixture(params=[True, False], ids=["file", "pipe"])
def output(request: pytest.FixtureRequest) -> Memory:
    """Both kinds of output."""
    return Memory(can_seek=request.param)


@pytest.fixture
def new_writer(tmp_path: Path) -> Callable[[Memory], TarWriter]:
    """Give a writer on an output."""
    folder = str(tmp_path)
    return lambda output: TarWriter(output, temporary_folder=folder, check_cancelled=lambda: None)


def known(content: bytes) -> BlobStream:
    """Make a stream whose digest is known."""
    blob = Descriptor("", Digest.of(content), len(content))
    return BlobStream(lambda offset: io.BytesIO(content[offset:]), blob)


def unknown(content: bytes) -> BlobStream:
    """Make a stream of which nothing is known."""
    return BlobStream(lambda offset: io.BytesIO(content[offset:]), None, media_type="x/y")


def by_digest(blob: Descriptor) -> str:
    """Name a member."""
    return blob.digest.hex


@pytest.mark.parametrize("content", [b"", b"x", b"x" * 512, LARGE])
@pytest.mark.parametrize("stream_of", [known, unknown])
def test_a_stream_becomes_a_member(
    output: Memory,
    new_writer: Callable[[Memory], TarWriter],
    content: bytes,
    stream_of: Callable[[bytes], BlobStream],
) -> None:
    writer = new_writer(output)
    writer.add_bytes("before", b"1")

    blob = writer.add_stream(stream_of(content), by_digest)
    writer.add_bytes("after", b"2")
    writer.end()

    assert (blob.digest, blob.size) == (Digest.of(content), len(content))
    assert output.members() == {"before": b"1", Digest.of(content).hex: content, "after": b"2"}


def test_both_ways_to_write_give_the_same_bytes(new_writer: Callable[[Memory], TarWriter]) -> None:
    outputs = [Memory(can_seek=True), Memory(can_seek=False)]
    for output in outputs:
        writer = new_writer(output)
        writer.add_stream(unknown(LARGE), by_digest)
        writer.end()
    assert outputs[0].content == outputs[1].content


@pytest.mark.parametrize("stream_of", [known, unknown])
def test_a_member_that_is_not_wanted_leaves_no_trace(
    output: Memory,
    new_writer: Callable[[Memory], TarWriter],
    stream_of: Callable[[bytes], BlobStream],
) -> None:
    writer = new_writer(output)
    writer.add_bytes("before", b"1")
    blob = writer.add_stream(stream_of(LARGE), lambda _: "")
    writer.add_bytes("after", b"2")
    writer.end()
    assert blob.size == len(LARGE)
    assert output.members() == {"before": b"1", "after": b"2"}


def test_a_member_that_breaks_off_in_a_file_is_taken_back(
    new_writer: Callable[[Memory], TarWriter],
) -> None:
    output = Memory(can_seek=True)
    writer = new_writer(output)
    for expected in (Descriptor("", Digest.of(LARGE), len(LARGE)), None):
        broken = BlobStream(lambda _: Breaking(LARGE, 2), expected)
        with pytest.raises(ConnectionFailed):
            writer.add_stream(broken, by_digest)
    writer.add_bytes("after", b"2")
    writer.end()
    assert output.members() == {"after": b"2"}


def test_a_member_with_other_bytes_in_a_file_is_taken_back(
    new_writer: Callable[[Memory], TarWriter],
) -> None:
    output = Memory(can_seek=True)
    writer = new_writer(output)
    expected = Descriptor("", Digest.of(b"expected"), 8)
    with pytest.raises(DigestMismatch):
        writer.add_stream(BlobStream(lambda _: io.BytesIO(b"tampered"), expected), by_digest)
    assert output.content == b""


def test_after_a_member_broke_off_in_a_pipe_nothing_can_follow(
    new_writer: Callable[[Memory], TarWriter],
) -> None:
    output = Memory(can_seek=False)
    writer = new_writer(output)
    expected = Descriptor("", Digest.of(LARGE), len(LARGE))
    with pytest.raises(ConnectionFailed):
        writer.add_stream(BlobStream(lambda _: Breaking(LARGE, 2), expected), by_digest)
    with pytest.raises(StorageFailed, match="cannot be continued"):
        writer.add_bytes("after", b"2")
    with pytest.raises(StorageFailed, match="cannot be continued"):
        writer.end()


def test_a_member_of_unknown_size_that_breaks_off_never_enters_a_pipe(
    new_writer: Callable[[Memory], TarWriter],
) -> None:
    output = Memory(can_seek=False)
    writer = new_writer(output)
    with pytest.raises(ConnectionFailed):
        writer.add_stream(BlobStream(lambda _: Breaking(LARGE, 2), None), by_digest)
    writer.add_bytes("after", b"2")
    writer.end()
    assert output.members() == {"after": b"2"}


def test_a_name_that_needs_a_longer_header_spoils_nothing(
    new_writer: Callable[[Memory], TarWriter],
) -> None:
    output = Memory(can_seek=True)
    with pytest.raises(ValueError, match="too long"):
        new_writer(output).add_stream(unknown(LARGE), lambda _: "n" * 101)
    assert output.content == b""


def test_a_full_disk_is_told_and_what_was_written_is_taken_back(
    new_writer: Callable[[Memory], TarWriter],
) -> None:
    output = Memory(can_seek=True, room=1_000_000)
    writer = new_writer(output)
    for stream in (known(LARGE), unknown(LARGE)):
        with pytest.raises(StorageFailed, match="full"):
            writer.add_stream(stream, by_digest)
        assert output.content == b""


def test_a_temporary_file_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    writer = TarWriter(
        Memory(can_seek=False),
        temporary_folder=str(tmp_path / "missing"),
        check_cancelled=lambda: None,
    )
    with pytest.raises(StorageFailed, match=r"creating a temporary file in .*missing"):
        writer.add_stream(unknown(b"x"), by_digest)


def test_no_temporary_file_stays(output: Memory, tmp_path: Path) -> None:
    writer = TarWriter(output, temporary_folder=str(tmp_path), check_cancelled=lambda: None)
    writer.add_stream(unknown(LARGE), by_digest)
    assert os.listdir(tmp_path) == []


def test_memory_holds_no_more_than_blocks(
    output: Memory, new_writer: Callable[[Memory], TarWriter]
) -> None:
    new_writer(output).add_stream(unknown(LARGE), by_digest)
    assert output.largest <= 2**20


def test_a_run_that_is_cancelled_stops_between_blocks(tmp_path: Path, output: Memory) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    writer = TarWriter(output, temporary_folder=str(tmp_path), check_cancelled=stop)
    with pytest.raises(KeyboardInterrupt):
        writer.add_stream(unknown(LARGE), by_digest)
    assert output.content == b""
