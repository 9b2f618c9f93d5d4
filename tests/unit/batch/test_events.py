"""Events as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from regcopy.batch import (
    LineAdvanced,
    LineEvent,
    LineStarted,
    ListStarted,
    RequestRepeated,
    event_json,
    parse_list,
)
from regcopy.events import (
    BlobAdvanced,
    BlobDone,
    BlobStarted,
    CopyStarted,
    ManifestWritten,
    Retrying,
)
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from tests.lists import layout_lines, run

[LINE] = parse_list(["oci:a dir:b"])
DIGEST = Digest.of(b"abc")
BLOB = Descriptor("text/plain", DIGEST, 3)


@pytest.mark.parametrize(
    ("event", "document"),
    [
        (ListStarted(3), {"event": "list", "lines": 3}),
        (
            LineStarted(LINE),
            {"event": "started", "line": 1, "source": "oci:a", "destination": "dir:b"},
        ),
        (
            LineAdvanced(LINE, CopyStarted(1, 1, False, 2, 30)),
            {"event": "planned", "line": 1, "images": 1, "blobs": 2, "bytes": 30},
        ),
        (
            LineAdvanced(LINE, BlobStarted(BLOB, "layer")),
            {
                "event": "blob-started",
                "line": 1,
                "digest": str(DIGEST),
                "size": 3,
                "role": "layer",
            },
        ),
        (
            LineAdvanced(LINE, BlobAdvanced(DIGEST, 2)),
            {"event": "blob", "line": 1, "digest": str(DIGEST), "position": 2},
        ),
        (
            LineAdvanced(LINE, BlobDone(BLOB, "layer", "mounted")),
            {"event": "mounted", "line": 1, "digest": str(DIGEST), "size": 3, "role": "layer"},
        ),
        (
            LineAdvanced(LINE, ManifestWritten(DIGEST, True, 1)),
            {
                "event": "manifest",
                "line": 1,
                "digest": str(DIGEST),
                "top": True,
                "signatures": 1,
            },
        ),
        (
            RequestRepeated(Retrying("reset", 1, 5, 0.5)),
            {
                "event": "retry",
                "reason": "reset",
                "attempt": 1,
                "attempts": 5,
                "delay_seconds": 0.5,
            },
        ),
    ],
)
def test_an_event_is_an_object(event: LineEvent, document: dict[str, object]) -> None:
    assert event_json(event) == document


def test_all_events_of_a_run_are_json_and_the_last_ones_tell_the_outcome(tmp_path: Path) -> None:
    texts = [*layout_lines(tmp_path, 1).texts, "oci:nothing dir:nowhere"]
    events = [json.loads(json.dumps(event_json(event))) for event in run(texts, jobs=1).events]
    assert [e["event"] for e in events if e.get("status")] == ["done", "failed"]
    assert events[-2]["error"]["reason"] == "not-found"
    end = events[-1]
    assert (end["event"], end["lines"], end["done"], end["failed"]) == ("end", 2, 1, 1)
