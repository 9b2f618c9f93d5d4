"""The grammar of `oci:`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regcopy.errors import InvalidReference, NotFound, UsageError
from regcopy.transports import parse_reference
from regcopy.transports.abilities import DeletesImages, ListsTags
from regcopy.transports.oci import TRANSPORT, OciReference
from tests.contexts import make_context


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("folder", OciReference("folder")),
        ("folder:", OciReference("folder")),
        ("/a/b c:1.0", OciReference("/a/b c", "1.0")),
        ("folder:host:5000/app:v1", OciReference("folder", "host:5000/app:v1")),
        ("folder:app@sha256:0", OciReference("folder", "app@sha256:0")),
        ("folder:a--b_c+d", OciReference("folder", "a--b_c+d")),
        ("folder:@0", OciReference("folder", position=0)),
        ("folder:@+07", OciReference("folder", position=7)),
        ("folder@0", OciReference("folder@0")),
        ("folder@0:v1", OciReference("folder@0", "v1")),
    ],
)
def test_what_containers_image_takes_is_taken(text: str, reference: OciReference) -> None:
    assert parse_reference(f"oci:{text}") == reference


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":v1",
        ":@0",
        "folder:-a",
        "folder:a--",
        "folder:a b",
        "folder:a//b",
        "folder:/a",
        "folder:" + "a" * 2000,
        "folder:@",
        "folder:@-1",
        "folder:@x",
        "folder:@0:v1",
        "folder:@" + "9" * 5000,
        "fol\0der",
    ],
)
def test_anything_else_is_no_reference(text: str) -> None:
    with pytest.raises(InvalidReference):
        TRANSPORT.parse(text)


@given(st.text(max_size=50))
def test_any_text_is_a_reference_or_an_error_of_one_line(text: str) -> None:
    shown: list[str] = []
    try:
        reference = TRANSPORT.parse(text)
        assert parse_reference(str(reference)) == reference
    except InvalidReference as error:
        shown = str(error).splitlines()

    assert len(shown) <= 1


def test_the_empty_folder_has_a_hint() -> None:
    with pytest.raises(InvalidReference) as caught:
        TRANSPORT.parse("")

    assert caught.value.hint == "write oci:. for the current folder"


def test_name_and_position_exclude_each_other() -> None:
    with pytest.raises(InvalidReference, match="there is a name as well"):
        OciReference("folder", "v1", 0)


@pytest.mark.parametrize("text", ["oci:folder", "oci:folder:v1", "oci:folder:@3"])
def test_a_reference_prints_as_it_was_written(text: str) -> None:
    assert str(parse_reference(text)) == text


def test_the_policy_sees_the_real_folder(tmp_path: Path) -> None:
    real = os.path.realpath(tmp_path)
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")

    named = parse_reference(f"oci:{tmp_path}/link:v1")
    unnamed = parse_reference(f"oci:{tmp_path}/link")

    assert named.policy_identity == f"{real}/real:v1"
    assert list(named.policy_namespaces)[:2] == [f"{real}/real", real]
    assert unnamed.policy_identity == f"{real}/real"
    assert next(iter(unnamed.policy_namespaces)) == real
    assert "/" not in named.policy_namespaces


def test_a_position_is_only_read_from(tmp_path: Path) -> None:
    reference = parse_reference(f"oci:{tmp_path}:@0")

    with pytest.raises(UsageError, match="must not contain a manifest index @0"):
        reference.open_destination(make_context("destination"))


def test_a_position_without_its_colon_gets_a_hint(tmp_path: Path) -> None:
    reference = parse_reference(f"oci:{tmp_path}/layout@0")

    with pytest.raises(NotFound) as caught:
        reference.open_source(make_context())

    assert "oci:folder:@0" in caught.value.hint


def test_images_can_be_deleted_and_tags_not_listed() -> None:
    reference = parse_reference("oci:folder")

    assert isinstance(reference, DeletesImages)
    assert not isinstance(reference, ListsTags)
