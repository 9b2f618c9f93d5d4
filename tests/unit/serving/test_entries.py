"""What entries of index.json mean, and how they change."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from regcopy.model._json import JsonObject
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.mediatypes import OCI_INDEX, OCI_MANIFEST
from regcopy.serving.entries import (
    Entry,
    is_repository,
    make_entry,
    read_entry,
    with_manifest,
    without_manifest,
    without_tag,
)

FIRST = Descriptor(OCI_MANIFEST, Digest.of(b"first"), 5)
SECOND = Descriptor(OCI_MANIFEST, Digest.of(b"second"), 6)
INDEX = Descriptor(OCI_INDEX, Digest.of(b"index"), 5)


def below(manifest: Descriptor) -> list[Digest]:
    """The index names the first manifest."""
    return [FIRST.digest] if manifest.digest == INDEX.digest else []


def named(
    name: str, manifest: Descriptor = FIRST, more: Mapping[str, object] | None = None
) -> Entry:
    annotations = {"org.opencontainers.image.ref.name": name, "other": "kept"}
    return read_entry(
        JsonObject({**manifest.to_json(), "annotations": annotations, **(more or {})})
    )


def names(entries: tuple[Entry, ...]) -> list[str]:
    return [
        e.source.string_map("annotations").get("org.opencontainers.image.ref.name", "")
        for e in entries
    ]


@pytest.mark.parametrize("name", ["a", "a/b-c/d.e_f__g", "localhost", "docker.io", "a" * 240])
def test_names_of_repositories(name: str) -> None:
    assert is_repository(name)


@pytest.mark.parametrize(
    "name", ["", "/", "a/", "/a", "A", "a:b", "a@b", "a b", "..", "a\n", "a" * 256]
)
def test_what_is_no_name_of_a_repository(name: str) -> None:
    assert not is_repository(name)


def test_a_tag_is_an_entry_with_a_colon() -> None:
    entry = named("team/app:1.0")

    assert (entry.repository, entry.tag, entry.manifest) == ("team/app", "1.0", FIRST)


def test_a_manifest_without_a_tag_is_an_entry_with_its_digest() -> None:
    entry = named(f"team/app@{FIRST.digest}")

    assert (entry.repository, entry.tag, entry.manifest) == ("team/app", "", FIRST)


@pytest.mark.parametrize(
    "name",
    ["", "1.0", "app", "App:1.0", "host:5000/app:1.0", "app:-x", f"app@{SECOND.digest}", "app@1"],
)
def test_other_names_belong_to_no_repository(name: str) -> None:
    assert named(name).repository == ""


@pytest.mark.parametrize(
    "broken", [{"digest": "sha256:../../x"}, {"size": -1}, {"mediaType": "application/other"}]
)
def test_broken_entries_and_other_things_belong_to_no_repository(broken: dict[str, object]) -> None:
    assert named("app:1.0", more=broken).repository == ""


def test_an_entry_is_what_other_programs_write() -> None:
    assert make_entry("app", "1.0", FIRST).source.members == {
        "mediaType": OCI_MANIFEST,
        "digest": str(FIRST.digest),
        "size": 5,
        "annotations": {"org.opencontainers.image.ref.name": "app:1.0"},
    }


def test_a_tag_that_moves_leaves_an_entry_for_its_manifest() -> None:
    entries = with_manifest([named("app:1.0")], "app", "1.0", SECOND, below)

    assert names(entries) == [f"app@{FIRST.digest}", "app:1.0"]
    assert entries[0].source.string_map("annotations")["other"] == "kept"


def test_a_tag_that_is_pushed_again_stays_one_entry() -> None:
    assert names(with_manifest([named("app:1.0")], "app", "1.0", FIRST, below)) == ["app:1.0"]


def test_a_tag_that_moves_back_needs_no_entry_for_its_manifest() -> None:
    moved = with_manifest([named("app:1.0")], "app", "1.0", SECOND, below)

    back = with_manifest(moved, "app", "1.0", FIRST, below)

    assert names(back) == [f"app@{SECOND.digest}", "app:1.0"]


def test_what_an_index_names_needs_no_entry_of_its_own() -> None:
    pushed = with_manifest([], "app", "", FIRST, below)

    assert names(pushed) == [f"app@{FIRST.digest}"]
    assert names(with_manifest(pushed, "app", "1.0", INDEX, below)) == ["app:1.0"]


def test_a_manifest_that_is_reached_anyway_gets_no_entry() -> None:
    assert names(with_manifest([named("app:1", INDEX)], "app", "", FIRST, below)) == ["app:1"]


def test_a_tag_of_what_an_index_names_keeps_its_entry() -> None:
    entries = with_manifest([named("app:amd64")], "app", "1.0", INDEX, below)

    assert names(entries) == ["app:amd64", "app:1.0"]


def test_repositories_do_not_reach_into_each_other() -> None:
    entries = with_manifest([named(f"other@{FIRST.digest}")], "app", "1.0", INDEX, below)

    assert names(entries) == [f"other@{FIRST.digest}", "app:1.0"]


def test_entries_of_others_are_left_alone() -> None:
    others = [named("1.0"), named("", SECOND), named("other:1.0")]

    assert with_manifest(others, "app", "1.0", FIRST, below)[:3] == tuple(others)
    assert without_tag(others, "app", "1.0", below) == tuple(others)
    assert without_manifest(others, "app", FIRST.digest) == tuple(others)


def test_a_tag_that_goes_leaves_an_entry_for_its_manifest() -> None:
    assert names(without_tag([named("app:1")], "app", "1", below)) == [f"app@{FIRST.digest}"]
    assert names(without_tag([named("app:1"), named("app:2")], "app", "1", below)) == ["app:2"]


def test_a_manifest_that_goes_takes_its_tags_along() -> None:
    entries = [named("app:1"), named("app:2", SECOND), named("app:3"), named("other:1")]

    assert names(without_manifest(entries, "app", FIRST.digest)) == ["app:2", "other:1"]
