"""A bounded number of threads for the blocking calls of a copy.

The threads are daemons and are waited for with a limit, so that nothing that hangs can keep
the program from ending.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Final, Generic, TypeVar

from regcopy.errors import Cancelled

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

_POLL_SECONDS: Final = 0.25
# SIGINT must end the program within five seconds, cleaning up included.
_PATIENCE_SECONDS: Final = 3.0

# Small blobs and manifests wait for answers, not for bytes: many can wait at once.
DEFAULT_PARALLEL: Final = 16
# Large layers share few threads: each holds blocks of 1 MiB, and a handful fills any line.
HEAVY_WORKERS: Final = 4


class Limits:
    """How much goes on at once in all copies of a session together.

    Args:
        calls: blobs and manifests under way.
        heavy: large blobs among them; fewer, so that small ones never wait behind them.
    """

    def __init__(self, calls: int, heavy: int) -> None:
        self._calls = threading.BoundedSemaphore(calls)
        self._heavy = threading.BoundedSemaphore(heavy)

    @contextmanager
    def held(self, stop: threading.Event, *, is_heavy: bool) -> Iterator[bool]:
        """Hold a place among what goes on; gives False where `stop` was set while waiting."""
        with ExitStack() as stack:
            # The scarcer one first: who waits for it must not keep light ones from working.
            for semaphore in (self._heavy, self._calls) if is_heavy else (self._calls,):
                while not semaphore.acquire(timeout=_POLL_SECONDS):
                    if stop.is_set():
                        yield False
                        return
                stack.callback(semaphore.release)
            yield True


class Pool:
    """Runs one function over many items at a time.

    Args:
        workers: threads at once.
        cancelled: set by the owner of the run to stop it.
        abort: ends calls that wait for somebody else; called once when the run is stopped.
        limits: shared with other pools; None for no more limit than `workers`.
    """

    def __init__(
        self,
        workers: int,
        cancelled: threading.Event,
        abort: Callable[[], None] = lambda: None,
        limits: Limits | None = None,
    ) -> None:
        self.workers: int = max(1, workers)
        self._cancelled = cancelled
        self._abort = abort
        self._limits = limits

    def map(
        self,
        function: Callable[[_Item], _Result],
        items: Sequence[_Item],
        *,
        stop: threading.Event | None = None,
        is_heavy: Callable[[_Item], bool] = lambda _: False,
        heavy_workers: int = 0,
    ) -> list[_Result]:
        """Call `function` on every item, and give the results in the order of the items.

        Args:
            function: called in the threads.
            items: started in this order, as far as `is_heavy` allows.
            stop: set at the first failure, for calls under way to see.
            is_heavy: items of which only `heavy_workers` may be under way at once; others
                overtake them.
            heavy_workers: see `is_heavy`; 0 for no limit.

        Raises:
            RegcopyError: the first failure; nothing new is started after it.
            Cancelled: the run was stopped.
        """
        if not items:
            return []
        heavy = {n for n, item in enumerate(items) if heavy_workers and is_heavy(item)}
        work = _Work(
            function,
            items,
            stop=stop or threading.Event(),
            heavy=heavy,
            heavy_limit=heavy_workers,
            limits=self._limits,
        )
        threads = [
            threading.Thread(target=work.run, name=f"regcopy-{n}", daemon=True)
            for n in range(min(self.workers, len(items)))
        ]
        for thread in threads:
            thread.start()
        try:
            work.wait(self._cancelled)
        except BaseException:
            work.halt()
            self._abort()
            _join(threads)
            raise
        return work.outcome()


class _Work(Generic[_Item, _Result]):
    """Items of one call of `map`; all state is changed under one lock."""

    def __init__(
        self,
        function: Callable[[_Item], _Result],
        items: Sequence[_Item],
        *,
        stop: threading.Event,
        heavy: set[int],
        heavy_limit: int,
        limits: Limits | None,
    ) -> None:
        self._limits = limits
        self._function = function
        self._items = items
        self._stop = stop
        self._heavy = heavy
        self._free_heavy = heavy_limit
        self._waiting = list(range(len(items)))
        self._running = 0
        self._results: dict[int, _Result] = {}
        self._error: BaseException | None = None
        self._changed = threading.Condition()

    def run(self) -> None:
        """Work until nothing is left."""
        while (number := self._take()) is not None:
            try:
                result = self._call(number)
            except BaseException as error:  # noqa: BLE001 — raised again in the caller's thread
                self._finish(number, None, error)
            else:
                self._finish(number, result, None)

    def _call(self, number: int) -> _Result:
        item = self._items[number]
        if self._limits is None:
            return self._function(item)
        with self._limits.held(self._stop, is_heavy=number in self._heavy) as held:
            if not held:
                raise Cancelled("stopped before it was begun")
            return self._function(item)

    def _take(self) -> int | None:
        with self._changed:
            while self._waiting and not self._stop.is_set():
                for number in self._waiting:
                    if number not in self._heavy or self._free_heavy > 0:
                        self._waiting.remove(number)
                        self._running += 1
                        self._free_heavy -= number in self._heavy
                        return number
                self._changed.wait(_POLL_SECONDS)
            return None

    def _finish(self, number: int, result: _Result | None, error: BaseException | None) -> None:
        with self._changed:
            self._running -= 1
            self._free_heavy += number in self._heavy
            if error is None:
                self._results[number] = result  # type: ignore[assignment]
            elif self._error is None:
                self._error = error
                self._stop.set()
            self._changed.notify_all()

    def halt(self) -> None:
        """Start nothing more."""
        self._stop.set()
        with self._changed:
            self._changed.notify_all()

    def wait(self, cancelled: threading.Event) -> None:
        """Wait until all is done, or nothing new will start and what runs has ended."""
        with self._changed:
            while self._running or (self._waiting and not self._stop.is_set()):
                if cancelled.is_set():
                    raise Cancelled("cancelled")
                self._changed.wait(_POLL_SECONDS)
        if cancelled.is_set() and self._error is None and self._waiting:
            raise Cancelled("cancelled")

    def outcome(self) -> list[_Result]:
        """Results in order, or the first error."""
        if self._error is not None:
            raise self._error
        if self._waiting:
            raise Cancelled("cancelled")
        return [self._results[number] for number in range(len(self._items))]


def _join(threads: Sequence[threading.Thread]) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
