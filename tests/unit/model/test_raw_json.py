"""Values that go from one JSON document into another with the text that they have."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regcopy.errors import ManifestInvalid
from regcopy.model._json import dump_object
from regcopy.model._raw_json import dump_raw, raw_members
from tests.memory import peak_of

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
OBJECTS = st.dictionaries(st.text(), VALUES, max_size=5)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("{}", "{}"),
        (' { "b" : 1.50 , "a" : [ 1e2 , -0 ] } ', '{"a":[1e2,-0],"b":1.50}'),
        ('{"a":"\\u00e9\\/ é"}', '{"a":"\\u00e9\\/ é"}'),
        ('{"a":"< & >","<":null}', '{"\\u003c":null,"a":"\\u003c \\u0026 \\u003e"}'),
        ('{"a" : {"c": 1,\n\t"b": "x : y"}}', '{"a":{"c":1,"b":"x : y"}}'),
        ('{"a:b\\"}": "c}\\\\", "d": "\\""}', '{"a:b\\"}":"c}\\\\","d":"\\""}'),
    ],
)
def test_values_keep_their_text_but_for_blanks_and_html(text: str, written: str) -> None:
    assert dump_raw(raw_members(text, what="text")) == written.encode()


@given(OBJECTS, st.sampled_from([None, 1, "\t"]), st.booleans())
def test_what_is_written_again_says_the_same(
    document: dict[str, object], indent: int | str | None, escaped: bool
) -> None:
    text = json.dumps(document, indent=indent, ensure_ascii=escaped)

    assert json.loads(dump_raw(raw_members(text, what="text"))) == document


@given(OBJECTS)
def test_what_was_written_so_stays_as_it_is(document: dict[str, object]) -> None:
    text = dump_object(dict(sorted(document.items()))).decode()

    assert dump_raw(raw_members(text, what="text")) == text.encode()


@pytest.mark.parametrize("filler", ["x", "\\n", '","'])
def test_a_long_text_takes_little_more_memory_than_itself(filler: str) -> None:
    text = '{"a":["' + filler * (500_000 // len(filler)) + '"]}'

    assert peak_of(lambda: raw_members(text, what="text")) < 30 * len(text)


@pytest.mark.parametrize("text", ["", "[]", "1", '{"a":1,"a":2}', '{"a":NaN}', "{'a':1}"])
def test_what_is_no_object_is_refused(text: str) -> None:
    with pytest.raises(ManifestInvalid, match="the text"):
        raw_members(text, what="the text")
