"""How the progress of a list is told: lines, bars, events."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from regcopy.batch import (
    Failure,
    Line,
    LineAdvanced,
    LineEnded,
    LineEvent,
    LineReport,
    LineStarted,
    ListStarted,
    RequestRepeated,
)
from regcopy.cli.batch_bars import ListBars
from regcopy.cli.batch_lines import ListLines, standing_text
from regcopy.cli.batch_tally import ListTally
from regcopy.cli.drawing import shown
from regcopy.cli.progress_events import JsonEvents
from regcopy.cli.pulse import beating
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
from tests.command_line import Screen, log_lines, make_screens, run_cli
from tests.growth import TOO_FAST, growth
from tests.lists import layout_lines

LINE = Line(3, "oci:a", "dir:b")
BLOB = Descriptor("text/plain", Digest.of(b"x"), 4096)
DONE = LineReport(3, "oci:a", "dir:b", "done", digest="sha256:0", bytes_copied=4096)
FAILED = LineReport(
    3,
    "oci:a",
    "dir:b",
    "failed",
    failure=Failure("transport", "TimedOut", "no answer", "wait"),
)
UNDER_WAY: list[LineEvent] = [
    ListStarted(7),
    LineStarted(LINE),
    LineAdvanced(LINE, CopyStarted(1, 1, False, 1, 4096)),
    LineAdvanced(LINE, BlobStarted(BLOB, "layer")),
    LineAdvanced(LINE, BlobAdvanced(BLOB.digest, 1024)),
]
FINISHED = [*UNDER_WAY, LineAdvanced(LINE, BlobDone(BLOB, "layer", "copied"))]
REPEATED = RequestRepeated(Retrying("reset", 1, 5, 0.5))


def tallied(*events: LineEvent) -> ListTally:
    tally = ListTally()
    for event in events:
        tally.take(event)
    return tally


def test_a_list_under_way_is_described() -> None:
    text = standing_text(tallied(*UNDER_WAY, REPEATED).standing(), 512.0)
    assert text == (
        "0 of 7 images have ended, 1.0 KiB copied, 512 B/s, 1 requests made again, "
        "under way: line 3 25% of 4.0 KiB"
    )


def test_lines_that_ended_are_counted_and_forgotten() -> None:
    standing = tallied(*FINISHED, LineEnded(LINE, FAILED)).standing()
    assert (standing.ended, standing.failed, standing.moved_bytes) == (1, 1, 4096)
    assert standing.under_way == ()


def test_a_line_that_waits_for_others_of_its_file_is_not_under_way() -> None:
    written = LineAdvanced(LINE, ManifestWritten(BLOB.digest, is_top=True))
    standing = tallied(*FINISHED, written).standing()
    assert (standing.under_way, standing.ended, standing.moved_bytes) == ((), 0, 4096)


def test_a_line_that_is_tried_again_is_under_way_again() -> None:
    written = LineAdvanced(LINE, ManifestWritten(BLOB.digest, is_top=True))
    assert tallied(*FINISHED, written, UNDER_WAY[2]).standing().under_way != ()


def test_the_bar_of_a_line_goes_once_its_image_is_copied() -> None:
    with shown(ListBars(Screen(terminal=True))) as bars:
        for event in FINISHED:
            bars.take(event)
        assert len(bars.drawing.bars.tasks) == 2
        bars.take(LineAdvanced(LINE, ManifestWritten(BLOB.digest, is_top=True)))
        assert len(bars.drawing.bars.tasks) == 1


def test_the_largest_lines_are_shown_and_the_others_counted() -> None:
    starts = [LineStarted(Line(n, f"oci:{n}", f"dir:{n}")) for n in range(5)]
    text = standing_text(tallied(ListStarted(5), *starts).standing(), 0.0)
    assert text.endswith(
        "line 0 reading manifests; line 1 reading manifests; line 2 reading manifests; 2 more"
    )


def test_a_heartbeat_is_one_log_line() -> None:
    screens = make_screens()
    lines = ListLines(screens.console)
    for event in UNDER_WAY:
        lines.take(event)
    lines.beat()
    [beat] = log_lines(screens.err.text)
    assert beat.message.startswith("0 of 7 images have ended, 1.0 KiB copied")


def test_failures_and_repeated_requests_are_told_as_they_come() -> None:
    screens = make_screens()
    with beating(ListLines(screens.console)) as lines:
        for event in (*UNDER_WAY, REPEATED, LineEnded(LINE, FAILED)):
            lines.take(event)
    warning, error = log_lines(screens.err.text)
    assert (warning.level, error.level) == ("warning", "error")
    assert (error.message, error.hint) == ("line 3: no answer", "wait")


def test_bars_show_what_ended() -> None:
    screen = Screen(terminal=True)
    with shown(ListBars(screen)) as bars:
        for event in (*FINISHED, REPEATED, LineEnded(LINE, DONE)):
            bars.take(event)
        bars.take(LineEnded(LINE, FAILED))
    assert "line 3: dir:b copied sha256:0 (4.0 KiB copied)" in screen.text
    assert "line 3: no answer" in screen.text
    assert "attempt 1 of 5 failed: reset" in screen.text


def test_events_go_to_standard_error_as_json(tmp_path: Path) -> None:
    path = layout_lines(tmp_path, 1).write(tmp_path / "list")
    ended = run_cli("batch", "--progress", "json", str(path))
    events = [json.loads(line) for line in ended.err.splitlines()]
    assert [events[0]["event"], events[1]["event"], events[-1]["event"]] == [
        *("list", "started", "end"),
    ]
    assert all(event["time"].endswith("Z") for event in events)


def test_events_go_to_a_descriptor(tmp_path: Path) -> None:
    path = layout_lines(tmp_path, 1).write(tmp_path / "list")
    with open(tmp_path / "events", "wb") as file:
        ended = run_cli("batch", "--progress-fd", str(file.fileno()), str(path))
    events = [json.loads(line) for line in (tmp_path / "events").read_text().splitlines()]
    assert events[-1]["done"] == 1
    assert ended.err == ""


def test_a_reader_that_went_away_ends_no_copy() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    JsonEvents(make_screens().console, writer).take(ListStarted(1))
    os.close(writer)


@pytest.mark.parametrize("flags", [("--progress", "none"), ("--quiet",)])
def test_without_progress_nothing_but_failures_is_logged(
    tmp_path: Path, flags: tuple[str, ...]
) -> None:
    path = layout_lines(tmp_path, 1).write(tmp_path / "list", ["oci:nothing dir:nowhere"])
    ended = run_cli("batch", *flags, str(path))
    assert [line.level for line in ended.log] == ["error"]


def test_lines_that_wait_for_the_others_of_their_archive_cost_nothing() -> None:
    def make(size: int) -> list[LineEvent]:
        lines = [Line(number, "oci:a", f"oci-archive:b:{number}") for number in range(size // 512)]
        written = ManifestWritten(Digest.of(b"x"), is_top=True)
        return [
            event for line in lines for event in (LineStarted(line), LineAdvanced(line, written))
        ]

    def act(events: list[LineEvent]) -> None:
        tally = ListTally()
        for event in events:
            tally.take(event)
            tally.standing()

    assert growth(act, make) < TOO_FAST
