"""What somebody may have meant who mistyped a word."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

_CLOSE: Final = 2
_LONGEST: Final = 50


def close_to(word: str, known: Iterable[str], *, or_longer: bool = False) -> list[str]:
    """Give the known words that differ in at most two letters, sorted (cobra's rule).

    Args:
        word: what was typed; upper and lower case are the same.
        known: what there is.
        or_longer: give words that begin with `word` too.
    """
    typed = word.lower()[:_LONGEST]
    return sorted(
        one
        for one in known
        if (or_longer and one.startswith(typed)) or _distance(typed, one) <= _CLOSE
    )


def _distance(left: str, right: str) -> int:
    """Levenshtein's distance: letters to change, insert or leave out."""
    row = list(range(len(right) + 1))
    for i, letter in enumerate(left, 1):
        above, row = row, [i]
        for j, other in enumerate(right, 1):
            row.append(min(above[j] + 1, row[-1] + 1, above[j - 1] + (letter != other)))
    return row[-1]
