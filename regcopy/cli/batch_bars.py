"""Progress of a list as bars, for somebody who watches a terminal. It imports rich."""

from __future__ import annotations

from typing import TextIO

from rich.progress import (
    BarColumn,
    TaskID,
    TextColumn,
)
from rich.table import Column

from regcopy.batch.events import (
    LineAdvanced,
    LineEnded,
    LineEvent,
    LineStarted,
    ListEnded,
    ListStarted,
    RequestRepeated,
)
from regcopy.batch.lines import Line
from regcopy.cli.batch_lines import ended_text
from regcopy.cli.batch_tally import ListTally, is_copied
from regcopy.cli.drawing import Drawing
from regcopy.cli.hints import hint_for
from regcopy.cli.progress import retry_text
from regcopy.text import human_bytes, printable


class ListBars:
    """One bar for the whole list and one for each line under way; what ended scrolls up."""

    def __init__(self, stream: TextIO) -> None:
        self.drawing = Drawing(
            stream,
            TextColumn("{task.description}", markup=False, table_column=Column(ratio=3)),
            BarColumn(bar_width=None, table_column=Column(ratio=1)),
            TextColumn("{task.fields[told]}", markup=False),
        )
        self._tally = ListTally()
        self._tasks: dict[int, TaskID] = {}
        self._total: TaskID | None = None

    def take(self, event: LineEvent, /) -> None:
        """Show what the event says."""
        self._tally.take(event)
        match event:
            case ListStarted():
                self._total = self.drawing.bars.add_task("all images", total=event.lines, told="")
            case LineStarted():
                self._tasks[event.line.number] = self.drawing.bars.add_task(
                    f"{event.line.number} {printable(event.line.destination)}", total=None, told=""
                )
            case LineAdvanced():
                self._advance(event)
            case LineEnded():
                self._end(event)
            case RequestRepeated():
                self.drawing.say(printable(retry_text(event.event)), style="yellow")
            case ListEnded():
                self.drawing.bars.stop()
        self._show_total()

    def _advance(self, event: LineAdvanced) -> None:
        if is_copied(event):  # it may be long before all others of its file are
            self._remove_bar(event.line)
        task = self._tasks.get(event.line.number)
        standing = self._tally.line(event.line.number)
        if task is not None and standing is not None and standing.started:
            total = standing.total_bytes
            self.drawing.bars.update(
                task, completed=standing.done_bytes, total=total, told=human_bytes(total)
            )

    def _remove_bar(self, line: Line) -> None:
        task = self._tasks.pop(line.number, None)
        if task is not None:
            self.drawing.bars.remove_task(task)

    def _end(self, event: LineEnded) -> None:
        self._remove_bar(event.line)
        failure = event.report.failure
        if failure is None:
            self.drawing.say(printable(ended_text(event.report)))
            return
        self.drawing.say(printable(f"line {event.line.number}: {failure.message}"), style="red")
        if failure.hint:
            self.drawing.say(printable(f"hint: {hint_for(failure.hint, failure.side)}"))

    def _show_total(self) -> None:
        if self._total is None:
            return
        standing = self._tally.standing()
        told = [f"{standing.ended}/{standing.lines}", human_bytes(standing.moved_bytes)]
        if standing.failed:
            told.append(f"{standing.failed} failed")
        self.drawing.bars.update(self._total, completed=standing.ended, told=", ".join(told))
