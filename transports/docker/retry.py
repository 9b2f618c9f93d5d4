"""What is tried again, when, and how often: one policy for every request of a side.

tenacity drives the loop; this module decides. Only what can get better is repeated: broken
connections, silence, 408, 429 and the 5xx that pass. A wrong certificate, a wrong digest
and every other 4xx are final.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import Final, TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception

from regcopy.errors import ConnectionFailed, RateLimited, ServerFault, TlsFailed, TransportError
from regcopy.events import Retrying as RetryingEvent
from regcopy.transports.base import Context

_Result = TypeVar("_Result")

_LONGEST_BACKOFF_SECONDS: Final = 20.0


def is_transient(error: BaseException) -> bool:
    """Tell whether the same request may succeed later.

    Faults of the source were already retried where they happened; an upload that they
    interrupt is not repeated a second time for them.
    """
    if not isinstance(error, TransportError) or error.side == "source":
        return False
    if isinstance(error, TlsFailed):
        return False
    return isinstance(error, ConnectionFailed | RateLimited | ServerFault)


class Retrier:
    """Repeats calls within one side's budget, and slows all of its workers together."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._lock = threading.Lock()
        self._budget = context.retry.budget
        self._not_before = 0.0

    def call(
        self,
        function: Callable[[], _Result],
        *,
        recover: Callable[[], None] | None = None,
    ) -> _Result:
        """Call until it succeeds, fails for good, or the bounds are reached.

        Args:
            function: one try.
            recover: prepares the next try (a new upload session, an asked-for offset);
                what it raises counts as the outcome.

        Raises:
            TransportError: the last error, with `tries` set.
        """
        policy = self._context.retry
        began = time.monotonic()

        def attempt() -> _Result:
            self._wait_for_turn()
            return function()

        def give_up(state: RetryCallState) -> bool:
            late = time.monotonic() - began > policy.total_seconds
            return state.attempt_number >= policy.tries or late or not self._spend()

        def prepare(state: RetryCallState) -> None:
            self._announce(state)

        def worth_it(error: BaseException) -> bool:
            return is_transient(error) and self._wish(error) <= policy.longest_wait_seconds

        def after(state: RetryCallState) -> None:
            if state.outcome is not None and state.outcome.failed:
                error = state.outcome.exception()
                if isinstance(error, TransportError):
                    error.tries = state.attempt_number

        def step() -> _Result:
            if retrying.statistics.get("attempt_number", 1) > 1 and recover is not None:
                recover()
            return attempt()

        retrying = Retrying(
            retry=retry_if_exception(worth_it),
            stop=give_up,
            wait=self._delay,
            sleep=self._context.sleep,
            before_sleep=prepare,
            after=after,
            reraise=True,
        )
        return retrying(step)

    def _spend(self) -> bool:
        with self._lock:
            self._budget -= 1
            return self._budget >= 0

    def _wait_for_turn(self) -> None:
        self._context.check_cancelled()
        with self._lock:
            delay = self._not_before - time.monotonic()
        if delay > 0:
            self._context.sleep(delay)

    def _wish(self, error: BaseException) -> float:
        if isinstance(error, RateLimited | ServerFault):
            return error.retry_after or 0.0
        return 0.0

    def _delay(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        wish = self._wish(error) if error else 0.0
        policy = self._context.retry
        if policy.delay_seconds is not None:
            return max(wish, policy.delay_seconds)
        ceiling = min(
            _LONGEST_BACKOFF_SECONDS, policy.first_delay_seconds * 2 ** (state.attempt_number - 1)
        )
        # Full jitter keeps a hundred clients that failed together from coming back together.
        return wish + random.uniform(ceiling / 2, ceiling)  # noqa: S311 — no secret depends on it

    def _announce(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        delay = state.next_action.sleep if state.next_action else 0.0
        if isinstance(error, RateLimited):
            with self._lock:
                self._not_before = max(self._not_before, time.monotonic() + delay)
        message = error.message if isinstance(error, TransportError) else str(error)
        self._context.observer.notify(
            RetryingEvent(message, state.attempt_number, self._context.retry.tries, delay)
        )
