from __future__ import annotations

import threading
from typing import Final

import pytest

from regcopy.cli.command import Invocation
from regcopy.cli.drawing import shown
from regcopy.cli.flags import Values
from regcopy.cli.progress import open_progress
from regcopy.cli.progress_bars import Bars, summary
from regcopy.cli.progress_lines import LinesAndHeartbeat
from regcopy.config.environment import Environment
from regcopy.copying.options import CopyOptions
from regcopy.copying.result import CopyResult
from regcopy.events import (
    BlobAdvanced,
    BlobDone,
    BlobStarted,
    CopyStarted,
    Event,
    ManifestWritten,
    Retrying,
)
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from tests.command_line import Screen, make_screens

MANIFEST: Final = Digest.of(b"manifest")
BLOB: Final = Descriptor("application/octet-stream", Digest.of(b"layer"), 2048)
RESULT: Final = CopyResult(MANIFEST, MANIFEST, ())
EVENTS: Final[tuple[Event, ...]] = (
    CopyStarted(4, 4, True, 1, 2048),
    BlobStarted(BLOB, "layer"),
    BlobAdvanced(BLOB.digest, 1024),
    Retrying("reset \x1b[2J", 1, 5, 0.5),
    BlobDone(BLOB, "layer", "copied"),
    ManifestWritten(MANIFEST, True),
)


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    """A terminal of 120 columns."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    return Screen(terminal=True)


def drawn(screen: Screen, *events: Event, result: CopyResult = RESULT) -> str:
    with shown(Bars(screen)) as bars:
        for event in events:
            bars.notify(event)
        bars.finish(result)
    return screen.text


def test_blobs_and_the_whole_have_bars(screen: Screen) -> None:
    text = drawn(screen, *EVENTS)
    assert "4 images, 1 blob " in text
    assert f"copied   layer {BLOB.digest} 2.0 KiB" in text
    assert f"written  manifest {MANIFEST}" in text


def test_nothing_from_outside_reaches_the_terminal_raw(screen: Screen) -> None:
    assert "reset \\x1b[2J; trying again in 0.5 s" in drawn(screen, *EVENTS)


def test_a_position_of_a_blob_that_is_not_known_is_no_error(screen: Screen) -> None:
    assert str(MANIFEST) in drawn(screen, BlobAdvanced(BLOB.digest, 1))


def test_the_summary_tells_what_moved_and_what_did_not() -> None:
    result = CopyResult(
        MANIFEST, MANIFEST, (), 4096, 1024, 0, blobs_copied=2, blobs_reused=1, seconds=1.25
    )
    assert summary(result) == (
        f"{MANIFEST}: 4.0 KiB in 2 blobs copied, 1.0 KiB in 1 blob there already, 1.2 s"
    )


def test_the_summary_tells_when_there_was_nothing_to_do() -> None:
    result = CopyResult(MANIFEST, MANIFEST, (), already_there=True)
    assert summary(result) == f"{MANIFEST} is there already; nothing was copied"


def invocation(*, terminal: bool, term: str = "xterm", **flags: bool) -> Invocation:
    return Invocation(
        program="regcopy",
        values=Values(flags),
        names=("oci:w", "oci:x"),
        console=make_screens(terminal=terminal).console,
        environment=Environment({"TERM": term}),
        cancelled=threading.Event(),
    )


def test_a_terminal_gets_bars(screen: Screen) -> None:
    with open_progress(invocation(terminal=True), CopyOptions()) as progress:
        assert isinstance(progress, Bars)


@pytest.mark.parametrize(
    "call",
    [
        invocation(terminal=False),
        invocation(terminal=True, term="dumb"),
        invocation(terminal=True, term=""),
        invocation(terminal=True, debug=True),
    ],
    ids=["no terminal", "dumb", "no TERM", "debug"],
)
def test_others_get_lines(call: Invocation) -> None:
    with open_progress(call, CopyOptions()) as progress:
        assert isinstance(progress, LinesAndHeartbeat)


def test_quiet_gets_neither() -> None:
    with open_progress(invocation(terminal=True, quiet=True), CopyOptions()) as progress:
        progress.notify(EVENTS[0])
        progress.finish(RESULT)
        assert not isinstance(progress, Bars | LinesAndHeartbeat)
