"""index.json as a value."""

from __future__ import annotations

import json

import pytest

from regcopy.errors import ManifestInvalid, ManifestUnsupported, NotFound, UsageError
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.layout import LayoutIndex
from regcopy.model.mediatypes import OCI_MANIFEST
from tests.growth import TOO_FAST, growth

ONE = Descriptor(OCI_MANIFEST, Digest.of(b"one"), 3)
TWO = Descriptor(OCI_MANIFEST, Digest.of(b"two"), 3)


def index_of(*images: tuple[Descriptor, str]) -> LayoutIndex:
    """Make an index by adding images in this order."""
    index = LayoutIndex.empty()
    for descriptor, name in images:
        index = index.with_image(descriptor, name)
    return index


def images(index: LayoutIndex) -> list[tuple[Descriptor, str]]:
    """Give descriptor and name of each entry."""
    return [(index.descriptor(n), index.name_of(n)) for n in range(len(index.entries))]


def test_an_image_is_found_by_its_name_and_by_its_position() -> None:
    index = index_of((ONE, "1"), (TWO, "2"))

    assert index.find("2") == 1
    assert index.find(position=0) == 0


def test_the_only_image_is_found_without_a_name() -> None:
    assert index_of((ONE, "1")).find() == 0


def test_several_images_ask_for_a_choice() -> None:
    with pytest.raises(UsageError, match="more than one image") as caught:
        index_of((ONE, "1"), (TWO, "2")).find()

    assert caught.value.hint == "it has: 1, 2"


def test_images_without_names_are_chosen_by_position() -> None:
    with pytest.raises(UsageError) as caught:
        index_of((ONE, ""), (TWO, "")).find()

    assert ":@0 to :@1" in caught.value.hint


@pytest.mark.parametrize(
    ("index", "hint"),
    [
        (index_of(), "there is no image in this layout"),
        (index_of((ONE, "")), "its only image has no name: leave the name out"),
    ],
)
def test_a_name_where_no_image_has_one_says_what_to_write(index: LayoutIndex, hint: str) -> None:
    with pytest.raises(NotFound) as caught:
        index.find("x")

    assert caught.value.hint == hint


def test_a_missing_name_says_what_there_is() -> None:
    many = index_of(*((ONE, f"v{n}") for n in range(30)))

    with pytest.raises(NotFound, match='no descriptor found for reference "x"') as caught:
        many.find("x")

    assert caught.value.hint.endswith("v18, v19 and 10 more")


def test_a_position_past_the_end_is_not_found() -> None:
    with pytest.raises(NotFound, match="index 1 is too large, only 1 entries available"):
        index_of((ONE, "1")).find(position=1)


def test_an_empty_layout_has_no_image() -> None:
    with pytest.raises(NotFound, match="no image in this layout"):
        LayoutIndex.empty().find()


def test_a_name_of_something_else_is_not_an_image() -> None:
    with pytest.raises(ManifestUnsupported, match="application/xml"):
        index_of((Descriptor("application/xml", ONE.digest, 3), "doc")).find("doc")


def test_of_two_entries_with_one_name_the_usable_one_is_taken() -> None:
    other = Descriptor("application/xml", TWO.digest, 3).to_json()
    named = {"org.opencontainers.image.ref.name": "v1"}
    entries = [{**other, "annotations": named}, {**ONE.to_json(), "annotations": named}]
    content = json.dumps({"schemaVersion": 2, "manifests": entries}).encode()

    assert LayoutIndex.parse(content).find("v1") == 1


def test_a_new_image_takes_a_name_and_the_old_one_stays_without() -> None:
    assert images(index_of((ONE, "v1"), (TWO, "v1"))) == [(ONE, ""), (TWO, "v1")]


def test_an_image_that_has_no_name_gets_one() -> None:
    assert images(index_of((ONE, ""), (TWO, "2"), (ONE, "1"))) == [(ONE, "1"), (TWO, "2")]


def test_one_image_may_have_several_names() -> None:
    assert images(index_of((ONE, "1"), (ONE, "2"))) == [(ONE, "1"), (ONE, "2")]


def test_adding_what_is_there_changes_nothing() -> None:
    index = index_of((ONE, "1"), (TWO, ""))

    assert index.with_image(ONE, "1") == index.with_image(TWO, "").with_image(ONE, "1")
    assert images(index.with_image(TWO, "")) == images(index)


def test_many_images_are_added_as_one_after_another() -> None:
    added = [(ONE, "1"), (TWO, "1"), (TWO, "2"), (ONE, ""), (ONE, "3"), (TWO, ""), (TWO, "1")]

    assert LayoutIndex.empty().with_images(added) == index_of(*added)
    assert images(index_of(*added)) == [(ONE, "3"), (TWO, "1"), (TWO, "2"), (TWO, "")]


def test_thousands_of_images_are_added_and_found_in_no_time() -> None:
    def act(many: list[tuple[Descriptor, str]]) -> None:
        index = LayoutIndex.empty().with_images(many)
        assert [index.find(name) for _, name in many] == list(range(len(many)))

    def make(size: int) -> list[tuple[Descriptor, str]]:
        return [(ONE, f"app:{number}") for number in range(size // 512)]

    assert growth(act, make) < TOO_FAST


def test_members_that_mean_nothing_to_us_are_kept_in_their_order() -> None:
    content = (
        b'{"x":[1,{"b":2,"a":null}],"manifests":[{"digest":"sha256:'
        + TWO.digest.hex.encode()
        + b'","y":1.5,"mediaType":"application/vnd.oci.image.manifest.v1+json","size":3}],'
        b'"schemaVersion":2,"annotations":{"who":"me & you"}}'
    )

    kept = LayoutIndex.parse(content).with_image(ONE, "1").without(1).to_bytes()

    assert kept == content.replace(b"&", b"\\u0026")


def test_other_annotations_of_an_entry_survive_the_loss_of_its_name() -> None:
    entry = {
        **ONE.to_json(),
        "annotations": {"org.opencontainers.image.ref.name": "v1", "com.example": "kept"},
    }
    content = json.dumps({"schemaVersion": 2, "manifests": [entry]}).encode()

    index = LayoutIndex.parse(content).with_image(TWO, "v1")

    assert json.loads(index.to_bytes())["manifests"][0]["annotations"] == {"com.example": "kept"}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{",
        b"{}",
        b'{"schemaVersion":1,"manifests":[]}',
        b'{"schemaVersion":2,"manifests":{}}',
        b'{"schemaVersion":2,"manifests":[1]}',
        b'{"schemaVersion":2,"manifests":[],"manifests":[]}',
        b'{"schemaVersion":2,"Manifests":[]}',
        b'{"schemaVersion":2,"manifests":[{"annotations":{"a":1}}]}',
        b'{"schemaVersion":2,"manifests":' + b"[" * 100_000,
    ],
)
def test_a_broken_index_is_refused(content: bytes) -> None:
    with pytest.raises(ManifestInvalid):
        LayoutIndex.parse(content)


@pytest.mark.parametrize("digest", ["sha256:../../x", "", "md5:0", f"SHA256:{ONE.digest.hex}"])
def test_a_malformed_digest_never_becomes_a_file_name(digest: str) -> None:
    entry = {"mediaType": OCI_MANIFEST, "digest": digest, "size": 3}
    content = json.dumps({"schemaVersion": 2, "manifests": [entry]}).encode()

    with pytest.raises(ManifestInvalid, match="digest"):
        LayoutIndex.parse(content).descriptor(0)


def test_a_null_list_is_an_empty_layout() -> None:
    assert LayoutIndex.parse(b'{"schemaVersion":2,"manifests":null}').entries == ()
