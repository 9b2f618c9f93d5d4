"""What is tried again, when, and how often: one policy for every request of a side.

tenacity drives the loop, once a first try failed; this module decides. Only what can get
better is repeated: broken connections, silence, 408, 429 and the 5xx that pass. A wrong
certificate, a wrong digest and every other 4xx are final.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeVar

from regcopy.errors import ConnectionFailed, RateLimited, ServerFault, TlsFailed, TransportError
from regcopy.events import Retrying as RetryingEvent
from regcopy.transports.base import Context, Uses

if TYPE_CHECKING:
    from tenacity import RetryCallState

_Result = TypeVar("_Result")

_LONGEST_BACKOFF_SECONDS: Final = 20.0
# Not implemented, version not supported, storage full, network login: these do not pass.
_LASTING_FAULTS: Final = frozenset({501, 505, 507, 511})


def is_transient(error: BaseException) -> bool:
    """Tell whether the same request may succeed later.

    Faults of the source were already retried where they happened; an upload that they
    interrupt is not repeated a second time for them.
    """
    if not isinstance(error, TransportError) or error.side == "source":
        return False
    if isinstance(error, TlsFailed):
        return False
    if error.answer is not None and error.answer.status in _LASTING_FAULTS:
        return False
    return isinstance(error, ConnectionFailed | RateLimited | ServerFault)


class _Count:
    """Tries of one call, and those in a row that got no further."""

    def __init__(self, clock: Callable[[], float], reached: Callable[[], int]) -> None:
        self.tries = 0
        self.in_vain = 0
        self.since = 0.0
        self._furthest = 0
        self._clock = clock
        self._reached = reached

    def failed(self) -> None:
        """Count a try that failed; the first one after getting further begins a new row."""
        reached = self._reached()
        if self.in_vain == 0 or reached > self._furthest:
            self._furthest = reached
            self.in_vain = 0
            self.since = self._clock()
        self.in_vain += 1


def _nowhere() -> int:
    return 0


class Retrier:
    """Repeats calls within one side's budget, and slows all of its workers together."""

    def __init__(self, context: Context, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._context = context
        self._clock = clock
        self._lock = threading.Lock()
        self._spent = 0
        self._not_before = 0.0

    def call(
        self,
        function: Callable[[], _Result],
        *,
        recover: Callable[[], None] | None = None,
        reached: Callable[[], int] = _nowhere,
    ) -> _Result:
        """Call until it succeeds, fails for good, or the bounds are reached.

        Args:
            function: one try.
            recover: prepares the next try (a new upload session, an asked-for offset);
                what it raises counts as the outcome.
            reached: how much of the work is done for good. Tries and their time are counted
                anew where it grows; the budget bounds them all the same.

        Raises:
            TransportError: the last error, with `tries` set.
            Cancelled: the run was cancelled before or between two tries.
        """
        count = _Count(self._clock, reached)

        def attempt() -> _Result:
            count.tries += 1
            try:
                self._wait_for_turn()
                if count.tries > 1 and recover is not None:
                    recover()
                return function()
            except TransportError as error:
                error.tries = count.tries
                count.failed()
                raise

        failures: list[TransportError] = []
        try:
            return attempt()
        except TransportError as error:
            if not self._is_worth_it(error):
                raise
            failures.append(error)
        return self._repeat(attempt, failures, count)

    def _repeat(
        self, attempt: Callable[[], _Result], failures: list[TransportError], count: _Count
    ) -> _Result:
        """Go on after a first try that failed: its error is in `failures`, and is taken out."""
        # Most requests succeed, and whoever makes only such ones need not wait for this.
        from tenacity import Retrying, retry_if_exception

        def again() -> _Result:
            if failures:
                raise failures.pop()
            return attempt()

        def is_over(_: RetryCallState) -> bool:
            policy = self._context.retry
            late = self._clock() - count.since > policy.total_seconds
            return count.in_vain >= policy.tries or late or not self._spend()

        retrying = Retrying(
            retry=retry_if_exception(self._is_worth_it),
            stop=is_over,
            wait=lambda state: self._delay(_error_of(state), count.in_vain),
            sleep=self._context.sleep,
            before_sleep=lambda state: self._announce(state, count.in_vain),
            reraise=True,
        )
        return retrying(again)

    def _spend(self) -> bool:
        uses = self._context.resources.get(Uses, (), Uses)
        with self._lock:
            self._spent += 1
            return self._spent <= self._context.retry.budget * uses.count

    def _wait_for_turn(self) -> None:
        self._context.check_cancelled()
        while (delay := self._turn() - self._clock()) > 0:
            self._context.sleep(delay)

    def _turn(self) -> float:
        with self._lock:
            return self._not_before

    def _is_worth_it(self, error: BaseException) -> bool:
        if not is_transient(error):
            return False
        wish, longest = _wish(error), self._context.retry.longest_wait_seconds
        if wish > longest and isinstance(error, TransportError):
            error.hint = (
                f"the server asks to wait {wish:.0f} s, and {longest:.0f} s is the longest wait"
            )
        return wish <= longest

    def _delay(self, error: BaseException | None, in_vain: int) -> float:
        wish = _wish(error)
        policy = self._context.retry
        if policy.delay_seconds is not None:
            return max(wish, policy.delay_seconds)
        ceiling = min(_LONGEST_BACKOFF_SECONDS, policy.first_delay_seconds * 2 ** (in_vain - 1))
        # Jitter keeps a hundred clients that failed together from coming back together.
        return wish + random.uniform(ceiling / 2, ceiling)  # noqa: S311 — no secret depends on it

    def _announce(self, state: RetryCallState, in_vain: int) -> None:
        error = _error_of(state)
        delay = state.next_action.sleep if state.next_action else 0.0
        if isinstance(error, RateLimited) or _wish(error):
            with self._lock:
                self._not_before = max(self._not_before, self._clock() + delay)
        self._context.observer.notify(
            RetryingEvent(_told(error), in_vain, self._context.retry.tries, delay)
        )


def _error_of(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None


def _wish(error: BaseException | None) -> float:
    """Seconds that the server itself asked to wait."""
    if isinstance(error, RateLimited | ServerFault):
        return error.retry_after or 0.0
    return 0.0


def _told(error: BaseException | None) -> str:
    if not isinstance(error, TransportError):
        return str(error)
    return ": ".join(part for part in (error.operation, error.message) if part)
