from __future__ import annotations

import json

import pytest

from regcopy.cli.gojson import encode, time_text


def test_indented_json_looks_like_gos() -> None:
    assert encode({"a": [], "b": {}, "c": [1, None], "d": {"e": True}}) == (
        '{\n    "a": [],\n    "b": {},\n    "c": [\n        1,\n        null\n    ],\n'
        '    "d": {\n        "e": true\n    }\n}'
    )


def test_compact_json_has_no_spaces() -> None:
    assert encode({"a": [1, 2], "b": "c d"}, indent=None) == '{"a":[1,2],"b":"c d"}'


@pytest.mark.parametrize(
    ("text", "encoded"),
    [
        ("<b>&", r'"\u003cb\u003e\u0026"'),
        ("\u2028\u2029", r'"\u2028\u2029"'),
        ("é 漢 😀", '"é 漢 😀"'),
        ('"\\\n\r\t\x01', r'"\"\\\n\r\t\u0001"'),
    ],
)
def test_strings_are_escaped_as_go_does_it(text: str, encoded: str) -> None:
    assert encode(text) == encoded


@pytest.mark.parametrize("character", ["\x1b", "\x7f", "\x9b", "\u202e", "\u2066", "\u061c"])
def test_what_moves_a_cursor_or_turns_text_is_escaped_and_stays_the_same_json(
    character: str,
) -> None:
    encoded = encode(character)
    assert encoded.isascii()
    assert json.loads(encoded) == character


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        ("2024-01-02T03:04:05Z", "2024-01-02 03:04:05 +0000 UTC"),
        ("2024-01-02T03:04:05.12+02:00", "2024-01-02 03:04:05.12 +0200 +0200"),
        ("0001-01-01T00:00:00Z", "0001-01-01 00:00:00 +0000 UTC"),
    ],
)
def test_a_time_is_written_as_go_shows_it(moment: str, text: str) -> None:
    assert time_text(moment) == text
