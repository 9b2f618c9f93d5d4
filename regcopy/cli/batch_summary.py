"""What became of a list, as a table for people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from regcopy.cli.hints import hint_for
from regcopy.text import human_bytes, printable

if TYPE_CHECKING:
    from regcopy.batch.report import LineReport, ListReport

MAX_ROWS: Final = 200
_SHORT_HEX: Final = 19  # sha256: and twelve digits
_LONGEST_NAME: Final = 70
_HEADS: Final = ("LINE", "RESULT", "DESTINATION", "DIGEST", "COPIED", "THERE", "MOUNTED", "SECONDS")
_RIGHT: Final = frozenset({0, 4, 5, 6, 7})


def summary_text(report: ListReport, rows: Sequence[LineReport]) -> str:
    """Describe a list that has ended.

    Args:
        report: of the list.
        rows: lines to show, in any order.
    """
    ordered = sorted(rows, key=lambda row: row.line)
    parts = [_table([_HEADS, *map(_row, ordered)])] if ordered else []
    failures = [_failure(row) for row in report.failed]
    if failures:
        parts.append("\n".join(failures))
    parts.append("\n".join([total_text(report), *_remarks(report)]))
    return "\n\n".join(parts) + "\n"


def total_text(report: ListReport) -> str:
    """The numbers of a list, in one line."""
    counts = [
        (report.done, "done"),
        (report.would_copy, "would be copied"),
        (len(report.failed), "failed"),
        (len(report.stopped), "not finished"),
    ]
    told = [f"{count} {word}" for count, word in counts if count] or ["nothing to do"]
    if report.already_there:
        told[0] += f" ({report.already_there} there already)"
    sizes = [
        f"{human_bytes(size)} {word}"
        for size, word in (
            (report.bytes_copied, "to copy at most" if report.would_copy else "copied"),
            (report.bytes_reused, "there already"),
            (report.bytes_mounted, "mounted"),
        )
        if size
    ]
    repeated = report.repeated_requests
    again = [f"{repeated} requests made again"] if repeated else []
    images = "1 image" if report.lines == 1 else f"{report.lines} images"
    return f"{images}: {', '.join([*told, *sizes, *again])}, {report.seconds:.1f} s"


def outcome(report: LineReport) -> str:
    """What became of a line, in two words."""
    match report.status:
        case "done":
            return "there already" if report.already_there else "copied"
        case "would-copy":
            return "there already" if report.already_there else "would copy"
        case "failed":
            return "failed"
        case "stopped":
            return "not finished"


def _remarks(report: ListReport) -> Iterable[str]:
    if report.narrowed:
        one = report.narrowed == 1
        yield (
            f"Of {report.narrowed} multi-platform {'image' if one else 'images'} only the image "
            "for one platform was copied (multi-arch system); all copies all platforms."
        )
    if report.would_copy:
        yield "Nothing was written: this was a dry run. Layers that images share count in each."


def _failure(row: LineReport) -> str:
    failure = row.failure
    if failure is None:
        return f"line {row.line}: failed"
    told = f"line {row.line}: {printable(failure.message, limit=4000)}"
    hint = printable(hint_for(failure.hint, failure.side))
    return f"{told}\n  hint: {hint}" if hint else told


def _row(report: LineReport) -> tuple[str, ...]:
    done = report.status in ("done", "would-copy")
    return (
        str(report.line),
        outcome(report),
        _shortened(report.destination),
        printable(report.digest[:_SHORT_HEX]),
        human_bytes(report.bytes_copied) if done else "",
        human_bytes(report.bytes_reused) if done else "",
        human_bytes(report.bytes_mounted) if done else "",
        f"{report.seconds:.1f}",
    )


def _shortened(name: str) -> str:
    shown = printable(name)
    # The end of a name tells more than its beginning.
    return shown if len(shown) <= _LONGEST_NAME else f"…{shown[-_LONGEST_NAME + 1 :]}"


def _table(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if at in _RIGHT else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )
