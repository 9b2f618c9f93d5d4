"""Headers that we write: the same each time, and read by others."""

from __future__ import annotations

import io
import tarfile

import pytest

from regcopy.streams.tar_headers import END_OF_TAR, file_header, link_header, padding
from regcopy.streams.tar_reading import read_members


def read_back(content: bytes) -> tarfile.TarInfo:
    """Let Python's tarfile read the first header."""
    return tarfile.TarInfo.frombuf(content, "utf-8", "strict")


@pytest.mark.parametrize("size", [0, 1, 511, 512, 513, 8**11 - 1, 8**11, 2**40])
def test_the_size_of_a_file_is_read_back(size: int) -> None:
    content = file_header("name", size)
    assert read_back(content).size == size
    read = read_members(lambda offset, count: (content + bytes(1024))[offset:][:count])
    assert next(read).size == size


def test_a_file_can_be_read_by_all_and_written_by_nobody() -> None:
    info = read_back(file_header("name", 1))
    assert (info.name, info.mode, info.uid, info.gid, info.mtime) == ("name", 0o444, 0, 0, 0)
    assert (info.uname, info.gname, info.type) == ("", "", tarfile.REGTYPE)


def test_a_link_names_its_target() -> None:
    info = read_back(link_header("a/b", "../c"))
    assert (info.name, info.linkname, info.type, info.size) == ("a/b", "../c", tarfile.SYMTYPE, 0)


@pytest.mark.parametrize("name", ["x" * 101, "é" * 51, "é" * 500])
def test_a_long_name_of_a_file_is_read_whole(name: str) -> None:
    content = file_header(name, 1) + b"1" + padding(1) + END_OF_TAR
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        assert tar.getnames() == [name]


@pytest.mark.parametrize("name", ["x" * 101, "é" * 51])
def test_a_long_name_of_a_link_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="too long"):
        link_header(name, "to")
    with pytest.raises(ValueError, match="too long"):
        link_header("name", name)


@pytest.mark.parametrize(("size", "zeros"), [(0, 0), (1, 511), (511, 1), (512, 0), (513, 511)])
def test_a_file_is_filled_up_to_a_block(size: int, zeros: int) -> None:
    assert padding(size) == bytes(zeros)


def test_what_we_write_is_a_tar_file() -> None:
    content = file_header("a", 3) + b"abc" + padding(3) + END_OF_TAR
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        file = tar.extractfile("a")
        assert file is not None
        assert file.read() == b"abc"
        assert len(tar.getmembers()) == 1
