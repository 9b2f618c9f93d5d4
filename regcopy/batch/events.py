"""What happens while a list is copied, as values and as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from regcopy.batch.lines import Line
from regcopy.batch.report import LineReport, ListReport
from regcopy.events import (
    BlobAdvanced,
    BlobDone,
    BlobStarted,
    CopyStarted,
    Event,
    ManifestWritten,
    Retrying,
)


@dataclass(frozen=True, slots=True)
class ListStarted:
    """The list was understood; `lines` is the number of its copies."""

    lines: int


@dataclass(frozen=True, slots=True)
class LineStarted:
    """Work on a line begins."""

    line: Line


@dataclass(frozen=True, slots=True)
class LineAdvanced:
    """Something happened within the copy of a line.

    Events about the bytes of a blob are thinned out: each stands for those before it.
    """

    line: Line
    event: Event


@dataclass(frozen=True, slots=True)
class RequestRepeated:
    """A request failed in a way that may pass; requests are shared, so no line is named."""

    event: Retrying


@dataclass(frozen=True, slots=True)
class LineEnded:
    """A line is done, has failed, or was stopped."""

    line: Line
    report: LineReport


@dataclass(frozen=True, slots=True)
class ListEnded:
    """The last event: all that was to be done is done."""

    report: ListReport


LineEvent = ListStarted | LineStarted | LineAdvanced | RequestRepeated | LineEnded | ListEnded


def event_json(event: LineEvent) -> dict[str, object]:
    """Give an event as a JSON object; `event` names its kind.

    Kinds: `list`, `started`, `planned`, `blob-started`, `blob`, `copied`, `reused`, `mounted`,
    `manifest`, `retry`, then `done`, `failed`, `stopped` or (of a dry run) `would-copy`, and
    `end`. All but `list`, `retry` and `end` name their `line`.
    """
    match event:
        case ListStarted():
            return {"event": "list", "lines": event.lines}
        case LineStarted():
            line = event.line
            return {
                "event": "started",
                "line": line.number,
                "source": line.source,
                "destination": line.destination,
            }
        case LineAdvanced():
            return {**_copy_event(event.event), "line": event.line.number}
        case RequestRepeated():
            return {**_copy_event(event.event)}
        case LineEnded():
            return {"event": event.report.status, **event.report.to_json()}
        case ListEnded():
            return {"event": "end", **event.report.to_json()}


def _copy_event(event: Event) -> Mapping[str, object]:
    match event:
        case CopyStarted():
            return {
                "event": "planned",
                "images": event.images,
                "blobs": event.blobs,
                "bytes": event.total_bytes,
            }
        case BlobStarted():
            blob = event.blob
            return {
                "event": "blob-started",
                "digest": str(blob.digest),
                "size": blob.size,
                "role": event.role,
            }
        case BlobAdvanced():
            return {"event": "blob", "digest": str(event.digest), "position": event.position}
        case BlobDone():
            blob = event.blob
            return {
                "event": event.outcome,
                "digest": str(blob.digest),
                "size": blob.size,
                "role": event.role,
            }
        case ManifestWritten():
            return {
                "event": "manifest",
                "digest": str(event.digest),
                "top": event.is_top,
                "signatures": event.signatures,
            }
        case Retrying():
            return {
                "event": "retry",
                "reason": event.reason,
                "attempt": event.attempt,
                "attempts": event.attempts,
                "delay_seconds": round(event.delay_seconds, 3),
            }
