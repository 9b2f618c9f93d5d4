"""Report files: one JSON object for each line of a list, as it ends.

A report is written line by line and never held back, so that what a killed run has done is
on record. The last line of such a report may be torn; it is left out when it is read, and
cut off before more is appended.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Final, Self, TypeGuard, get_args

from regcopy.batch.report import Failure, LineReport, Reason, Status
from regcopy.errors import ContentError, NotFound
from regcopy.streams.blob import BLOCK_BYTES
from regcopy.streams.files import storage_errors, write_all

_LONGEST_ENTRY: Final = 1024 * 1024
_STATUSES: Final = frozenset(get_args(Status))
_REASONS: Final = frozenset(get_args(Reason))
_Document = Mapping[str, object]


class ReportWriter:
    """Writes a report; a context manager.

    Args:
        path: file, pipe or device.
        append: keep what is there, as far as it is whole.
    """

    def __init__(self, path: str, *, append: bool = False) -> None:
        self._path = path
        self._append = append
        self._fd = -1

    def __enter__(self) -> Self:
        """Open the file, and create it where it is missing.

        Raises:
            StorageFailed: it cannot be written to.
        """
        with storage_errors("writing the report", self._path):
            access = os.O_RDWR if self._append else os.O_WRONLY
            self._fd = os.open(self._path, access | os.O_CREAT | os.O_APPEND, 0o644)
            if stat.S_ISREG(os.fstat(self._fd).st_mode):
                os.ftruncate(self._fd, _whole_bytes(self._fd) if self._append else 0)
        return self

    def write(self, report: LineReport) -> None:
        """Append the report of one line.

        Raises:
            StorageFailed: the disk is full, for example.
        """
        text = json.dumps(report.to_json(), ensure_ascii=False, separators=(",", ":"))
        with storage_errors("writing the report", self._path):
            write_all(self._fd, f"{text}\n".encode("utf-8", "backslashreplace"))

    def close(self) -> None:
        """Close the file; may be called twice."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        self.close()


def _whole_bytes(fd: int) -> int:
    """Bytes up to the end of the last whole line."""
    size = os.fstat(fd).st_size
    end = size
    while end > 0:
        start = max(0, end - BLOCK_BYTES)
        found = os.pread(fd, end - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0


def read_reports(path: str) -> Iterator[LineReport]:
    """Give the entries of a report in their order; a torn one at the end is left out.

    Raises:
        NotFound: there is no such file.
        StorageFailed: it cannot be read.
        ContentError: it is no report.
    """
    with storage_errors("reading the report", path):
        try:
            file = open(path, "rb")  # noqa: SIM115 — closed below, errors of reading are ours
        except FileNotFoundError:
            raise NotFound(f"the report {path} does not exist") from None
    with file:
        number = 0
        while True:
            with storage_errors("reading the report", path):
                entry = file.readline(_LONGEST_ENTRY)
            number += 1
            if not entry.endswith(b"\n"):
                if len(entry) == _LONGEST_ENTRY:
                    raise _no_report(path, number)
                return
            yield _parse(path, number, entry)


def merge_reports(reports: Iterable[LineReport]) -> list[LineReport]:
    """Keep one report for each line of a list: the newest, and a finished one if there is one.

    Args:
        reports: of all parts and all tries, in any order.

    Returns:
        in the order of the list.
    """
    kept: dict[tuple[str, str], LineReport] = {}
    for report in reports:
        place = report.source, report.destination
        known = kept.get(place)
        if known is None or _rank(report) >= _rank(known):
            kept[place] = report
    return sorted(kept.values(), key=lambda report: (report.line, report.destination))


def _rank(report: LineReport) -> tuple[bool, str]:
    # A run that did not get to a line, or only looked at it, says nothing about the image.
    return report.status in ("done", "failed"), report.ended


def _parse(path: str, number: int, entry: bytes) -> LineReport:
    try:
        document: object = json.loads(entry)
        if isinstance(document, dict):
            return _line_report(document)
    except (ValueError, RecursionError, TypeError):
        pass
    raise _no_report(path, number)


def _no_report(path: str, number: int) -> ContentError:
    return ContentError(
        f"{path}, line {number}: not an entry of a report",
        hint="reports are what --report writes; a damaged line may be taken out",
    )


def _line_report(document: _Document) -> LineReport:
    status, failure = document.get("status"), document.get("error")
    if not _is_status(status):
        raise TypeError("status")
    return LineReport(
        line=_integer(document, "line"),
        source=_text(document, "source"),
        destination=_text(document, "destination"),
        status=status,
        words=_texts(document, "words"),
        how=_text(document, "how"),
        digest=_text(document, "digest"),
        source_digest=_text(document, "source_digest"),
        platforms=_texts(document, "platforms"),
        already_there=document.get("already_there") is True,
        resumed=document.get("resumed") is True,
        narrowed_to=_text(document, "narrowed_to"),
        changed=_text(document, "changed"),
        bytes_copied=_integer(document, "bytes_copied"),
        bytes_reused=_integer(document, "bytes_reused"),
        bytes_mounted=_integer(document, "bytes_mounted"),
        blobs_copied=_integer(document, "blobs_copied"),
        blobs_reused=_integer(document, "blobs_reused"),
        blobs_mounted=_integer(document, "blobs_mounted"),
        referrers=_integer(document, "referrers"),
        tries=_integer(document, "tries"),
        seconds=_number(document, "seconds"),
        ended=_text(document, "ended"),
        failure=_failure(failure) if isinstance(failure, dict) else None,
    )


def _failure(document: _Document) -> Failure:
    reason, side = document.get("reason"), document.get("side")
    return Failure(
        reason=reason if _is_reason(reason) else "other",
        error=_text(document, "error"),
        message=_text(document, "message"),
        hint=_text(document, "hint"),
        side=side if side == "source" or side == "destination" else "",  # noqa: PLR1714 — narrows
        http_status=_integer(document, "http_status"),
        codes=_texts(document, "codes"),
        tries=_integer(document, "tries"),
    )


def _is_status(value: object) -> TypeGuard[Status]:
    return value in _STATUSES


def _is_reason(value: object) -> TypeGuard[Reason]:
    return value in _REASONS


def _text(document: _Document, name: str) -> str:
    value = document.get(name, "")
    if not isinstance(value, str):
        raise TypeError(name)
    return value


def _texts(document: _Document, name: str) -> tuple[str, ...]:
    value = document.get(name, [])
    items: Sequence[object] = value if isinstance(value, list) else ()
    texts = tuple(item for item in items if isinstance(item, str))
    if not isinstance(value, list) or len(texts) != len(items):
        raise TypeError(name)
    return texts


def _integer(document: _Document, name: str) -> int:
    value = document.get(name, 0)
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(name)
    return value


def _number(document: _Document, name: str) -> float:
    value = document.get(name, 0.0)
    return float(value) if isinstance(value, float) else float(_integer(document, name))
