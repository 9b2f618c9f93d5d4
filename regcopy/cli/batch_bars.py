"""Progress of a list as bars, for somebody who watches a terminal. This module imports rich."""

from __future__ import annotations

from types import TracebackType
from typing import TextIO

from rich.console import Console as Terminal
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TextColumn,
)
from rich.table import Column
from rich.text import Text

from regcopy.batch.events import (
    LineAdvanced,
    LineEnded,
    LineEvent,
    LineStarted,
    ListEnded,
    ListStarted,
    RequestRepeated,
)
from regcopy.cli.batch_lines import ended_text
from regcopy.cli.batch_tally import ListTally
from regcopy.cli.progress import retry_text
from regcopy.text import human_bytes, printable


class ListBars:
    """One bar for the whole list and one for each line under way; what ended scrolls up."""

    def __init__(self, stream: TextIO) -> None:
        self._terminal = Terminal(file=stream, highlight=False, markup=False, emoji=False)
        self._bars = Progress(
            TextColumn("{task.description}", markup=False, table_column=Column(ratio=3)),
            BarColumn(bar_width=None, table_column=Column(ratio=1)),
            TextColumn("{task.fields[told]}", markup=False),
            console=self._terminal,
            expand=True,
            transient=True,
        )
        self._tally = ListTally()
        self._tasks: dict[int, TaskID] = {}
        self._total: TaskID | None = None

    def __enter__(self) -> ListBars:
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        self._bars.stop()

    def take(self, event: LineEvent, /) -> None:
        """Show what the event says."""
        self._tally.take(event)
        match event:
            case ListStarted():
                self._total = self._bars.add_task("all images", total=event.lines, told="")
            case LineStarted():
                self._tasks[event.line.number] = self._bars.add_task(
                    f"{event.line.number} {printable(event.line.destination)}", total=None, told=""
                )
            case LineAdvanced():
                self._advance(event)
            case LineEnded():
                self._end(event)
            case RequestRepeated():
                self._say(printable(retry_text(event.event)), style="yellow")
            case ListEnded():
                self._bars.stop()
        self._show_total()

    def _advance(self, event: LineAdvanced) -> None:
        task = self._tasks.get(event.line.number)
        standing = self._tally.line(event.line.number)
        if task is not None and standing is not None and standing.started:
            total = standing.total_bytes
            self._bars.update(
                task, completed=standing.done_bytes, total=total, told=human_bytes(total)
            )

    def _end(self, event: LineEnded) -> None:
        task = self._tasks.pop(event.line.number, None)
        if task is not None:
            self._bars.remove_task(task)
        failure = event.report.failure
        if failure is None:
            self._say(printable(ended_text(event.report)))
            return
        self._say(printable(f"line {event.line.number}: {failure.message}"), style="red")
        if failure.hint:
            self._say(printable(f"hint: {failure.hint}"))

    def _show_total(self) -> None:
        if self._total is None:
            return
        standing = self._tally.standing()
        told = [f"{standing.ended}/{standing.lines}", human_bytes(standing.moved_bytes)]
        if standing.failed:
            told.append(f"{standing.failed} failed")
        self._bars.update(self._total, completed=standing.ended, told=", ".join(told))

    def _say(self, text: str, *, style: str = "") -> None:
        self._terminal.print(Text(text, style=style), soft_wrap=True)
