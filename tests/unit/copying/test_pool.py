"""The pool: results in order, the first failure, heavy items, and being stopped."""

from __future__ import annotations

import threading

import pytest

from regcopy.copying.pool import Limits, Pool
from regcopy.errors import Cancelled, StorageFailed


def pool(workers: int = 4) -> Pool:
    return Pool(workers, threading.Event())


def test_results_come_in_the_order_of_the_items() -> None:
    gate = threading.Barrier(3, timeout=10)

    def work(number: int) -> int:
        gate.wait()
        return number * 2

    assert pool(3).map(work, [1, 2, 3]) == [2, 4, 6]


def test_nothing_to_do_gives_nothing() -> None:
    assert pool().map(str, []) == []


def test_no_more_run_at_once_than_there_are_workers() -> None:
    lock, most, now = threading.Lock(), 0, 0

    def work(_: int) -> None:
        nonlocal most, now
        with lock:
            now += 1
            most = max(most, now)
        with lock:
            now -= 1

    pool(2).map(work, range(50))
    assert most <= 2


def test_light_items_overtake_heavy_ones() -> None:
    light_done = threading.Event()
    order: list[str] = []

    def work(item: str) -> None:
        if item == "heavy 1":
            assert light_done.wait(10)
        order.append(item)
        if item == "light":
            light_done.set()

    items = ["heavy 1", "heavy 2", "light"]
    pool(2).map(work, items, is_heavy=lambda item: item.startswith("heavy"), heavy_workers=1)
    assert order == ["light", "heavy 1", "heavy 2"]


def test_the_first_failure_is_raised_and_sets_the_stop() -> None:
    stop = threading.Event()

    def work(number: int) -> None:
        if number == 0:
            raise StorageFailed("full")
        assert stop.wait(10)

    with pytest.raises(StorageFailed, match="full"):
        pool(2).map(work, [0, 1, 2], stop=stop)


def test_cancelling_aborts_what_waits_and_raises() -> None:
    cancelled, aborted = threading.Event(), threading.Event()

    def work(_: int) -> None:
        cancelled.set()
        assert aborted.wait(10)

    with pytest.raises(Cancelled):
        Pool(1, cancelled, aborted.set).map(work, [1, 2])
    assert aborted.is_set()


def test_an_interrupt_in_the_callers_thread_aborts_as_well(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    aborted = threading.Event()

    def interrupt(self: object, cancelled: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("regcopy.copying.pool._Work.wait", interrupt)
    with pytest.raises(KeyboardInterrupt):
        Pool(1, threading.Event(), aborted.set).map(lambda _: aborted.wait(10), [1])
    assert aborted.is_set()


def test_limits_hold_over_several_pools() -> None:
    limits = Limits(2, 1)
    lock, most, now = threading.Lock(), 0, 0

    def work(_: int) -> None:
        nonlocal most, now
        with lock:
            now += 1
            most = max(most, now)
        with lock:
            now -= 1

    def run() -> None:
        Pool(4, threading.Event(), limits=limits).map(work, range(50))

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert 1 <= most <= 2


def test_a_heavy_item_of_one_pool_does_not_hold_up_light_ones_of_another() -> None:
    limits = Limits(2, 1)
    light_done = threading.Event()

    def heavy(_: int) -> bool:
        return light_done.wait(10)

    def run() -> list[bool]:
        pool = Pool(2, threading.Event(), limits=limits)
        return pool.map(heavy, [1, 2], is_heavy=lambda _: True, heavy_workers=2)

    results: list[bool] = []
    thread = threading.Thread(target=lambda: results.extend(run()))
    thread.start()
    Pool(1, threading.Event(), limits=limits).map(lambda _: light_done.set(), [1])
    thread.join(30)
    assert results == [True, True]


def test_who_waits_for_a_limit_gives_up_when_the_run_stops() -> None:
    limits, cancelled = Limits(1, 1), threading.Event()
    cancelled.set()
    with limits.held(threading.Event(), is_heavy=False), pytest.raises(Cancelled):
        Pool(1, cancelled, limits=limits).map(lambda _: None, [1])
