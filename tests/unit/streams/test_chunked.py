"""Layers in the format zstd:chunked: their frames, their tables, and where there are none."""

from __future__ import annotations

import base64
import hashlib
import io
import struct
import tarfile
import tracemalloc
from collections.abc import Mapping

import pytest

from regcopy.errors import ConnectionFailed, StorageFailed
from regcopy.streams import chunked_tables
from regcopy.streams.blob import BLOCK_BYTES
from regcopy.streams.chunked import Chunked
from regcopy.streams.decompress import packing_of
from tests.chunked_layers import (
    ALL_KINDS,
    ChunkedLayer,
    File,
    read_all,
    some_bytes,
    tar_of,
    unpack,
)
from tests.stores import notes_of

TAR = tar_of(*ALL_KINDS)
FORMATS = (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT)


@pytest.fixture(scope="module")
def layer() -> ChunkedLayer:
    """A layer with members of all kinds."""
    return ChunkedLayer.of(TAR)


def frames_of(stored: bytes) -> list[tuple[int, int]]:
    """Offset and magic of each skippable frame, walked from behind by the footer."""
    footer = struct.unpack("<7Q", stored[-64:-8])
    places = (footer[0] - 8, footer[4] - 8, len(stored) - 72)
    return [(at, int.from_bytes(stored[at : at + 4], "little")) for at in places]


def test_whoever_does_not_know_the_format_reads_the_tar_file(layer: ChunkedLayer) -> None:
    assert packing_of(layer.stored) == "zstd"
    assert unpack(layer.stored) == TAR


def test_each_file_is_found_in_frames_of_its_own(layer: ChunkedLayer) -> None:
    assert layer.files == {file.name: file.content for file in ALL_KINDS if file.type == b"0"}


def test_the_table_has_the_digest_of_each_file(layer: ChunkedLayer) -> None:
    for entry in layer.entries:
        content = layer.content(entry)
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        assert (entry.get("digest"), entry.get("size", 0)) == (
            digest if content else None,
            len(content),
        )


def test_contents_follow_one_another(layer: ChunkedLayer) -> None:
    ends = [0]
    for entry in layer.entries:
        if "offset" in entry:
            start, end = entry["offset"], entry["endOffset"]
            assert isinstance(start, int)
            assert isinstance(end, int)
            assert ends[-1] < start < end
            ends.append(end)
    assert len(ends) == 7


@pytest.mark.parametrize("form", FORMATS)
def test_the_notes_make_the_tar_file_whole_again(form: int) -> None:
    files = ALL_KINDS if form == tarfile.PAX_FORMAT else ALL_KINDS[:10]
    tar = tar_of(*files, form=form)
    assert ChunkedLayer.of(tar).assembled() == tar


def test_the_notes_have_the_sum_of_each_file(layer: ChunkedLayer) -> None:
    expected = {n["name"]: n["payload"] for n in notes_of(TAR) if n["type"] == 1}
    found = {n["name"]: n["payload"] for n in layer.notes if n["type"] == 1 and n["size"]}
    assert found == expected


def test_each_note_that_is_no_file_has_the_headers_of_one_member(layer: ChunkedLayer) -> None:
    # Whoever compares notes and table reads a header behind the padding of the file before.
    kinds = [note["type"] for note in layer.notes]
    assert kinds == [2, 1] * len(ALL_KINDS) + [2] * (len(kinds) - 2 * len(ALL_KINDS))
    assert [note["position"] for note in layer.notes] == list(range(len(kinds)))


def test_the_footer_says_what_the_annotations_say(layer: ChunkedLayer) -> None:
    *numbers, magic = struct.unpack("<7Q8s", layer.stored[-64:])
    said = [value for key, value in sorted(layer.annotations.items()) if "position" in key]
    first, second = (list(map(int, value.split(":"))) for value in said)
    assert numbers == [*first, *second]
    assert magic == b"GNUlInUx"


def test_the_tables_are_in_frames_that_are_skipped(layer: ChunkedLayer) -> None:
    assert {magic for _, magic in frames_of(layer.stored)} == {0x184D2A50}


@pytest.mark.parametrize("tar", [b"", bytes(1024), bytes(10_240)])
def test_an_empty_tar_file_has_an_empty_table(tar: bytes) -> None:
    layer = ChunkedLayer.of(tar)
    assert (layer.entries, layer.assembled(), unpack(layer.stored)) == ([], tar, tar)


@pytest.mark.parametrize("level", [1, 11, 22])
def test_a_level_is_taken(level: int) -> None:
    layer = ChunkedLayer.of(TAR, level)
    assert layer.assembled() == unpack(layer.stored) == TAR


class Slow(io.BytesIO):
    """Gives little at a time, as a network may."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(1000)


def test_the_same_tar_file_gives_the_same_bytes_however_it_comes() -> None:
    tar = tar_of(*ALL_KINDS, File("huge", some_bytes(2 * BLOCK_BYTES)))
    slow = Chunked(Slow(tar), None, folder="", annotate=lambda _: None)
    assert read_all(slow) == ChunkedLayer.of(tar).stored


def test_how_much_is_read_at_a_time_makes_no_difference(layer: ChunkedLayer) -> None:
    stream = Chunked(io.BytesIO(TAR), None, folder="", annotate=lambda _: None)
    blocks = list(iter(lambda: stream.read(777), b""))
    stream.close()
    assert b"".join(blocks) == layer.stored
    assert {len(block) for block in blocks[:-1]} == {777}


UNDESCRIBED: Mapping[str, bytes] = {
    "text": b"an artifact, and no tar file\n" * 50_000,
    "something behind the end": TAR + b"more",
    "zeros that are no block": TAR + bytes(100),
    "cut in a header": TAR[: len(TAR) // 512 // 2 * 512 + 100],
    "cut in a file": tar_of(File("a", some_bytes(100_000)))[:50_000],
    "cut in the padding": tar_of(File("a", b"short"))[:600],
    "one name twice": tar_of(File("a", b"1"), File("b"), File("a", b"2")),
    "one name in two forms": tar_of(File("a/b", b"1"), File("./a//b/", type=tarfile.DIRTYPE)),
    "a name that is no UTF-8": tar_of(
        File("a", b"1"), File("b\udcff", b"2"), form=tarfile.GNU_FORMAT
    ),
    "a broken member among others": TAR[:1024] + b"x" * 512 + TAR[1024:],
}


@pytest.mark.parametrize("plain", UNDESCRIBED.values(), ids=UNDESCRIBED)
def test_what_cannot_be_described_is_plain_zstd(plain: bytes) -> None:
    layer = ChunkedLayer.of(plain)
    assert unpack(layer.stored) == plain
    assert (packing_of(layer.stored), layer.annotations) == ("zstd", {})
    assert b"GNUlInUx" not in layer.stored


def many_files(count: int) -> bytes:
    return tar_of(*(File(f"folder/{number}", b"x") for number in range(count)))


def test_a_layer_with_too_many_members_is_plain_zstd(monkeypatch: pytest.MonkeyPatch) -> None:
    tar = many_files(21)
    assert len(ChunkedLayer.of(tar).entries) == 21
    monkeypatch.setattr(chunked_tables, "MAX_ENTRIES", 20)
    layer = ChunkedLayer.of(tar)
    assert (unpack(layer.stored), layer.annotations) == (tar, {})


@pytest.mark.parametrize("limit", [1000, 6000])
def test_a_table_that_is_too_long_is_left_out(monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    # One is too long when the tar file has ended, the other before.
    tar = many_files(40)
    monkeypatch.setattr(chunked_tables, "MAX_TABLE_BYTES", limit)
    layer = ChunkedLayer.of(tar)
    assert (unpack(layer.stored), layer.annotations) == (tar, {})


def test_large_tables_go_through_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunked_tables, "_MEMORY_BYTES", 100)
    tar = many_files(1000)
    layer = ChunkedLayer.of(tar)
    assert (layer.assembled(), len(layer.entries)) == (tar, 1000)


def test_no_space_for_the_tables_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunked_tables, "_MEMORY_BYTES", 100)
    stream = Chunked(io.BytesIO(many_files(1000)), None, folder="/nowhere", annotate=lambda _: None)
    with pytest.raises(StorageFailed, match="writing a temporary file in /nowhere"):
        read_all(stream)
    stream.close()


def test_what_the_source_raises_passes() -> None:
    class Breaking(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell():
                raise ConnectionFailed("reset")
            return super().read(1000)

    stream = Chunked(Breaking(TAR), None, folder="", annotate=lambda _: None)
    with pytest.raises(ConnectionFailed, match="reset"):
        stream.read()
    stream.close()


def test_closing_it_closes_the_source() -> None:
    source = io.BytesIO(TAR)
    stream = Chunked(source, None, folder="", annotate=lambda _: None)
    stream.read(10)
    stream.close()
    stream.close()
    assert source.closed


class Endless:
    """Headers of empty files, or one file of zeros; never held whole."""

    def __init__(self, blocks: list[bytes], count: int) -> None:
        self._blocks = iter(blocks[n % len(blocks)] for n in range(count))

    def read(self, size: int = -1, /) -> bytes:
        return next(self._blocks, b"")

    def close(self) -> None:
        """Nothing is open."""


def peak_of(source: Endless) -> int:
    stream = Chunked(source, None, folder="", annotate=lambda _: None)
    tracemalloc.start()
    try:
        while stream.read():
            pass
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        stream.close()


@pytest.mark.parametrize("size", [200 * BLOCK_BYTES, 8 * 2**30])
def test_a_large_file_is_never_held(size: int) -> None:
    with tarfile.open(fileobj=io.BytesIO(), mode="w") as tar:
        info = tarfile.TarInfo("large")
        info.size = size
        header = info.tobuf(tar.format or 0)
    source = Endless([header.ljust(512, b"\0"), *[bytes(BLOCK_BYTES)] * 200], 201)
    assert peak_of(source) < 12 * BLOCK_BYTES


def test_zeros_without_end_are_never_held() -> None:
    assert peak_of(Endless([bytes(BLOCK_BYTES)], 200)) < 12 * BLOCK_BYTES


def test_names_are_compared_without_being_kept() -> None:
    names = chunked_tables.Names()
    for number in range(10_000):
        names.add(f"a/folder/with/a/long/name/{number}")
    assert names.are_unique()
    names.add("/a/folder/./with/a/long/name/77")
    assert not names.are_unique()


def test_payloads_are_base64(layer: ChunkedLayer) -> None:
    first = layer.notes[0]["payload"]
    assert isinstance(first, str)
    assert base64.b64decode(first) == TAR[:512]
