"""What became of each line of a list, and of the whole."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Final, Literal

from regcopy.batch.lines import Line
from regcopy.errors import (
    ContentError,
    Forbidden,
    NotFound,
    PolicyRejected,
    RegcopyError,
    Side,
    TransportError,
    Unauthorized,
    UsageError,
)

Status = Literal["done", "failed", "stopped", "would-copy"]
Reason = Literal[
    "credentials", "policy", "not-found", "usage", "content", "transport", "other", "unexpected"
]

# The first that fits counts.
_REASONS: Final[tuple[tuple[Reason, tuple[type[RegcopyError], ...]], ...]] = (
    ("credentials", (Unauthorized, Forbidden)),
    ("policy", (PolicyRejected,)),
    ("not-found", (NotFound,)),
    ("usage", (UsageError,)),
    ("content", (ContentError,)),
    ("transport", (TransportError,)),
)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a line failed.

    Attributes:
        reason: the kind of failure that exit codes tell apart.
        error: name of the class of the error.
        message: one line, safe for a terminal.
        hint: what to try, or "".
        side: "source" or "destination", or "" where it is neither.
        http_status: what a server answered, 0 where none did.
        codes: the registry's own error codes.
        tries: how often the request that failed was made.
    """

    reason: Reason
    error: str
    message: str
    hint: str = ""
    side: Side | Literal[""] = ""
    http_status: int = 0
    codes: tuple[str, ...] = ()
    tries: int = 1

    @classmethod
    def of(cls, error: Exception) -> Failure:
        """Describe an error; the text of one that is not ours is not repeated."""
        if not isinstance(error, RegcopyError):
            name = type(error).__name__
            return cls("unexpected", name, f"unexpected {name}", "this is a bug; please report it")
        answer = error.answer if isinstance(error, TransportError) else None
        return cls(
            reason=next((name for name, kinds in _REASONS if isinstance(error, kinds)), "other"),
            error=type(error).__name__,
            message=str(error),
            hint=error.hint,
            side=error.side or "",
            http_status=answer.status if answer else 0,
            codes=answer.codes if answer else (),
            tries=error.tries if isinstance(error, TransportError) else 1,
        )


@dataclass(frozen=True, slots=True)
class LineReport:
    """What became of one line.

    Attributes:
        line: its number in the list.
        words: options as they were written.
        how: which images were wanted, and in which form; in words, to be compared.
        status: `done`; `failed`; `stopped`, when the run ended before the line did; of a dry
            run `would-copy`, and the numbers are what would be.
        digest: of the top manifest at the destination, "" where it is not known.
        source_digest: of the top manifest at the source, "" where it was not read.
        already_there: nothing had to be done.
        resumed: an earlier report says so, and the destination was only asked.
        narrowed_to: the platform of the one image that was taken out of an index, or "".
        changed: why the two digests differ, where bytes were changed.
        referrers: signatures, SBOMs and the like that were copied with the image.
        tries: how often the whole line was tried.
        ended: UTC time, RFC 3339.
        failure: set where `status` is `failed`.
    """

    line: int
    source: str
    destination: str
    status: Status
    words: tuple[str, ...] = ()
    how: str = ""
    digest: str = ""
    source_digest: str = ""
    platforms: tuple[str, ...] = ()
    already_there: bool = False
    resumed: bool = False
    narrowed_to: str = ""
    changed: str = ""
    bytes_copied: int = 0
    bytes_reused: int = 0
    bytes_mounted: int = 0
    blobs_copied: int = 0
    blobs_reused: int = 0
    blobs_mounted: int = 0
    referrers: int = 0
    tries: int = 1
    seconds: float = 0.0
    ended: str = ""
    failure: Failure | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        """What makes two lines of two lists the same."""
        return self.source, self.destination, self.how

    def to_json(self) -> dict[str, object]:
        """As an object of a report file."""
        document = asdict(self)
        failure = document.pop("failure")
        document["seconds"] = round(self.seconds, 3)
        return document | {"error": failure} if failure else document

    def to_line(self) -> Line:
        """The line of the list, for a list of lines that are to be run again."""
        return Line(self.line, self.source, self.destination, self.words)


@dataclass(frozen=True, slots=True)
class ListReport:
    """What became of a list.

    Attributes:
        lines: copies in the list.
        done: lines whose image is at its destination.
        failed: what failed, in the order of the list.
        stopped: lines that were not finished, in the order of the list.
        would_copy: lines of a dry run.
        already_there: of those done, the ones that needed nothing.
        resumed: of those, the ones that an earlier report showed.
        narrowed: lines whose index was narrowed to one image.
        repeated_requests: requests that had to be made again.
    """

    lines: int = 0
    done: int = 0
    failed: tuple[LineReport, ...] = ()
    stopped: tuple[Line, ...] = ()
    would_copy: int = 0
    already_there: int = 0
    resumed: int = 0
    narrowed: int = 0
    bytes_copied: int = 0
    bytes_reused: int = 0
    bytes_mounted: int = 0
    repeated_requests: int = 0
    seconds: float = 0.0

    @property
    def unfinished(self) -> tuple[Line, ...]:
        """Lines that failed or were stopped, in the order of the list."""
        lines = (*(report.to_line() for report in self.failed), *self.stopped)
        return tuple(sorted(lines, key=lambda line: line.number))

    def to_json(self) -> dict[str, object]:
        """The numbers, as a JSON object; failed lines only by their number."""
        return {
            "lines": self.lines,
            "done": self.done,
            "failed": len(self.failed),
            "stopped": len(self.stopped),
            "would_copy": self.would_copy,
            "already_there": self.already_there,
            "resumed": self.resumed,
            "narrowed": self.narrowed,
            "bytes_copied": self.bytes_copied,
            "bytes_reused": self.bytes_reused,
            "bytes_mounted": self.bytes_mounted,
            "repeated_requests": self.repeated_requests,
            "seconds": round(self.seconds, 3),
        }


@dataclass(slots=True)
class Totals:
    """Adds up the reports of lines; those that are done are counted and not kept."""

    done: int = 0
    would_copy: int = 0
    already_there: int = 0
    resumed: int = 0
    narrowed: int = 0
    bytes_copied: int = 0
    bytes_reused: int = 0
    bytes_mounted: int = 0
    failed: list[LineReport] = field(default_factory=list)

    def add(self, report: LineReport) -> None:
        """Count one line."""
        self.done += report.status == "done"
        self.would_copy += report.status == "would-copy"
        self.already_there += report.already_there
        self.resumed += report.resumed
        self.narrowed += bool(report.narrowed_to)
        self.bytes_copied += report.bytes_copied
        self.bytes_reused += report.bytes_reused
        self.bytes_mounted += report.bytes_mounted
        if report.status == "failed":
            self.failed.append(report)

    def report(
        self, stopped: Sequence[Line] = (), *, repeated_requests: int = 0, seconds: float = 0.0
    ) -> ListReport:
        """Give the sum."""
        return ListReport(
            lines=self.done + self.would_copy + len(self.failed) + len(stopped),
            done=self.done,
            failed=tuple(sorted(self.failed, key=lambda one: one.line)),
            stopped=tuple(sorted(stopped, key=lambda line: line.number)),
            would_copy=self.would_copy,
            already_there=self.already_there,
            resumed=self.resumed,
            narrowed=self.narrowed,
            bytes_copied=self.bytes_copied,
            bytes_reused=self.bytes_reused,
            bytes_mounted=self.bytes_mounted,
            repeated_requests=repeated_requests,
            seconds=seconds,
        )


def sum_up(reports: Iterable[LineReport]) -> ListReport:
    """Sum up the reports of a whole list, such as a merged one."""
    totals = Totals()
    stopped: list[Line] = []
    seconds = 0.0
    for report in reports:
        totals.add(report)
        seconds += report.seconds
        if report.status == "stopped":
            stopped.append(report.to_line())
    return totals.report(stopped, seconds=seconds)
