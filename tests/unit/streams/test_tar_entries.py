"""What the headers of a tar file say, and where they say too much or too little."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from dataclasses import replace

import pytest

from regcopy.streams.tar_entries import BlockReader, HeaderReader, TarEntry, Undescribed
from regcopy.streams.tar_headers import padding
from tests.chunked_layers import ALL_KINDS, File, tar_of

FORMATS = (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT)


def entries_of(tar: bytes) -> list[TarEntry]:
    source = BlockReader(io.BytesIO(tar))
    headers = HeaderReader(source)
    found = []
    while (entry := headers.next()) is not None:
        found.append(entry)
        source.exactly(entry.size)
        headers.skip_padding(entry.size)
    return found


def entry_of(file: File, form: int = tarfile.PAX_FORMAT) -> TarEntry:
    (entry,) = entries_of(tar_of(file, form=form))
    return entry


def header(**fields: bytes) -> bytes:
    """Give one header, with other bytes in some fields and the right checksum."""
    places = {"name": 0, "mode": 100, "uid": 108, "size": 124, "mtime": 136, "flag": 156}
    places |= {"target": 157, "magic": 257, "major": 329, "atime": 345, "end": 508}
    block = bytearray(tar_of(File("name"))[:512])
    for key, value in fields.items():
        block[places[key] : places[key] + len(value)] = value
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def extended(flag: bytes, content: bytes) -> bytes:
    size = b"%011o\0" % len(content)
    return header(flag=flag, size=size) + content + padding(len(content))


def record(key: bytes, value: bytes) -> bytes:
    rest = b" %s=%s\n" % (key, value)
    size = len(rest) + 1
    while size != len(rest) + len(str(size)):
        size += 1
    return b"%d%s" % (size, rest)


@pytest.mark.parametrize("form", FORMATS)
def test_it_finds_what_another_reader_finds(form: int) -> None:
    tar = tar_of(*ALL_KINDS[:-1], form=form)
    with tarfile.open(fileobj=io.BytesIO(tar)) as opened:
        members = opened.getmembers()

    found = entries_of(tar)

    assert [(e.name.rstrip("/"), e.size, e.mode, e.uid, e.gid, e.target) for e in found] == [
        (m.name, m.size if m.isreg() else 0, m.mode, m.uid, m.gid, m.linkname) for m in members
    ]
    kinds = ["dir", *["reg"] * 4, "symlink", "hardlink", "char", "block", "fifo", "reg", "reg"]
    assert [entry.kind for entry in found] == kinds


@pytest.mark.parametrize("form", FORMATS)
def test_numbers_that_octal_digits_cannot_hold_are_read(form: int) -> None:
    file = File("large", more={"uid": 3_000_000_000, "mtime": 9_000_000_000})
    entry = entry_of(file, form)
    assert (entry.uid, entry.modified) == (3_000_000_000, "2255-03-14T16:00:00Z")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("0", "1970-01-01T00:00:00Z"),
        ("1.5", "1970-01-01T00:00:01.5Z"),
        ("1.500", "1970-01-01T00:00:01.5Z"),
        ("1.0000000019", "1970-01-01T00:00:01.000000001Z"),
        ("1.", "1970-01-01T00:00:01Z"),
        ("253402300799", "9999-12-31T23:59:59Z"),
    ],
)
def test_times_are_read_to_the_nanosecond(written: str, read: str) -> None:
    found = entry_of(File("a", pax={"mtime": written, "ctime": written}))
    assert (found.modified, found.changed, found.accessed) == (read, read, "")


def test_times_of_gnus_own_format_are_read() -> None:
    block = header(magic=b"ustar  \0", atime=b"%011o\0%011o\0" % (1, 2))
    (found,) = entries_of(block)
    assert found.accessed == "1970-01-01T00:00:01Z"
    assert found.changed == "1970-01-01T00:00:02Z"


def test_an_attribute_may_hold_any_bytes() -> None:
    value = b"\0\xff\n="
    content = record(b"SCHILY.xattr.security.capability", value)
    (found,) = entries_of(extended(b"x", content) + header())
    assert found.attributes == {"security.capability": value}


def test_what_is_empty_in_a_pax_header_leaves_the_header_as_it_is() -> None:
    (found,) = entries_of(extended(b"x", record(b"path", b"") + record(b"uid", b"")) + header())
    assert (found.name, found.uid) == ("name", 0)


def test_an_old_header_has_no_device() -> None:
    (found,) = entries_of(header(magic=bytes(8), major=b"not used"))
    assert found.device == (0, 0)


@pytest.mark.parametrize(("name", "kind"), [(b"name/\0", "dir"), (b"name\0", "reg")])
def test_old_programs_wrote_folders_as_files(name: bytes, kind: str) -> None:
    (found,) = entries_of(header(flag=b"\0", name=name))
    assert found.kind == kind


@pytest.mark.parametrize("end", [b"", bytes(512), bytes(1024), bytes(10_240)])
def test_the_marks_at_the_end_may_be_missing(end: bytes) -> None:
    assert len(entries_of(header() + end)) == 1


def test_what_was_read_is_given_back_whole() -> None:
    tar = tar_of(File("a" * 200, b"12345"), File("b"))
    source = BlockReader(io.BytesIO(tar))
    headers = HeaderReader(source)
    entry = headers.next()
    first = headers.take()
    assert entry is not None
    content = source.exactly(entry.size)
    headers.skip_padding(entry.size)
    assert headers.next() is not None

    assert content == b"12345"
    assert first + content + headers.take() == tar[: len(first) + 512 + 512]


def test_portions_do_not_depend_on_how_the_bytes_come() -> None:
    class Slow(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(3)

    source = BlockReader(Slow(b"0123456789"))
    assert [source.exactly(4), source.exactly(4), source.exactly(4)] == [b"0123", b"4567", b"89"]


BROKEN: dict[str, tuple[bytes, str]] = {
    "text": (b"this is no tar file, but some text\n" * 100, "no tar file"),
    "a cut header": (header()[:300], "no tar file"),
    "a wrong checksum": (header()[:148] + b"0000000\0" + header()[156:], "no tar file"),
    "zeros, then something": (bytes(512) + header(), "zeros stands alone"),
    "zeros, then a piece": (bytes(700), "zeros stands alone"),
    "no name": (header(name=bytes(5)), "no name"),
    "an unknown kind": (header(flag=b"7"), "unusual kind"),
    "a sparse file": (header(flag=b"S"), "unusual kind"),
    "a header for all": (extended(b"g", b"") + header(), "unusual kind"),
    "a folder with a size": (header(flag=b"5", size=b"%011o\0" % 5), "has a size"),
    "a link with a size": (header(flag=b"1", size=b"%011o\0" % 5), "has a size"),
    "a broken number": (header(mode=b"rw-r--r-"), "number is broken"),
    "a negative number": (header(mtime=b"\xff" * 12), "number is broken"),
    "a huge number": (header(size=b"\x80\x7f" + b"\xff" * 10), "number is broken"),
    "the format of star": (header(end=b"tar\0"), "format of star"),
    "a name that is no UTF-8": (header(name=b"\xff\xfe"), "no UTF-8"),
    "a target that is no UTF-8": (header(target=b"\xff", flag=b"2"), "no UTF-8"),
    "an attribute that is no UTF-8": (
        extended(b"x", record(b"SCHILY.xattr.\xff", b"v")) + header(),
        "no UTF-8",
    ),
    "two pax headers": (extended(b"x", b"") * 2 + header(), "several headers"),
    "two long names": (extended(b"L", b"one") * 2 + header(), "several headers"),
    "two kinds of long names": (
        extended(b"L", b"one") + extended(b"x", b"") + header(),
        "several headers",
    ),
    "a long name of nothing": (extended(b"L", b"one") + bytes(1024), "before a member"),
    "a long name that is cut": (extended(b"L", b"one")[:600], "cut off"),
    "a header of a megabyte": (extended(b"x", bytes(2**20)) + header(), "too long"),
    "a broken pax header": (extended(b"x", b"11 path:name\n") + header(), "broken pax"),
    "a sparse file in pax": (
        extended(b"x", record(b"GNU.sparse.major", b"1")) + header(),
        "sparse",
    ),
    **{
        f"{key.decode()} {value.decode()}": (extended(b"x", record(key, value)) + header(), why)
        for key, value, why in (
            (b"size", b"-1", "number is broken"),
            (b"uid", b"root", "number is broken"),
            (b"mtime", b"now", "time is broken"),
            (b"mtime", b"-1.5", "before 1970"),
            (b"mtime", b"253402300800", "too far ahead"),
        )
    },
}


@pytest.mark.parametrize(("tar", "why"), BROKEN.values(), ids=BROKEN)
def test_what_programs_read_differently_is_not_described(tar: bytes, why: str) -> None:
    with pytest.raises(Undescribed, match=why):
        entries_of(tar)


@pytest.mark.parametrize("size", [1, 513])
def test_padding_that_is_cut_off_is_not_described(size: int) -> None:
    tar = tar_of(replace(File("name"), content=bytes(size)))
    with pytest.raises(Undescribed, match="cut off"):
        entries_of(tar[: 512 + size + 100])


def test_what_the_source_raises_passes() -> None:
    class Failing(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise OSError("gone")

    read: Callable[[], object] = HeaderReader(BlockReader(Failing())).next
    with pytest.raises(OSError, match="gone"):
        read()
