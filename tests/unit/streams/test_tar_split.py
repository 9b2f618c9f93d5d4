"""A layer is put together from its files and its notes, byte for byte."""

from __future__ import annotations

import io

import pytest

from regcopy.errors import ContentError, LimitExceeded, RegcopyError
from regcopy.streams.tar_split import Assembled
from regcopy.testing.samples import make_layer
from tests.stores import lines_of, notes_of

LAYER = make_layer("a", 3000)
FILE = LAYER[512 : 512 + 3000]
NAME = "data/a.bin"


def assembled(lines: bytes, *, offset: int = 0, content: bytes = FILE) -> Assembled:
    files = {NAME: content}
    return Assembled(
        io.BytesIO(lines),
        lambda name, start: io.BytesIO(files[name][start:]),
        offset=offset,
        what="layer a",
    )


def read(stream: Assembled, size: int = 1000) -> bytes:
    return b"".join(iter(lambda: stream.read(size), b""))


@pytest.mark.parametrize("size", [1, 511, 512, 513, 100_000])
def test_a_layer_is_what_it_was_however_it_is_read(size: int) -> None:
    assert read(assembled(lines_of(notes_of(LAYER))), size) == LAYER


@pytest.mark.parametrize(
    "offset", [0, 1, 511, 512, 513, 2000, 3511, 3512, 3513, len(LAYER) - 1, len(LAYER)]
)
def test_a_layer_is_read_from_an_offset(offset: int) -> None:
    assert read(assembled(lines_of(notes_of(LAYER)), offset=offset)) == LAYER[offset:]


def test_blocks_are_as_long_as_asked_for() -> None:
    stream = assembled(lines_of(notes_of(LAYER)))

    assert [len(stream.read(1000)) for _ in range(3)] == [1000] * 3


def test_a_name_that_is_no_utf8_is_given_as_bytes() -> None:
    names: list[str] = []

    def open_file(name: str, _: int) -> io.BytesIO:
        names.append(name)
        return io.BytesIO(b"xyz")

    line = b'{"type":1,"name_raw":"ZP9m","size":3}'  # d, 0xff, f
    stream = Assembled(io.BytesIO(line), open_file, offset=0, what="it")

    assert (read(stream), names) == (b"xyz", ["d\udcfff"])


def test_a_file_that_is_shorter_than_it_was_is_an_error() -> None:
    with pytest.raises(ContentError, match=r"data/a.bin in layer a is shorter than it was"):
        read(assembled(lines_of(notes_of(LAYER)), content=FILE[:-1]))


def test_of_a_file_that_is_longer_only_the_old_part_is_read() -> None:
    assert read(assembled(lines_of(notes_of(LAYER)), content=FILE + b"more")) == LAYER


@pytest.mark.parametrize(
    "line",
    [
        b"no json",
        b'{"payload":""}',
        b'{"type":3}',
        b'{"type":2,"payload":"*"}',
        b'{"type":2,"payload":1}',
        b'{"type":1,"name":"x","size":-1}',
        b'{"type":1,"name":1,"size":1}',
        b"[" * 10_000,
    ],
)
def test_broken_notes_are_an_error(line: bytes) -> None:
    with pytest.raises(RegcopyError):
        read(assembled(line))


def test_a_line_has_a_limit() -> None:
    class Endless:
        def read(self, size: int = -1, /) -> bytes:
            return b"x" * size

        def close(self) -> None:
            """Nothing to do."""

    with pytest.raises(LimitExceeded):
        read(Assembled(Endless(), lambda *_: io.BytesIO(), offset=0, what="it"))


def test_closing_closes_notes_and_file() -> None:
    opened: list[io.BytesIO] = [io.BytesIO(lines_of(notes_of(LAYER)))]

    def open_file(_: str, start: int) -> io.BytesIO:
        opened.append(io.BytesIO(FILE[start:]))
        return opened[-1]

    stream = Assembled(opened[0], open_file, offset=0, what="it")
    stream.read(600)
    stream.close()
    stream.close()

    assert [one.closed for one in opened] == [True, True]
