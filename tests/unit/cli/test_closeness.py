from __future__ import annotations

import pytest

from regcopy.cli.closeness import close_to


@pytest.mark.parametrize("word", ["copy", "cpy", "copyy", "cpoy", "COPY", "cop"])
def test_a_word_with_two_wrong_letters_is_close(word: str) -> None:
    assert close_to(word, ["delete", "copy"]) == ["copy"]


@pytest.mark.parametrize("word", ["", "c", "paste", "list"])
def test_a_word_with_three_wrong_letters_is_not(word: str) -> None:
    assert close_to(word, ["copy"]) == []


def test_the_beginning_of_a_word_counts_where_it_is_asked_for() -> None:
    assert close_to("insp", ["inspect"]) == []
    assert close_to("insp", ["inspect"], or_longer=True) == ["inspect"]


def test_several_close_words_are_sorted() -> None:
    assert close_to("tat", ["tax", "tap", "tab"]) == ["tab", "tap", "tax"]


def test_a_very_long_word_is_no_long_work() -> None:
    assert close_to("x" * 1_000_000, ["copy"]) == []
