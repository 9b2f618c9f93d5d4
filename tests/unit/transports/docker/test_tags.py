"""Pages of a list of tags, and the links between them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regcopy.errors import ManifestInvalid, Refused
from regcopy.transports.docker.tags import next_link, parse_tags


@pytest.mark.parametrize(
    ("header", "target"),
    [
        ("", ""),
        ('</v2/a/tags/list?n=2&last=b>; rel="next"', "/v2/a/tags/list?n=2&last=b"),
        ("<https://h/v2/a/tags/list?last=b>; rel=next", "https://h/v2/a/tags/list?last=b"),
        ('</x>; rel="prev", </y>; rel="next"', "/y"),
        ('</x>; rel="next", </y>; rel="prev"', "/x"),
        ('</x>; title="n"; REL="start NEXT"', "/x"),
        ("</x?a=1,2>; rel=next", "/x?a=1,2"),
        ("</x>; rel=prev", ""),
        ("</x", ""),
        ("/x; rel=next", ""),
        ("<>; rel=next", ""),
    ],
)
def test_the_next_page_is_the_link_with_rel_next(header: str, target: str) -> None:
    assert next_link(header) == target


@given(st.text(alphabet='<>;=,"relnxt /', max_size=200))
def test_any_header_is_read_without_an_error(header: str) -> None:
    assert isinstance(next_link(header), str)


def test_a_page_without_tags_is_empty() -> None:
    assert parse_tags(b'{"name":"a","tags":null}', "h/a") == []
    assert parse_tags(b'{"name":"a"}', "h/a") == []


@pytest.mark.parametrize(
    "tag", ["", "a b", "../x", "-x", "x" * 129, "\x1b[31m", "a\nb", 5, None, ["x"]]
)
def test_what_cannot_be_a_tag_is_refused(tag: object) -> None:
    with pytest.raises(Refused, match="cannot be a tag") as caught:
        parse_tags(json.dumps({"tags": ["ok", tag]}).encode(), "h/a")
    assert str(caught.value).isprintable()


def test_tags_that_are_no_list_are_refused() -> None:
    with pytest.raises(Refused):
        parse_tags(b'{"tags":{"a":1}}', "h/a")


def test_a_page_that_is_no_json_object_is_refused() -> None:
    with pytest.raises(ManifestInvalid, match="list of tags of h/a"):
        parse_tags(b"[]", "h/a")
