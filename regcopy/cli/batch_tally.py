"""How far a list is, kept from its events."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from regcopy.batch.events import (
    LineAdvanced,
    LineEnded,
    LineEvent,
    LineStarted,
    ListStarted,
    RequestRepeated,
)
from regcopy.batch.lines import Line
from regcopy.cli.progress_tally import ProgressTally, Standing
from regcopy.events import CopyStarted, ManifestWritten


def is_copied(event: LineAdvanced) -> bool:
    """Tell whether this is the last that happens in the copy of a line."""
    return isinstance(event.event, ManifestWritten) and event.event.is_top


@dataclass(frozen=True, slots=True)
class LineStanding:
    """How far one line is."""

    line: Line
    standing: Standing


@dataclass(frozen=True, slots=True)
class ListStanding:
    """How far a list is at one moment.

    Attributes:
        lines: of the list.
        ended: lines that are done, failed or stopped.
        moved_bytes: bytes that did move, also those of lines under way.
        under_way: lines under way, without those that only wait for the others of their file.
    """

    lines: int
    ended: int
    failed: int
    moved_bytes: int
    repeated: int
    under_way: tuple[LineStanding, ...]


class ListTally:
    """Adds up events; may be asked from another thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lines = 0
        self._ended = 0
        self._failed = 0
        self._moved_bytes = 0
        self._repeated = 0
        self._under_way: dict[int, tuple[Line, ProgressTally]] = {}

    def take(self, event: LineEvent, /) -> None:
        """Count what the event says."""
        with self._lock:
            match event:
                case ListStarted():
                    self._lines = event.lines
                case LineStarted():
                    self._under_way[event.line.number] = event.line, ProgressTally()
                case LineAdvanced():
                    self._advance(event)
                case LineEnded():
                    self._end(event)
                case RequestRepeated():
                    self._repeated += 1
                case _:
                    pass

    def _advance(self, event: LineAdvanced) -> None:
        if isinstance(event.event, CopyStarted):
            # The line may be tried again: what it moved before did move.
            self._leave(event.line)
            self._under_way[event.line.number] = event.line, ProgressTally()
        known = self._under_way.get(event.line.number)
        if known is None:
            return
        known[1].notify(event.event)
        if is_copied(event):
            # The file that others write into as well may not be there yet.
            self._leave(event.line)

    def _end(self, event: LineEnded) -> None:
        self._ended += 1
        self._failed += event.report.status == "failed"
        self._leave(event.line)

    def _leave(self, line: Line) -> None:
        known = self._under_way.pop(line.number, None)
        if known is not None:
            self._moved_bytes += known[1].standing().moved_bytes

    def line(self, number: int) -> Standing | None:
        """How far a line is now, None where it is not under way."""
        with self._lock:
            known = self._under_way.get(number)
            return known[1].standing() if known else None

    def standing(self) -> ListStanding:
        """How far the list is now."""
        with self._lock:
            under_way = tuple(
                LineStanding(line, tally.standing()) for line, tally in self._under_way.values()
            )
            moving = sum(one.standing.moved_bytes for one in under_way)
            return ListStanding(
                lines=self._lines,
                ended=self._ended,
                failed=self._failed,
                moved_bytes=self._moved_bytes + moving,
                repeated=self._repeated,
                under_way=under_way,
            )
