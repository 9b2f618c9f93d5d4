"""Progress as bars, for somebody who watches a terminal. It imports rich."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TextIO

from rich.progress import (
    BarColumn,
    DownloadColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from regcopy.cli.drawing import Drawing
from regcopy.cli.progress import retry_text
from regcopy.cli.progress_tally import ProgressTally
from regcopy.events import (
    BlobAdvanced,
    BlobDone,
    BlobStarted,
    CopyStarted,
    Event,
    ManifestWritten,
    Retrying,
)
from regcopy.model.digest import Digest
from regcopy.text import human_bytes, printable

if TYPE_CHECKING:
    from regcopy.copying.result import CopyResult

_SHORT_HEX: Final = 12


class Bars:
    """One bar for each blob under way and one for all together; what is done scrolls up."""

    def __init__(self, stream: TextIO) -> None:
        self.drawing = Drawing(
            stream,
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None),
            DownloadColumn(binary_units=True),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
        )
        self._tally = ProgressTally()
        self._tasks: dict[Digest, TaskID] = {}
        self._total: TaskID | None = None

    def notify(self, event: Event, /) -> None:
        """Show what the event says."""
        self._tally.notify(event)
        match event:
            case CopyStarted():
                self._total = self.drawing.bars.add_task(_title(event), total=event.total_bytes)
            case BlobStarted():
                self._tasks[event.blob.digest] = self.drawing.bars.add_task(
                    f"{event.role} {_short(event.blob.digest)}", total=event.blob.size
                )
            case BlobAdvanced():
                self._advance(event)
            case BlobDone():
                self._end(event)
            case ManifestWritten():
                self.drawing.say(f"written  manifest {event.digest}")
            case Retrying():
                self.drawing.say(printable(retry_text(event)), style="yellow")
        if self._total is not None:
            self.drawing.bars.update(self._total, completed=self._tally.standing().done_bytes)

    def _advance(self, event: BlobAdvanced) -> None:
        task = self._tasks.get(event.digest)
        if task is not None:
            self.drawing.bars.update(task, completed=event.position)

    def _end(self, event: BlobDone) -> None:
        task = self._tasks.pop(event.blob.digest, None)
        if task is not None:
            self.drawing.bars.remove_task(task)
        size = human_bytes(event.blob.size)
        self.drawing.say(f"{event.outcome:<8} {event.role} {event.blob.digest} {size}")

    def finish(self, result: CopyResult, /) -> None:
        """Sum up."""
        self.drawing.bars.stop()
        self.drawing.say(summary(result))


def summary(result: CopyResult) -> str:
    """Describe what a copy did, in one line."""
    if result.already_there:
        return f"{result.digest} is there already; nothing was copied"
    parts = [
        f"{human_bytes(size)} in {_counted(count)} {how}"
        for how, count, size in (
            ("copied", result.blobs_copied, result.bytes_copied),
            ("there already", result.blobs_reused, result.bytes_reused),
            ("mounted", result.blobs_mounted, result.bytes_mounted),
        )
        if count
    ]
    parts.append(f"{result.seconds:.1f} s")
    return f"{result.digest}: {', '.join(parts)}"


def _title(event: CopyStarted) -> str:
    images = f"{event.images} images, " if event.is_index else ""
    return f"{images}{_counted(event.blobs)}"


def _counted(blobs: int) -> str:
    return f"{blobs} {'blob' if blobs == 1 else 'blobs'}"


def _short(digest: Digest) -> str:
    return f"{digest.algorithm}:{digest.hex[:_SHORT_HEX]}"
