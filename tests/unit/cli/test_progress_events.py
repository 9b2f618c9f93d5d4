"""`--progress json` of `copy` and `sync`: the same events as for a list."""

from __future__ import annotations

import fcntl
import json
import os
import threading
from pathlib import Path

import pytest

from regcopy.testing.samples import single_image, write_layout
from tests.command_line import Ended, run_cli


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with `oci:here:1`."""
    write_layout(single_image(), tmp_path / "here", "1")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def events(text: str) -> list[dict[str, object]]:
    found = [json.loads(line) for line in text.splitlines() if line.startswith('{"event"')]
    return [{name: value for name, value in event.items() if name != "time"} for event in found]


def kinds(text: str) -> list[object]:
    return [event["event"] for event in events(text)]


def copy(*flags: str) -> Ended:
    return run_cli("copy", *flags, "oci:here:1", "oci:there:1")


def test_a_copy_is_told_by_events_alone() -> None:
    ended = copy("--progress", "json")
    assert ended.code == 0
    assert ended.out == ""
    assert len(ended.err.splitlines()) == len(events(ended.err))
    assert kinds(ended.err)[:3] == ["list", "started", "planned"]
    assert kinds(ended.err)[-3:] == ["manifest", "done", "end"]
    assert {"blob-started", "copied"} < set(kinds(ended.err))


def test_a_copy_has_the_events_that_a_list_of_it_has(folder: Path) -> None:
    (folder / "list").write_text("oci:here:1 oci:other:1\n")
    listed = events(run_cli("batch", "--progress=json", "list").err)
    alone = events(copy("--progress=json").err)
    assert sorted({(str(one["event"]), *sorted(one)) for one in alone}) == sorted(
        {(str(one["event"]), *sorted(one)) for one in listed}
    )


def test_what_is_there_already_is_told_as_done() -> None:
    copy()
    ended = copy("--progress=json")
    [done] = [event for event in events(ended.err) if event["event"] == "done"]
    assert (done["already_there"], done["bytes_copied"], done["line"]) == (True, 0, 1)


def test_blobs_that_are_there_are_told_as_reused() -> None:
    copy()
    told = kinds(run_cli("copy", "--progress=json", "oci:here:1", "oci:there:2").err)
    assert "reused" in told
    assert "copied" not in told


def test_a_failure_is_told_as_an_event_and_as_the_last_line_of_the_log() -> None:
    ended = run_cli("copy", "--progress=json", "oci:here:gone", "oci:there:1")
    failed, end = events(ended.err)[-2:]
    assert (ended.code, failed["event"], end["failed"]) == (2, "failed", 1)
    error = failed["error"]
    assert isinstance(error, dict)
    assert error["message"] == ended.fatal


def test_with_a_json_log_every_line_is_json() -> None:
    flags = ("--progress=json", "--log-format=json", "oci:here:gone", "oci:there:1")
    lines = run_cli("copy", *flags).err.splitlines()
    assert json.loads(lines[-1])["level"] == "fatal"
    assert all(isinstance(json.loads(line), dict) for line in lines)


def test_events_have_a_descriptor_of_their_own(folder: Path) -> None:
    with open(folder / "events", "wb") as file:
        ended = copy("--progress-fd", str(file.fileno()))
    assert (ended.code, ended.out, ended.err) == (0, "", "")
    assert kinds((folder / "events").read_text())[-1] == "end"


def test_nobody_who_reads_the_events_ends_no_copy() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    assert copy("--progress-fd", str(writer)).code == 0
    os.close(writer)


def test_events_wait_while_their_descriptor_takes_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    os.write(writer, b"\n" * 4000)
    is_full, told, really_write = threading.Event(), bytearray(), os.write

    def write(descriptor: int, content: bytes) -> int:
        try:
            return really_write(descriptor, content)
        except BlockingIOError:
            is_full.set()
            raise

    def read() -> None:
        is_full.wait(10)
        while block := os.read(reader, 4096):
            told.extend(block)

    monkeypatch.setattr(os, "write", write)
    thread = threading.Thread(target=read)
    thread.start()
    assert copy("--progress-fd", str(writer)).code == 0
    os.close(writer)
    thread.join(10)
    os.close(reader)

    assert is_full.is_set()
    assert kinds(told.decode())[:3] == ["list", "started", "planned"]


def test_a_dry_run_is_told_as_what_would_be_copied() -> None:
    ended = copy("--dry-run", "--progress=json")
    [event] = [event for event in events(ended.err) if event["event"] == "would-copy"]
    assert event["blobs_copied"] == len(single_image().blobs)
    assert ended.out.endswith("Nothing was written: this was a dry run.\n")


@pytest.mark.parametrize(
    ("flags", "out"), [(("--progress=none",), ""), (("--progress=lines", "--quiet"), "Getting")]
)
def test_the_form_of_progress_goes_before_quiet(flags: tuple[str, ...], out: str) -> None:
    ended = copy(*flags)
    assert ended.code == 0
    assert ended.out.startswith(out)
    assert bool(ended.out) == bool(out)


@pytest.mark.parametrize("command", ["copy", "sync --src=dir --dest=dir"])
@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--progress=bars", 'unknown progress "bars". Choose one of: auto, lines, json, none'),
        ("--progress-fd=99", "--progress-fd 99: no such file descriptor is open"),
        ("--progress=lines --progress-fd=2", "--progress-fd is for --progress json"),
    ],
)
def test_a_wrong_form_is_told_before_anything_is_done(
    command: str, flags: str, message: str
) -> None:
    ended = run_cli(*command.split(), *flags.split(), "oci:here:1", "oci:there:1")
    assert (ended.code, ended.fatal) == (1, message)
    assert not Path("there").exists()
