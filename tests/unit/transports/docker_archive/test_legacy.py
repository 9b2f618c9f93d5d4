"""The folders that older readers look for."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regcopy.errors import ManifestInvalid
from regcopy.model.digest import Digest
from regcopy.model.reference import ImageName
from regcopy.transports.docker_archive.legacy import (
    legacy_layers,
    raw_members,
    write_repositories,
)

LAYERS = [Digest.of(b"1"), Digest.of(b"2"), Digest.of(b"3")]
CONFIG = b'{"os": "linux", "config": {"Env": [ "A=<&> \\u2028" ] , "b" : 1.50}, "x": 1}'


def test_each_layer_names_the_one_below_as_its_parent() -> None:
    made = list(legacy_layers(LAYERS, CONFIG))
    parents = [json.loads(layer.json).get("parent") for layer in made]
    assert parents == [None, made[0].id, made[1].id]
    assert [layer.diff_id for layer in made] == LAYERS
    assert [json.loads(layer.json)["id"] for layer in made] == [layer.id for layer in made]


def test_the_topmost_layer_repeats_the_config_as_it_is_written() -> None:
    *_, top = legacy_layers(LAYERS, CONFIG)
    text = top.json.decode()
    assert '"config":{"Env":["A=\\u003c\\u0026\\u003e \\u2028"],"b":1.50}' in text
    assert '"architecture":null' in text
    assert '"x"' not in text


def test_one_layer_twice_has_two_folders() -> None:
    made = list(legacy_layers([LAYERS[0], LAYERS[0]], CONFIG))
    assert made[0].id != made[1].id


def test_an_image_without_layers_has_no_folder() -> None:
    assert list(legacy_layers([], CONFIG)) == []
    assert write_repositories({ImageName.parse("x:1"): ""}) == b"{}"


def test_repositories_are_in_order() -> None:
    names = [ImageName.parse(text) for text in ("x:2", "quay.io/b:1", "x:1")]
    assert write_repositories(dict.fromkeys(names, "id")) == (
        b'{"docker.io/library/x":{"1":"id","2":"id"},"quay.io/b":{"1":"id"}}'
    )


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b'{"a"', b'{"a":', b'{"a":1', b"1"])
def test_what_is_no_object_has_no_members(content: bytes) -> None:
    with pytest.raises(ManifestInvalid):
        raw_members(content)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(st.dictionaries(st.text(), JSON), st.sampled_from([None, 0, 3]))
def test_members_are_those_that_json_has(document: dict[str, object], indent: int | None) -> None:
    found = raw_members(json.dumps(document, indent=indent).encode())
    assert {name: json.loads(text) for name, text in found.items()} == document


@given(JSON)
def test_members_have_no_space_between_tokens(value: object) -> None:
    spaced = json.dumps({"a": value}, indent=2, ensure_ascii=False)
    compact = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    for character in "<>&\u2028\u2029":
        compact = compact.replace(character, f"\\u{ord(character):04x}")
    assert raw_members(spaced.encode("utf-8", "surrogatepass"))["a"] == compact
