"""Reading the headers of tar files, good and hostile."""

from __future__ import annotations

import io
import struct
import tarfile
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regcopy.errors import ContentError, LimitExceeded, RegcopyError
from regcopy.streams import tar_reading
from regcopy.streams.tar_reading import Member, ReadAt, read_members
from tests.docker_archives import header, tar_of

END = bytes(1024)


def reader(content: bytes) -> ReadAt:
    """Read from bytes at hand."""
    return lambda offset, size: content[offset : offset + size]


def members(content: bytes) -> list[Member]:
    """Read all members."""
    return list(read_members(reader(content)))


def block(
    name: str = "name",
    *,
    size: bytes = b"%011o\0" % 0,
    flag: bytes = b"0",
    magic: bytes = b"ustar\x0000",
) -> bytearray:
    """Make a header by hand, whose checksum is right."""
    made = bytearray(512)
    made[: len(name)] = name.encode()
    made[124:136] = size
    made[156:157] = flag
    made[257:265] = magic
    return summed(made)


def summed(made: bytearray) -> bytearray:
    """Enter the checksum."""
    made[148:156] = b" " * 8
    made[148:156] = b"%06o\0 " % sum(made)
    return made


def pax(*records: str) -> bytes:
    """Make an extended header with records `key=value`."""
    body = b"".join(record(text) for text in records)
    return bytes(block(size=b"%011o\0" % len(body), flag=b"x")) + body + bytes(-len(body) % 512)


def record(text: str) -> bytes:
    """Make one record with its length."""
    rest = f" {text}\n".encode()
    length = len(rest)
    while length != len(rest) + len(str(length)):
        length = len(rest) + len(str(length))
    return str(length).encode() + rest


FORMATS = [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]
NAMES = ["a", "a/b.tar", "./a", "/a", "../a", "x" * 99, "x" * 100, f"{'d' * 100}/{'f' * 90}"]


@pytest.mark.parametrize("kind", FORMATS)
def test_files_of_every_format_are_found_where_they_lie(kind: int) -> None:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=kind) as tar:
        for number, name in enumerate(NAMES):
            tar.addfile(header(name, 700 * number), io.BytesIO(bytes([number]) * 700 * number))
    content = target.getvalue()

    found = members(content)

    assert [member.name for member in found] == NAMES
    for number, member in enumerate(found):
        assert (
            content[member.offset : member.offset + member.size] == bytes([number]) * 700 * number
        )


@pytest.mark.parametrize("kind", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("name", ["n" * 101, "n" * 5000, "é/ü" * 60])
def test_long_names_and_targets_are_read_whole(kind: int, name: str) -> None:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=kind) as tar:
        tar.addfile(header(name, kind=tarfile.SYMTYPE, to=f"../{name}"))

    (found,) = members(target.getvalue())

    assert (found.name, found.target, found.kind) == (name, f"../{name}", "symbolic link")


@pytest.mark.parametrize(
    ("flag", "kind"),
    [
        (tarfile.LNKTYPE, "hard link"),
        (tarfile.SYMTYPE, "symbolic link"),
        (tarfile.CHRTYPE, "special file"),
        (tarfile.BLKTYPE, "special file"),
        (tarfile.FIFOTYPE, "special file"),
        (tarfile.DIRTYPE, "folder"),
        (tarfile.CONTTYPE, "file"),
        (tarfile.AREGTYPE, "file"),
    ],
)
def test_each_kind_of_member_is_told(flag: bytes, kind: str) -> None:
    assert members(bytes(block(flag=flag)) + END)[0].kind == kind


def test_an_old_folder_is_told_by_its_name() -> None:
    assert members(bytes(block("folder/", flag=b"\0")) + END)[0].kind == "folder"


def test_a_size_of_what_is_no_file_counts_for_nothing() -> None:
    link = bytes(block(size=b"%011o\0" % 5000, flag=b"2"))
    assert [m.kind for m in members(link + bytes(block()) + END)] == ["symbolic link", "file"]


def test_a_size_over_eight_gibibytes_is_read_in_gnus_way() -> None:
    size = 9 * 2**30
    content = bytes(block(size=b"\x80\0\0\0" + struct.pack(">Q", size)))

    def read_at(offset: int, count: int) -> bytes:
        return content[offset : offset + count] if offset < 512 else bytes(count)

    assert [member.size for member in read_members(read_at)] == [size]


def test_the_size_of_a_pax_header_is_the_one_that_counts() -> None:
    content = pax("size=600") + bytes(block(size=b"%011o\0" % 0)) + bytes(1024) + END
    (found,) = members(content)
    assert (found.size, found.offset) == (600, 1536)


def test_a_pax_header_is_about_the_next_member_only() -> None:
    found = members(pax("path=other") + bytes(block("one")) + bytes(block("two")) + END)
    assert [member.name for member in found] == ["other", "two"]


def test_a_global_pax_header_changes_nothing() -> None:
    body = record("path=elsewhere").ljust(512, b"\0")
    about_all = bytes(block(size=b"%011o\0" % 18, flag=b"g")) + body
    assert [member.name for member in members(about_all + bytes(block()) + END)] == ["name"]


def test_what_follows_the_end_is_not_read() -> None:
    content = bytes(block("one")) + END + bytes(block("two")) + END
    assert [member.name for member in members(content)] == ["one"]


def test_one_block_of_zeros_is_an_end() -> None:
    assert len(members(bytes(block()) + bytes(512))) == 1


@pytest.mark.parametrize("blocks", range(6))
def test_a_file_that_is_cut_off_at_any_block_is_told(blocks: int) -> None:
    content = tar_of({"a": b"1" * 600, "b": b"2"})
    with pytest.raises(ContentError, match=r"is cut off|is no tar file"):
        members(content[: blocks * 512])


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "no tar file: it is empty"),
        (b"{}", "too short"),
        (b"x" * 1024, "is no tar file"),
        (bytes(block()) + b"x" * 512, "is a broken tar file"),
        (bytes(block(size=b"00000000009\0")) + END, "broken tar file"),
        (bytes(block(size=b"-0000000001\0")) + END, "broken tar file"),
        (bytes(block(size=b"\xff" * 12)) + END, "broken tar file"),
        (bytes(block(size=b"\x80" + b"\x7f" * 11)) + END, "broken tar file"),
        (bytes(block(flag=b"S")) + END, "sparse"),
        (pax("GNU.sparse.major=1") + bytes(block()) + END, "sparse"),
        (pax("size=-1") + bytes(block()) + END, "broken size"),
        (pax("size=1_0") + bytes(block()) + END, "broken size"),
        (pax("size=9999999999999999999") + bytes(block()) + END, "broken size"),
        (pax("path=a\0b") + bytes(block()) + END, "zero byte"),
        (pax("no equals sign") + bytes(block()) + END, "broken pax header"),
    ],
)
def test_what_is_broken_is_refused(content: bytes, problem: str) -> None:
    with pytest.raises(ContentError, match=problem):
        members(content)


@pytest.mark.parametrize("body", [b"0 a=b\n", b"5 a=b\n", b"99 a=b\n", b"6 a=b ", b" a=b\n", b"\n"])
def test_a_pax_record_whose_length_lies_is_refused(body: bytes) -> None:
    content = bytes(block(size=b"%011o\0" % len(body), flag=b"x")) + body.ljust(512, b"\0")
    with pytest.raises(ContentError, match="broken pax header"):
        members(content + bytes(block()) + END)


def test_a_checksum_of_signed_characters_is_taken() -> None:
    made = block("é")
    made[148:156] = b" " * 8
    signed = sum(byte - 256 if byte > 127 else byte for byte in made)
    made[148:156] = b"%06o\0 " % signed
    assert members(bytes(made) + END)[0].name == "é"


def test_one_long_header_is_not_read() -> None:
    with pytest.raises(LimitExceeded, match="too long"):
        members(bytes(block(size=b"%011o\0" % (2**20 + 1), flag=b"x")))


def test_headers_that_do_not_end_are_given_up() -> None:
    endless = bytes(block(size=b"%011o\0" % 2**20, flag=b"L")) + b"n" * 2**20

    def read_at(offset: int, count: int) -> bytes:
        start = offset % len(endless)
        return endless[start : start + count]

    with pytest.raises(LimitExceeded, match="too long"):
        list(read_members(read_at))


@pytest.mark.parametrize("flag", [b"0", b"x", b"g", b"5"])
def test_a_million_members_are_given_up(flag: bytes) -> None:
    endless = bytes(block(flag=flag))
    asked = 0

    def read_at(_offset: int, count: int) -> bytes:
        nonlocal asked
        asked += 1
        return endless[:count]

    with pytest.raises(LimitExceeded, match="more than 65536 members"):
        for _ in read_members(read_at):
            pass
    assert asked <= 2 * tar_reading.MAX_MEMBERS + 2


def test_a_member_larger_than_any_disk_is_cut_off() -> None:
    huge = bytes(block(size=b"\x80\0\0\0" + struct.pack(">Q", 2**62)))

    def read_at(offset: int, count: int) -> bytes:
        assert offset < 2**63, "the operating system takes no such offset"
        return huge[:count]

    with pytest.raises(ContentError, match="cut off"):
        list(read_members(read_at))


def test_reading_can_be_cancelled() -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(read_members(reader(bytes(block()) + END), check_cancelled=stop))


@given(st.binary(max_size=2048))
def test_any_bytes_give_members_or_an_error_of_ours(content: bytes) -> None:
    with suppress(RegcopyError):
        members(content)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(list(b"0127xgLKSV\0")),
            st.integers(0, 3000),
            st.binary(max_size=600),
            st.text(max_size=20),
        ),
        max_size=6,
    )
)
def test_members_lie_inside_the_file(entries: list[tuple[int, int, bytes, str]]) -> None:
    content = b""
    for flag, size, body, name in entries:
        shown = name.encode("utf-8", "replace")[:99].decode("utf-8", "ignore")
        content += bytes(block(shown, size=b"%011o\0" % size, flag=bytes([flag])))
        content += body.ljust(-(-len(body) // 512) * 512, b"\0")
    content += END
    try:
        found = members(content)
    except RegcopyError:
        return
    assert all(member.offset + member.size <= len(content) for member in found)


def broken_by(change: Callable[[bytearray], None]) -> bytes:
    """Make a tar file, change a byte of its header, and leave the checksum."""
    content = bytearray(tar_of({"a": b"1"}))
    change(content)
    return bytes(content)


@pytest.mark.parametrize("position", [0, 99, 124, 156, 257, 345, 511])
def test_a_changed_header_does_not_pass(position: int) -> None:
    def change(content: bytearray) -> None:
        content[position] ^= 1

    with pytest.raises(ContentError, match="no tar file"):
        members(broken_by(change))
