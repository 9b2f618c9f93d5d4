"""How fast requests to one registry may follow each other, learnt from what it refuses.

A registry that answers 429 seldom says how many requests a second it takes. Workers that
have all waited and come back at one moment are refused again, most of them, however long
they waited. So their requests are spread: each refusal doubles the distance between two
requests, and each request that is let through shortens it a little.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

from regcopy.transports.base import Context

# Of the first delay of the retry policy, which is half a second: 20 and 4 requests a second.
_FIRST_PART: Final = 0.1
_LONGEST_PART: Final = 0.5
_SHORTENED: Final = 0.98
# So close together they need not be kept apart.
_SHORTEST_PART: Final = 0.004


class RequestRate:
    """Keeps the requests of all workers apart; as long as none is refused, it does nothing."""

    def __init__(self, context: Context, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._context = context
        self._clock = clock
        self._unit = context.retry.first_delay_seconds
        self._lock = threading.Lock()
        self._distance = 0.0
        self._next = 0.0
        self._refused_at = 0.0

    def wait_for_turn(self) -> float:
        """Wait until a request may be sent.

        Returns:
            the moment at which the turn was given, for `was_refused`.

        Raises:
            Cancelled: the run was cancelled meanwhile.
        """
        with self._lock:
            given = self._clock()
            turn = max(given, self._next)
            if self._distance:
                self._next = turn + self._distance
        if turn > given:
            self._context.sleep(turn - given)
        return given

    def was_refused(self, given: float) -> None:
        """Slow down after a 429.

        Args:
            given: what `wait_for_turn` said. A request whose turn was given before the last
                slowing down says nothing about the rate since then.
        """
        with self._lock:
            if self._distance and given <= self._refused_at:
                return
            doubled = max(self._distance * 2, self._unit * _FIRST_PART)
            self._distance = min(doubled, self._unit * _LONGEST_PART)
            self._refused_at = self._clock()

    def was_taken(self) -> None:
        """Go a little faster again."""
        if not self._distance:
            return
        with self._lock:
            shorter = self._distance * _SHORTENED
            self._distance = shorter if shorter > self._unit * _SHORTEST_PART else 0.0
