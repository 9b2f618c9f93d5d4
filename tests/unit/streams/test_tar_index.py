"""Finding members by name: only inside the archive, and each name means one thing."""

from __future__ import annotations

import tarfile
from collections.abc import Iterable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regcopy.errors import ContentError, LimitExceeded, NotFound
from regcopy.streams.tar_index import TarIndex, clean_name
from tests.docker_archives import header, tar_of

SYMLINK, HARDLINK = tarfile.SYMTYPE, tarfile.LNKTYPE


def index_of(members: Mapping[str, bytes] | Iterable[tuple[tarfile.TarInfo, bytes]]) -> TarIndex:
    """Make a tar file and read it."""
    content = tar_of(members)
    return TarIndex.read(lambda offset, size: content[offset : offset + size], what="it")


def link(name: str, to: str, kind: bytes = SYMLINK) -> tuple[tarfile.TarInfo, bytes]:
    """Make a link."""
    return header(name, kind=kind, to=to), b""


def file(name: str, content: bytes = b"here") -> tuple[tarfile.TarInfo, bytes]:
    """Make a file."""
    return header(name, len(content)), content


def test_a_file_is_found_by_its_name() -> None:
    index = index_of({"a": b"1", "b/c": b"two"})
    assert index.content("b/c", limit=3) == b"two"
    assert "b/c" in index
    assert "c" not in index


def test_a_name_that_is_not_there_is_not_found() -> None:
    with pytest.raises(NotFound, match="it has no b"):
        index_of({"a": b"1"}).find("b")


@pytest.mark.parametrize("stored", ["a/b", "./a/b", "a//b", "./././a/./b"])
@pytest.mark.parametrize("asked", ["a/b", "./a/b", "a//b"])
def test_ways_to_write_a_name_are_one_name(stored: str, asked: str) -> None:
    assert index_of({stored: b"1"}).content(asked, limit=1) == b"1"


@pytest.mark.parametrize("name", ["/a", "../a", "b/../a", "./../a", "//a", ".."])
def test_a_name_that_leads_elsewhere_is_never_matched(name: str) -> None:
    with pytest.raises(NotFound):
        index_of({name: b"1"}).find("a")
    with pytest.raises(NotFound):
        index_of({"a": b"1"}).find(name)


@pytest.mark.parametrize(
    ("name", "to", "kind"),
    [
        ("link", "a/b", SYMLINK),
        ("link", "./a/b", SYMLINK),
        ("a/link", "b", SYMLINK),
        ("a/link", "../a/b", SYMLINK),
        ("x/y/link", "../../a/b", SYMLINK),
        ("x/link", "a/b", HARDLINK),
    ],
)
def test_links_are_followed_by_name(name: str, to: str, kind: bytes) -> None:
    index = index_of([link(name, to, kind), file("a/b")])
    assert index.content(name, limit=4) == b"here"


@pytest.mark.parametrize(
    ("name", "to", "kind"),
    [
        ("a", "/etc/passwd", SYMLINK),
        ("a", "../etc/passwd", SYMLINK),
        ("b/a", "../../etc/passwd", SYMLINK),
        ("b/a", "c/../../../b/x", SYMLINK),
        ("a", "/etc/passwd", HARDLINK),
        ("a", "../x", HARDLINK),
        ("a", "", SYMLINK),
    ],
)
def test_a_link_that_leads_out_is_refused(name: str, to: str, kind: bytes) -> None:
    with pytest.raises(ContentError, match="leads out of it"):
        index_of([link(name, to, kind)]).find(name)


def test_a_link_to_nothing_is_not_found() -> None:
    with pytest.raises(NotFound):
        index_of([link("a", "b")]).find("a")


@pytest.mark.parametrize("length", [1, 2, 3, 20, 5000])
def test_links_in_a_circle_are_refused(length: int) -> None:
    names = [f"l{number}" for number in range(length)]
    index = index_of(
        [link(name, to) for name, to in zip(names, [*names[1:], names[0]], strict=True)]
    )
    with pytest.raises(ContentError, match="in a circle"):
        index.find("l0")


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_a_device_is_no_file(kind: bytes) -> None:
    with pytest.raises(ContentError, match="special file"):
        index_of([(header("a", kind=kind), b"")]).find("a")


def test_a_folder_is_not_found() -> None:
    with pytest.raises(NotFound):
        index_of([(header("a", kind=tarfile.DIRTYPE), b"")]).find("a")


def test_of_two_members_with_one_name_the_first_is_found() -> None:
    index = index_of([file("a", b"one"), file("./a", b"two")])
    assert index.content("a", limit=3, unique=False) == b"one"


def test_a_name_that_two_members_have_is_refused_where_it_must_be_clear() -> None:
    index = index_of([file("a", b"one"), file("b"), file("./a", b"two")])
    with pytest.raises(ContentError, match="a more than once"):
        index.content("a", limit=3)
    assert index.content("b", limit=4) == b"here"


def test_a_link_beside_a_file_of_its_name_is_no_way_round() -> None:
    index = index_of([file("a", b"one"), link("a", "b"), file("b", b"two")])
    with pytest.raises(ContentError, match="more than once"):
        index.find("a", unique=True)


def test_a_link_cannot_hide_that_its_target_is_not_clear() -> None:
    index = index_of([link("a", "b"), file("b", b"one"), file("b", b"two")])
    with pytest.raises(ContentError, match="b more than once"):
        index.find("a", unique=True)


def test_a_large_file_is_not_read_whole() -> None:
    with pytest.raises(LimitExceeded, match="has 4 bytes; the limit is 3"):
        index_of([file("a")]).content("a", limit=3)


def test_a_file_is_read_in_blocks_and_from_the_middle() -> None:
    index = index_of([file("a", b"0123456789"), file("b")])
    reader = index.open(index.find("a"), offset=3)
    assert [reader.read(4), reader.read(4), reader.read(4), reader.read()] == [
        b"3456",
        b"789",
        b"",
        b"",
    ]


def test_the_error_shows_no_control_characters() -> None:
    with pytest.raises(NotFound) as caught:
        index_of({"a": b""}).find("\x1b[31mred\n")
    assert str(caught.value).isprintable()


@given(st.text(alphabet="ab./\0", max_size=12))
def test_a_clean_name_stays_as_it_is(name: str) -> None:
    clean = clean_name(name)
    assert clean_name(clean) == clean
    assert not clean.startswith("/")
    assert ".." not in clean.split("/")
