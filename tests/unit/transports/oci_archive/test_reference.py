"""The grammar of `oci-archive:`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regcopy.errors import InvalidReference, UsageError
from regcopy.transports import parse_reference
from regcopy.transports.abilities import TakesTags
from regcopy.transports.oci_archive import TRANSPORT, OciArchiveReference
from tests.contexts import make_context


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("a.tar", OciArchiveReference("a.tar")),
        ("a.tar:", OciArchiveReference("a.tar")),
        ("/a/b c.tar:1.0", OciArchiveReference("/a/b c.tar", "1.0")),
        ("a.tar:host:5000/app:v1", OciArchiveReference("a.tar", "host:5000/app:v1")),
        ("a.tar:@2", OciArchiveReference("a.tar", position=2)),
        ("/dev/stdout:v1", OciArchiveReference("/dev/stdout", "v1")),
        ("-", OciArchiveReference("-")),
    ],
)
def test_what_containers_image_takes_is_taken(text: str, reference: OciArchiveReference) -> None:
    assert parse_reference(f"oci-archive:{text}") == reference


@pytest.mark.parametrize(
    "text", ["", ":v1", "a.tar:-a", "a.tar:a b", "a.tar:@", "a.tar:@-1", "a.tar:@x", "a\0:v1"]
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


def test_name_and_position_exclude_each_other() -> None:
    with pytest.raises(InvalidReference, match="there is a name as well"):
        OciArchiveReference("a.tar", "v1", 0)


@pytest.mark.parametrize("text", ["oci-archive:a", "oci-archive:a:v1", "oci-archive:a:@3"])
def test_a_reference_prints_as_it_was_written(text: str) -> None:
    assert str(parse_reference(text)) == text


def test_the_policy_sees_the_real_file_and_no_name(tmp_path: Path) -> None:
    real = os.path.realpath(tmp_path)
    (tmp_path / "link.tar").symlink_to("real.tar")

    reference = parse_reference(f"oci-archive:{tmp_path}/link.tar:v1")

    assert reference.policy_identity == f"{real}/real.tar"
    assert next(iter(reference.policy_namespaces)) == real
    assert "/" not in reference.policy_namespaces


def test_a_position_is_only_read_from(tmp_path: Path) -> None:
    reference = parse_reference(f"oci-archive:{tmp_path}/a.tar:@0")

    with pytest.raises(UsageError, match="must not contain a manifest index @0"):
        reference.open_destination(make_context("destination"))


def test_an_image_can_have_more_names() -> None:
    reference = parse_reference("oci-archive:a.tar:v1")

    assert isinstance(reference, TakesTags)
    assert str(reference.with_tag("v2")) == "oci-archive:a.tar:v2"
    with pytest.raises(InvalidReference):
        reference.with_tag("a b")
