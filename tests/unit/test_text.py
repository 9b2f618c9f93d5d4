"""Text from outside, made safe to show; bytes, counted for people."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regcopy.text import human_bytes, printable
from tests.growth import TOO_FAST, growth


@pytest.mark.parametrize("text", ["", "plain", "é 中 😀", "a\\x1b", "back`tick$(x)"])
def test_harmless_text_stays_as_it_is(text: str) -> None:
    assert printable(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J", "\\x1b[2J"),
        ("a\r\nb\tc", "a\\x0d\\x0ab\\x09c"),
        ("\x00\x7f", "\\x00\\x7f"),
        ("\x9b31m", "\\x9b31m"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("\u2028\u2066", "\\u2028\\u2066"),
        ("\ud800", "\\ud800"),
    ],
)
def test_what_moves_the_cursor_or_turns_text_round_is_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown


@settings(deadline=None)
@given(st.text(st.characters()))
def test_the_result_is_one_line_without_controls(text: str) -> None:
    shown = printable(text)

    assert len(shown.splitlines()) <= 1
    assert not {unicodedata.category(character) for character in shown} & {"Cc", "Cs", "Zl", "Zp"}


@settings(deadline=None)
@given(st.text(max_size=50))
def test_what_is_safe_already_is_not_escaped_again(text: str) -> None:
    assert printable(printable(text)) == printable(text)


def test_long_text_is_cut_and_says_so() -> None:
    assert printable("a" * 11, limit=10) == "a" * 10 + "…"
    assert printable("a" * 10, limit=10) == "a" * 10


@pytest.mark.parametrize("filler", ["\x1b", "a", "\u202e", "é"])
def test_escaping_costs_no_more_than_the_length(filler: str) -> None:
    assert growth(lambda text: printable(text, limit=10**7), lambda n: filler * n) < TOO_FAST


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (1024**2 - 1, "1.0 MiB"),
        (5 * 1024**3, "5.0 GiB"),
        (2048 * 1024**4, "2048.0 TiB"),
    ],
)
def test_bytes_are_counted_in_powers_of_1024(count: int, shown: str) -> None:
    assert human_bytes(count) == shown
