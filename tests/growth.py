"""How the work of a parser grows with its input: by the ratio of two times, never by a time."""

from __future__ import annotations

from collections.abc import Callable
from time import thread_time
from typing import TypeVar

Input = TypeVar("Input")

SMALL, LARGE = 256 * 1024, 1024 * 1024

# Four times the input: a linear parser takes 4 times as long and a quadratic one 16.
TOO_FAST = 10.0
# Below this the clock shows little but itself; whoever refuses by length alone is there.
_NOTHING_SECONDS = 0.005
_ATTEMPTS = 3


def growth(act: Callable[[Input], object], make: Callable[[int], Input]) -> float:
    """Time for a large input divided by the time for one of a quarter of its size.

    It is measured again where it looks bad: something else may have had the processor's
    caches, while a parser that is too slow is so each time.

    Args:
        act: what is measured; it catches what it raises.
        make: gives an input of about so many characters or bytes.
    """
    small, large = make(SMALL), make(LARGE)
    ratios: list[float] = []
    while not ratios or (min(ratios) >= TOO_FAST and len(ratios) < _ATTEMPTS):
        ratios.append(_ratio(act, small, large))
    return min(ratios)


def _ratio(act: Callable[[Input], object], small: Input, large: Input) -> float:
    time_of_large = _shortest(act, large)
    if time_of_large < _NOTHING_SECONDS:
        return 1.0
    return time_of_large / max(_shortest(act, small), _NOTHING_SECONDS / 10)


def _shortest(act: Callable[[Input], object], given: Input) -> float:
    times = []
    for _ in range(3):
        start = thread_time()
        act(given)
        times.append(thread_time() - start)
    return min(times)
