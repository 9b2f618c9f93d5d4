"""What is repeated, after which wait, and when it is enough. No test waits in earnest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from regcopy.errors import (
    Answer,
    Cancelled,
    ConnectionFailed,
    DigestMismatch,
    Forbidden,
    NotFound,
    RateLimited,
    Refused,
    RegcopyError,
    ServerFault,
    Stalled,
    TimedOut,
    TlsFailed,
    TransportError,
    Unauthorized,
)
from regcopy.events import Retrying
from regcopy.transports.base import RetryPolicy
from regcopy.transports.docker.retry import Retrier, is_transient
from tests.contexts import Clock, Recorder, make_context


class World:
    """A retrier with a clock of its own, and a function that fails as it is told."""

    def __init__(self, policy: RetryPolicy) -> None:
        self.clock = Clock()
        self.recorder = Recorder()
        context = make_context(retry=policy, observer=self.recorder)
        self.retrier = Retrier(replace(context, cancelled=self.clock), clock=lambda: self.clock.now)
        self.calls = 0

    def call(self, *errors: Exception, recover: Callable[[], None] | None = None) -> str:
        left = list(errors)

        def function() -> str:
            self.calls += 1
            if left:
                raise left.pop(0)
            return "done"

        return self.retrier.call(function, recover=recover)


@pytest.fixture
def world() -> World:
    return World(RetryPolicy())


@pytest.mark.parametrize(
    ("error", "transient"),
    [
        (ConnectionFailed("x"), True),
        (TimedOut("x"), True),
        (Stalled("x"), True),
        (RateLimited("x"), True),
        (ServerFault("x"), True),
        (ServerFault("x", answer=Answer("GET", "x", 503)), True),
        (ServerFault("x", answer=Answer("GET", "x", 501)), False),
        (ServerFault("x", answer=Answer("GET", "x", 507)), False),
        (TlsFailed("x"), False),
        (NotFound("x"), False),
        (Unauthorized("x"), False),
        (Forbidden("x"), False),
        (Refused("x"), False),
        (DigestMismatch("a", "b"), False),
        (Cancelled("x"), False),
        (ValueError("x"), False),
    ],
)
def test_what_may_pass(error: Exception, transient: bool) -> None:
    assert is_transient(error) is transient


def test_a_fault_of_the_source_is_not_repeated_at_the_destination() -> None:
    error = Stalled("x")
    error.side = "source"

    assert not is_transient(error)


def test_a_fault_that_passes_is_tried_again(world: World) -> None:
    assert world.call(ServerFault("x"), ConnectionFailed("y")) == "done"
    assert world.calls == 3


def test_a_final_error_comes_at_once_and_counts_the_tries(world: World) -> None:
    with pytest.raises(NotFound) as caught:
        world.call(ServerFault("x"), NotFound("y"))

    assert caught.value.tries == world.calls == 2


def test_the_last_error_is_raised_after_all_tries(world: World) -> None:
    errors = [ServerFault(str(n)) for n in range(9)]

    with pytest.raises(ServerFault, match="4") as caught:
        world.call(*errors)

    assert caught.value.tries == world.calls == 5


def test_waits_grow_with_jitter(world: World) -> None:
    with pytest.raises(ServerFault):
        world.call(*[ServerFault("x")] * 9)

    limits = [(0.25, 0.5), (0.5, 1.0), (1.0, 2.0), (2.0, 4.0)]
    assert len(world.clock.waits) == 4
    assert all(low <= w <= high for w, (low, high) in zip(world.clock.waits, limits, strict=True))


def test_a_fixed_delay_is_kept() -> None:
    world = World(RetryPolicy(delay_seconds=3.0))

    world.call(ServerFault("x"), ServerFault("x"))

    assert world.clock.waits == [3.0, 3.0]


@pytest.mark.parametrize("kind", [RateLimited, ServerFault])
def test_the_servers_wish_to_wait_is_honoured(
    world: World, kind: type[RateLimited | ServerFault]
) -> None:
    world.call(kind("x", retry_after=20.0))

    assert 20.0 <= sum(world.clock.waits) <= 21.0


def test_a_wish_that_is_too_long_fails_at_once_and_says_so(world: World) -> None:
    with pytest.raises(RateLimited) as caught:
        world.call(RateLimited("x", retry_after=3600.0))

    assert world.calls == 1
    assert "asks to wait 3600 s, and 60 s is the longest wait" in caught.value.hint


def test_429_without_a_wish_backs_off(world: World) -> None:
    world.call(RateLimited("x"))

    assert 0.25 <= sum(world.clock.waits) <= 0.6


def test_after_429_all_workers_wait(world: World) -> None:
    waits_of_the_other: list[float] = []

    class FirstWaits(Clock):
        """While the first worker waits, another one wants to begin."""

        def wait(self, timeout: float | None = None) -> bool:
            if not waits_of_the_other:
                waits_of_the_other.append(0.0)
                began = world.clock.now
                world.retrier.call(lambda: "done")
                waits_of_the_other.append(world.clock.now - began)
            return world.clock.wait(timeout)

    context = make_context()
    world.retrier._context = replace(context, cancelled=FirstWaits())
    world.call(RateLimited("x", retry_after=20.0))

    assert 20.0 <= waits_of_the_other[1] <= 21.0


def test_the_budget_is_for_all_requests_together() -> None:
    world = World(RetryPolicy(tries=5, budget=6))
    for _ in range(2):
        with pytest.raises(ServerFault):
            world.call(*[ServerFault("x")] * 9)

    assert world.calls == (1 + 4) + (1 + 2)


def test_no_new_try_begins_after_the_total_time() -> None:
    world = World(RetryPolicy(delay_seconds=50.0, total_seconds=100.0, tries=100, budget=100))

    with pytest.raises(ServerFault):
        world.call(*[ServerFault("x")] * 99)

    assert world.clock.now - 1000.0 <= 150.0


def test_the_time_of_a_long_first_try_does_not_count(world: World) -> None:
    failed: list[int] = []

    def function() -> None:
        world.clock.now += 2 * 3600
        if not failed:
            failed.append(1)
            raise ConnectionFailed("x")

    world.retrier.call(function)

    assert world.clock.now > 1000.0 + 4 * 3600


def test_tries_are_counted_anew_where_the_work_gets_on() -> None:
    world = World(RetryPolicy(tries=3, budget=100))
    steps: list[int] = []

    def function() -> None:
        steps.append(len(steps))
        raise ConnectionFailed("x")

    with pytest.raises(ConnectionFailed) as caught:
        world.retrier.call(function, reached=lambda: min(len(steps), 10))

    assert caught.value.tries == len(steps) == 10 + 2
    assert max(world.clock.waits) <= 1.0


def test_recovery_comes_before_each_new_try(world: World) -> None:
    steps: list[str] = []

    def function() -> None:
        steps.append("try")
        if len(steps) < 4:
            raise Stalled("x")

    world.retrier.call(function, recover=lambda: steps.append("recover"))

    assert steps == ["try", "recover", "try", "recover", "try"]


def test_a_recovery_that_fails_is_the_outcome(world: World) -> None:
    def recover() -> None:
        raise NotFound("the upload is gone")

    with pytest.raises(NotFound, match="upload is gone"):
        world.call(Stalled("x"), recover=recover)

    assert world.calls == 1


def test_a_cancelled_run_does_not_begin(world: World) -> None:
    world.clock.set()

    with pytest.raises(Cancelled):
        world.call()

    assert world.calls == 0


def test_a_cancelled_run_does_not_wait(world: World) -> None:
    def function() -> None:
        world.clock.set()
        raise ServerFault("x")

    with pytest.raises(Cancelled):
        world.retrier.call(function)


def test_who_watches_hears_of_each_new_try(world: World) -> None:
    error = ServerFault("bad gateway")
    error.operation = "reading manifest 1"

    world.call(error)

    (event,) = world.recorder.events
    assert isinstance(event, Retrying)
    assert (event.reason, event.attempt, event.attempts) == (
        "reading manifest 1: bad gateway",
        1,
        5,
    )
    assert event.delay_seconds == world.clock.waits[0]


def test_an_error_of_another_kind_comes_through(world: World) -> None:
    error = RegcopyError("x")

    with pytest.raises(RegcopyError) as caught:
        world.call(error)

    assert caught.value is error
    assert not isinstance(error, TransportError)
