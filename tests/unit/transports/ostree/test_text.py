"""Strings as ostree prints them (GLib's text format for variants)."""

from __future__ import annotations

import pytest

from regcopy.errors import ContentError
from regcopy.transports.ostree.repository import unquoted


@pytest.mark.parametrize(
    ("printed", "text"),
    [
        ("'plain'\n", "plain"),
        ("''\n", ""),
        ("'a\"b'\n", 'a"b'),
        ('"it\'s"\n', "it's"),
        (r"'a\\b\nc\td'", "a\\b\nc\td"),
        (r"'\'\"\a\b\f\r\v'", "'\"\a\b\f\r\v"),
        (r"'\u0001\u001b\U0010ffff'", "\x01\x1b\U0010ffff"),
        (r"'\\u0041\\n'", r"\u0041\n"),
        ("'é€'", "é€"),
    ],
)
def test_quotes_and_escapes_are_taken_off(printed: str, text: str) -> None:
    assert unquoted(printed.encode()) == text


@pytest.mark.parametrize(
    "printed",
    [
        b"",
        b"'",
        b"x",
        b"'x",
        b"x'",
        b"'x\"",
        b"uint32 5",
        b"'\xff'",
        rb"'\U00110000'",
        rb"'\ud800'",
    ],
)
def test_what_is_no_string_is_refused(printed: bytes) -> None:
    with pytest.raises(ContentError):
        unquoted(printed)
