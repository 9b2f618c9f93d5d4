"""A line on standard error every half minute: how far, how fast, and what is under way."""

from __future__ import annotations

from typing import Final

from regcopy.cli.console import Console
from regcopy.cli.progress_tally import ProgressTally, Standing, UnderWay
from regcopy.cli.pulse import INTERVAL_SECONDS, Rate
from regcopy.text import human_bytes

_SHOWN_BLOBS: Final = 3
_SHORT_HEX: Final = 12


class Heartbeat:
    """Tells about a copy with each beat."""

    def __init__(
        self, console: Console, tally: ProgressTally, *, interval_seconds: float = INTERVAL_SECONDS
    ) -> None:
        self._console = console
        self._tally = tally
        self._rate = Rate(interval_seconds)

    def beat(self) -> None:
        """Write one line."""
        standing = self._tally.standing()
        rate = self._rate.since_last(standing.moved_bytes)
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
