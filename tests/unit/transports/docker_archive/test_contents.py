"""manifest.json of an archive: reading, choosing, writing."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from regcopy.errors import ContentError, LimitExceeded, ManifestInvalid, NotFound, UsageError
from regcopy.model.reference import ImageName
from regcopy.streams.tar_index import TarIndex
from regcopy.transports.docker_archive.contents import (
    ArchivedImage,
    TableOfContents,
    choose,
    listed_names,
    read_contents,
    write_contents,
)
from tests.docker_archives import tar_of

ONE = ArchivedImage("1.json", ("docker.io/library/one:1", "quay.io/one:2"), ("a.tar", "b.tar"))
TWO = ArchivedImage("2.json", ("two:latest",), ())
NAMELESS = ArchivedImage("3.json", (), ("a.tar",))


def index_of(members: dict[str, bytes]) -> TarIndex:
    """Make a tar file and read it."""
    content = tar_of(members)
    return TarIndex.read(lambda offset, size: content[offset : offset + size], what="a.tar")


def read(content: bytes) -> tuple[ArchivedImage, ...]:
    """Read contents of an archive that has nothing else."""
    return read_contents(index_of({"manifest.json": content}), path="a.tar")


def test_what_we_write_is_read() -> None:
    assert read(write_contents([ONE])) == (ONE,)


def test_members_that_docker_adds_are_left_alone() -> None:
    document = [{"Config": "c", "RepoTags": None, "Layers": None, "LayerSources": {"a": 1}, "x": 2}]
    assert read(json.dumps(document).encode()) == (ArchivedImage("c", (), ()),)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"null",
        b"[1]",
        b"[{}]",
        b'[{"Config":1}]',
        b'[{"Config":"c","Layers":"a"}]',
        b'[{"Config":"c","Layers":[1]}]',
        b'[{"Config":"c","config":"d"}]',
        b'[{"Config":"c","Config":"d"}]',
        b'[],"more":[]',
        b'[],"images":[]',
        b"[]}",
        b"[" * 100_000,
        b"\xff[]",
    ],
)
def test_broken_contents_are_refused(content: bytes) -> None:
    with pytest.raises(ManifestInvalid):
        read(content)


def test_contents_over_the_limit_are_not_read() -> None:
    with pytest.raises(LimitExceeded):
        read(b"[" + b" " * 32 * 2**20 + b"]")


def test_contents_of_thousands_of_images_are_read() -> None:
    layers = tuple(f"{number:064x}.tar" for number in range(30))
    images = [ArchivedImage(f"{n:064x}.json", (f"app:{n}",), layers) for n in range(3000)]
    assert read(write_contents(images)) == tuple(images)


@pytest.mark.parametrize(("other", "hint"), [("oci-layout", "oci-archive:"), ("etc/x", "tarball:")])
def test_an_archive_without_contents_is_told_with_what_else_it_may_be(
    other: str, hint: str
) -> None:
    with pytest.raises(ManifestInvalid, match=r"no manifest\.json") as caught:
        read_contents(index_of({other: b"1"}), path="a.tar")
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("name", "image"),
    [("one:1", ONE), ("quay.io/one:2", ONE), ("docker.io/library/two:latest", TWO)],
)
def test_an_image_is_chosen_by_any_of_its_names(name: str, image: ArchivedImage) -> None:
    images = (NAMELESS, ONE, TWO, replace(TWO, names=(*ONE.names, *TWO.names)))
    assert choose(images, ImageName.parse(name), None) is image
    assert TableOfContents(images).choose(ImageName.parse(name), None) is image


@pytest.mark.parametrize(("position", "image"), [(0, ONE), (1, TWO), (2, NAMELESS)])
def test_an_image_is_chosen_by_its_position(position: int, image: ArchivedImage) -> None:
    assert choose([ONE, TWO, NAMELESS], None, position) is image


def test_the_only_image_needs_no_choice() -> None:
    assert choose([NAMELESS], None, None) is NAMELESS


def test_of_several_images_one_must_be_chosen() -> None:
    with pytest.raises(UsageError, match="has 3 images") as caught:
        choose([ONE, TWO, NAMELESS], None, None)
    names = "add one of :docker.io/library/one:1, :quay.io/one:2, :two:latest, :@2"
    assert caught.value.hint == names


def test_a_message_does_not_name_hundreds() -> None:
    many = [ArchivedImage("c", (f"x:{number}",), ()) for number in range(100)]
    with pytest.raises(UsageError) as caught:
        choose(many, None, None)
    assert caught.value.hint.endswith(":x:9, …")


def test_a_name_that_is_not_there_is_not_found() -> None:
    with pytest.raises(NotFound, match=r'Tag "docker\.io/library/x:1" not found') as caught:
        choose([TWO], ImageName.parse("x:1"), None)
    assert caught.value.hint == "the archive has :two:latest"


def test_a_position_that_is_not_there_is_not_found() -> None:
    with pytest.raises(NotFound, match="Invalid source index @2, only 2 manifest items available"):
        choose([ONE, TWO], None, 2)


def test_an_archive_can_be_without_images() -> None:
    with pytest.raises(NotFound, match="no image in it"):
        choose([], None, None)


def test_a_name_that_is_none_is_passed_over_in_a_search() -> None:
    odd = ArchivedImage("c", ("<none>:<none>",), ())
    assert choose([odd, TWO], ImageName.parse("two:latest"), None) is TWO


def test_names_are_listed_as_the_archive_has_them() -> None:
    assert list(listed_names([ONE, NAMELESS, TWO])) == [
        "docker.io/library/one:1",
        "quay.io/one:2",
        "@1",
        "two:latest",
    ]


def test_a_name_that_is_none_is_not_listed() -> None:
    with pytest.raises(
        ContentError, match=r'Invalid tag "\\x1b\[31m" in manifest item @1'
    ) as caught:
        list(listed_names([TWO, ArchivedImage("c", ("\x1b[31m",), ())]))
    assert str(caught.value).isprintable()
