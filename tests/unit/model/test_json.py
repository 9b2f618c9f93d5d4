"""Reading JSON from strangers: what two programs could read differently is refused."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regcopy.errors import ManifestInvalid
from regcopy.model._json import JsonObject, dump_object, load_object
from tests.growth import TOO_FAST, growth
from tests.memory import peak_of


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "not valid JSON"),
        (b"{", "not valid JSON"),
        (b"{} {}", "not valid JSON"),
        (b"{'a':1}", "not valid JSON"),
        (b'{"a":1,}', "not valid JSON"),
        (b"\xef\xbb\xbf{}", "not valid JSON"),
        (b'{"a":"\xff"}', "not valid JSON"),
        (b'{"a":"\x01"}', "not valid JSON"),
        (b"[]", "not a JSON object"),
        (b"null", "not a JSON object"),
        (b'"text"', "not a JSON object"),
        (b'{"a":NaN}', "NaN is not a JSON number"),
        (b'{"a":-Infinity}', "-Infinity is not a JSON number"),
        (b'{"a":1e999}', "out of range"),
        (b'{"a":' + b"9" * 5000 + b"}", "more than 1000 digits"),
        (b'{"a":1,"a":1}', "a key appears twice"),
        (b'{"b":{"c":[{"a":1,"\\u0061":2}]}}', "a key appears twice"),
        (b'{"a":' * 100_000, "nested too deeply"),
        (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deeply"),
        (b'{"a":"\\ud83d"}', "surrogate"),
        (b'{"a":{"\\uDE00\\ud83d":1}}', "surrogate"),
    ],
)
def test_what_is_no_plain_json_object_is_refused(content: bytes, why: str) -> None:
    with pytest.raises(ManifestInvalid, match=why) as caught:
        load_object(content)
    assert len(str(caught.value)) < 300


def test_the_refusal_names_the_document() -> None:
    with pytest.raises(ManifestInvalid, match=r"index\.json is not valid JSON"):
        load_object(b"{", what="index.json")


def test_a_whole_surrogate_pair_is_one_character() -> None:
    assert load_object(b'{"a":"\\ud83d\\ude00"}') == {"a": "\U0001f600"}


def test_a_backslash_before_ud_is_no_surrogate() -> None:
    assert load_object(b'{"a":"\\\\ud83d"}') == {"a": "\\ud83d"}


@settings(deadline=None)
@given(st.binary() | st.text().map(str.encode))
def test_any_bytes_are_an_object_or_refused(content: bytes) -> None:
    try:
        loaded = load_object(content)
    except ManifestInvalid:
        return
    assert load_object(dump_object(loaded)) == loaded


# Halves of surrogate pairs are refused (above), though Python's own encoder writes them.
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=10,
)


@settings(deadline=None)
@given(st.dictionaries(TEXT, JSON, max_size=3))
def test_what_is_written_is_read_again(document: dict[str, object]) -> None:
    assert load_object(dump_object(document)) == document
    assert load_object(json.dumps(document).encode()) == document


def test_what_is_written_is_compact_and_keeps_its_order() -> None:
    assert dump_object({"b": [1, True, None], "a": {}}) == b'{"b":[1,true,null],"a":{}}'


def test_characters_that_html_knows_are_escaped() -> None:
    assert dump_object({"<&>": "\u2028é"}) == b'{"\\u003c\\u0026\\u003e":"\\u2028\xc3\xa9"}'


def test_a_document_that_is_nested_too_deeply_is_not_written() -> None:
    document: dict[str, object] = {}
    for _ in range(100_000):
        document = {"a": document}

    with pytest.raises(ManifestInvalid, match="nested too deeply"):
        dump_object(document)


# Typed access.


def test_members_are_read_by_type() -> None:
    document = JsonObject(
        {"s": "x", "i": 5, "b": True, "o": {"k": "v"}, "l": ["x"], "c": [{"s": "y"}], "more": 1}
    )

    assert document.string("s") == "x"
    assert document.integer("i") == 5
    assert document.boolean("b")
    assert document.string_map("o") == {"k": "v"}
    assert document.strings("l") == ("x",)
    assert [child.string("s") for child in document.children("c")] == ["y"]


@pytest.mark.parametrize("members", [{}, {"k": None}])
def test_absent_and_null_are_the_same(members: dict[str, object]) -> None:
    document = JsonObject(members)

    assert document.string("k") == ""
    assert document.string("k", "default") == "default"
    assert document.child("k") is None
    assert document.children("k") == ()
    assert document.strings("k") == ()
    assert document.string_map("k") == {}
    assert not document.boolean("k")
    with pytest.raises(ManifestInvalid, match='"k" is not a whole number'):
        document.integer("k")
    with pytest.raises(ManifestInvalid, match='"k" is no digest'):
        document.digest("k")


@pytest.mark.parametrize("value", [True, 1.0, "1", [1], {}])
def test_only_whole_numbers_are_whole_numbers(value: object) -> None:
    with pytest.raises(ManifestInvalid, match="is not a whole number"):
        JsonObject({"size": value}).integer("size")


@pytest.mark.parametrize("value", [-1, 2**63, 10**400])
def test_numbers_outside_of_63_bits_are_refused(value: int) -> None:
    with pytest.raises(ManifestInvalid, match="is out of range"):
        JsonObject({"size": value}).integer("size")


def test_the_largest_number_is_taken() -> None:
    assert JsonObject({"size": 2**63 - 1}).integer("size") == 2**63 - 1


def test_a_refusal_names_the_place_in_the_document() -> None:
    layers = JsonObject({"a": {"layers": [{}, {"size": "x"}]}}, what="index").child("a")
    assert layers is not None

    with pytest.raises(ManifestInvalid) as caught:
        layers.children("layers")[1].integer("size")

    assert str(caught.value) == 'invalid index: "a.layers[1].size" is not a whole number'


def test_a_hostile_key_does_not_reach_the_terminal() -> None:
    with pytest.raises(ManifestInvalid) as caught:
        JsonObject({"\x1b[2J": 1}).string("\x1b[2J")

    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize("key", ["Layers", "LAYERS", "layer\u017f", "\u212aey"])
def test_a_key_that_differs_by_case_only_is_refused(key: str) -> None:
    with pytest.raises(ManifestInvalid, match="by case only"):
        JsonObject({key: []}).refuse_lookalikes({"layers", "key"})


def test_known_and_unknown_keys_are_no_lookalikes() -> None:
    JsonObject({"layers": [], "org.example.layers": 1}).refuse_lookalikes({"layers"})


@pytest.mark.parametrize(
    ("head", "filler", "tail"),
    [
        (b'{"a":', b"[", b""),
        (b"", b'{"a":', b""),
        (b'{"a":', b"9", b"}"),
        (b'{"a":[', b"9" * 999 + b",", b"0]}"),
        (b'{"a":0.', b"9", b"}"),
        (b'{"a":"', b"\\u0061", b'"}'),
        (b'{"a":"', b"\\ud83d\\ude00", b'"}'),
        (b'{"a":"', b"\\ud83d", b'"}'),
        (b'{"a":"', b"\\", b""),
        (b'{"a":[', b"{},", b"{}]}"),
        (b'{"a":[', b'{"a":0,"a":0},', b"{}]}"),
        (b"{", b" ", b"}"),
        (b"{", b"\n", b""),
        (b"", b"\xff", b""),
        (b'{"a":[', b"NaN,", b"0]}"),
    ],
)
def test_a_long_document_costs_no_more_than_its_length(
    head: bytes, filler: bytes, tail: bytes
) -> None:
    def load(content: bytes) -> None:
        with suppress(ManifestInvalid):
            load_object(content)

    assert growth(load, lambda size: head + filler * (size // len(filler)) + tail) < TOO_FAST


@pytest.mark.parametrize("filler", [b"[],", b"{},", b'{"a":[]},', b'[{"a":0}],'])
def test_a_document_of_objects_alone_is_refused_before_they_are_made(filler: bytes) -> None:
    content = b'{"a":[' + filler * (4 * 1024 * 1024 // len(filler)) + b"0]}"

    def load() -> None:
        with pytest.raises(ManifestInvalid, match="objects and lists"):
            load_object(content)

    assert peak_of(load) < 1024 * 1024


@pytest.mark.parametrize("value", ['"aa"', "1.5", "100000", '{"key":"a value of some length"}'])
def test_a_document_takes_little_memory_whatever_it_holds(value: str) -> None:
    content = f'{{"a":[{",".join([value] * (4 * 1024 * 1024 // (len(value) + 1)))}]}}'.encode()
    assert peak_of(lambda: load_object(content)) < 64 * 1024 * 1024
