"""The pool: results in order, the first failure, heavy items, and being stopped."""

from __future__ import annotations

import threading

import pytest

from regcopy.copying.pool import Pool
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
