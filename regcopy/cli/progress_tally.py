"""How far a copy is, kept from its events."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import NamedTuple

from regcopy.events import BlobAdvanced, BlobDone, BlobStarted, CopyStarted, Event
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest


class UnderWay(NamedTuple):
    """A blob that is being copied."""

    blob: Descriptor
    position: int


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a copy is at one moment.

    Attributes:
        done_bytes: bytes that need not move any more, of `total_bytes`.
        moved_bytes: bytes that did move.
        started: whether the plan is made, so that the totals mean something.
    """

    started: bool
    total_bytes: int
    done_bytes: int
    moved_bytes: int
    blobs: int
    blobs_done: int
    under_way: tuple[UnderWay, ...]


class ProgressTally:
    """Adds up events; may be asked from another thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._plan: CopyStarted | None = None
        self._under_way: dict[Digest, UnderWay] = {}
        self._done_bytes = 0
        self._moved_bytes = 0
        self._blobs_done = 0

    def notify(self, event: Event, /) -> None:
        """Count what the event says."""
        with self._lock:
            match event:
                case CopyStarted():
                    self._plan = event
                case BlobStarted():
                    self._under_way[event.blob.digest] = UnderWay(event.blob, 0)
                case BlobAdvanced():
                    self._advance(event)
                case BlobDone():
                    self._finish(event)
                case _:
                    pass

    def _advance(self, event: BlobAdvanced) -> None:
        known = self._under_way.get(event.digest)
        if known is not None:
            position = min(event.position, known.blob.size)
            self._under_way[event.digest] = UnderWay(known.blob, position)

    def _finish(self, event: BlobDone) -> None:
        self._under_way.pop(event.blob.digest, None)
        self._blobs_done += 1
        self._done_bytes += event.blob.size
        if event.outcome == "copied":
            self._moved_bytes += event.blob.size

    def standing(self) -> Standing:
        """How far the copy is now."""
        with self._lock:
            under_way = tuple(self._under_way.values())
            positions = sum(one.position for one in under_way)
            return Standing(
                started=self._plan is not None,
                total_bytes=self._plan.total_bytes if self._plan else 0,
                done_bytes=self._done_bytes + positions,
                moved_bytes=self._moved_bytes + positions,
                blobs=self._plan.blobs if self._plan else 0,
                blobs_done=self._blobs_done,
                under_way=under_way,
            )
