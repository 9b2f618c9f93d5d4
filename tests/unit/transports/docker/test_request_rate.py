"""How requests are kept apart after a 429. No test waits in earnest."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pytest_httpserver import HTTPServer

from regcopy.errors import Cancelled, RateLimited
from regcopy.transports.base import RetryPolicy
from regcopy.transports.docker.request_rate import RequestRate
from tests.contexts import Clock, make_context
from tests.http_world import MANIFEST, client_of, get, host_of


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def rate(clock: Clock) -> RequestRate:
    context = make_context(retry=RetryPolicy(first_delay_seconds=0.5))
    return RequestRate(replace(context, cancelled=clock), clock=lambda: clock.now)


def refuse(rate: RequestRate, clock: Clock) -> None:
    """Refuse one request that was sent a moment ago."""
    given = rate.wait_for_turn()
    clock.now += 1.0
    rate.was_refused(given)


def wait_twice(rate: RequestRate, clock: Clock) -> float:
    """Give the distance of two requests that want to be sent at one moment."""
    clock.now += 10.0
    rate.wait_for_turn()
    del clock.waits[:]
    rate.wait_for_turn()
    return sum(clock.waits)


def test_nobody_waits_as_long_as_nothing_is_refused(rate: RequestRate, clock: Clock) -> None:
    for _ in range(100):
        rate.wait_for_turn()
        rate.was_taken()
    assert clock.waits == []


def test_after_a_refusal_requests_are_kept_apart(rate: RequestRate, clock: Clock) -> None:
    refuse(rate, clock)
    assert wait_twice(rate, clock) == pytest.approx(0.05)


def test_each_refusal_doubles_the_distance_up_to_a_limit(rate: RequestRate, clock: Clock) -> None:
    found = []
    for _ in range(6):
        refuse(rate, clock)
        found.append(wait_twice(rate, clock))
    assert found == pytest.approx([0.05, 0.1, 0.2, 0.25, 0.25, 0.25])


def test_requests_that_were_refused_together_count_once(rate: RequestRate, clock: Clock) -> None:
    together = [rate.wait_for_turn() for _ in range(40)]
    for given in together:
        rate.was_refused(given)
    assert wait_twice(rate, clock) == pytest.approx(0.05)


def test_requests_that_are_taken_bring_the_pace_back(rate: RequestRate, clock: Clock) -> None:
    refuse(rate, clock)
    rate.was_taken()
    assert 0.04 < wait_twice(rate, clock) < 0.05
    for _ in range(200):
        rate.was_taken()
    assert wait_twice(rate, clock) == 0


def test_a_registry_that_takes_few_requests_a_second_refuses_few(
    rate: RequestRate, clock: Clock
) -> None:
    refused, room, last = 0, 3.0, clock.now
    for _ in range(500):
        given = rate.wait_for_turn()
        room, last = min(3.0, room + (clock.now - last) * 30), clock.now
        if room >= 1:
            room -= 1
            rate.was_taken()
        else:
            refused += 1
            rate.was_refused(given)
    assert refused < 25


def test_a_cancelled_run_does_not_wait_for_its_turn(rate: RequestRate, clock: Clock) -> None:
    refuse(rate, clock)
    rate.wait_for_turn()
    clock.set()
    with pytest.raises(Cancelled):
        rate.wait_for_turn()


def test_a_client_learns_from_the_answers_that_it_gets(
    httpserver: HTTPServer, clock: Clock
) -> None:
    httpserver.expect_ordered_request(MANIFEST).respond_with_data("", status=429)
    for _ in range(2):
        httpserver.expect_ordered_request(MANIFEST).respond_with_data("")
    slow = RetryPolicy(first_delay_seconds=3600)
    with client_of(host_of(httpserver), cancelled=clock, retry=slow) as client:
        with pytest.raises(RateLimited):
            client.send(get())
        client.send(get()).close()
        client.send(get()).close()
    assert len(clock.waits) == 1
