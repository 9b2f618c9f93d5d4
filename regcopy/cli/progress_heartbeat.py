"""A line on standard error every half minute: how far, how fast, and what is under way."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Final, Self

from regcopy.cli.console import Console
from regcopy.cli.progress_tally import ProgressTally, Standing, UnderWay
from regcopy.text import human_bytes

INTERVAL_SECONDS: Final = 30.0
_SHOWN_BLOBS: Final = 3
_SHORT_HEX: Final = 12


class Heartbeat:
    """Tells about a copy from a thread of its own, as long as its `with` block lasts."""

    def __init__(
        self, console: Console, tally: ProgressTally, *, interval_seconds: float = INTERVAL_SECONDS
    ) -> None:
        self._console = console
        self._tally = tally
        self._interval = interval_seconds
        self._moved_before = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="regcopy-heartbeat", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        self._over.set()
        # It may hang in a write to a pipe that nobody reads; it is a daemon, so let it.
        self._thread.join(1.0)

    def _run(self) -> None:
        while not self._over.wait(self._interval):
            self.beat()

    def beat(self) -> None:
        """Write one line."""
        standing = self._tally.standing()
        rate = (standing.moved_bytes - self._moved_before) / self._interval
        self._moved_before = standing.moved_bytes
        self._console.log("info", heartbeat_text(standing, rate))


def heartbeat_text(standing: Standing, bytes_per_second: float) -> str:
    """Describe how far a copy is."""
    if not standing.started:
        return "reading manifests"
    done, total = standing.done_bytes, standing.total_bytes
    share = f" ({100 * done // total}%)" if total else ""
    parts = [
        f"{human_bytes(done)} of {human_bytes(total)}{share} are there",
        f"{human_bytes(max(0.0, bytes_per_second))}/s",
        f"{standing.blobs_done} of {standing.blobs} blobs done",
        _under_way(standing.under_way),
    ]
    return ", ".join(part for part in parts if part)


def _under_way(blobs: tuple[UnderWay, ...]) -> str:
    if not blobs:
        return ""
    largest = sorted(blobs, key=lambda one: one.blob.size, reverse=True)
    shown = [_one(blob) for blob in largest[:_SHOWN_BLOBS]]
    if len(blobs) > _SHOWN_BLOBS:
        shown.append(f"{len(blobs) - _SHOWN_BLOBS} more")
    return f"under way: {' '.join(shown)}"


def _one(one: UnderWay) -> str:
    name = f"{one.blob.digest.algorithm}:{one.blob.digest.hex[:_SHORT_HEX]}"
    share = 100 * one.position // one.blob.size if one.blob.size else 0
    return f"{name} {share}% of {human_bytes(one.blob.size)},".rstrip(",")
