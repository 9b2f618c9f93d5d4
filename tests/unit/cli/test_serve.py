"""`serve` as a process: it tells its address, serves, and ends in order."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from regcopy.testing.samples import single_image, write_layout
from tests.command_line import log_lines, run_cli


@contextmanager
def serving(*flags: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run `serve` on a free port; gives the process and its address."""
    command = [sys.executable, "-m", "regcopy", "serve", "--listen=127.0.0.1:0", *flags]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            (said,) = log_lines(process.stderr.readline().rstrip("\n"))
            found = re.fullmatch(r"serving (.*) at (http://.*)/", said.message)
            assert found, said
            yield process, found[2]
        finally:
            process.kill()


def end_of(process: subprocess.Popen[str], number: signal.Signals) -> tuple[int, str]:
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    return process.returncode, err


def fetch(address: str) -> dict[str, object]:
    with urllib.request.urlopen(address, timeout=30) as answer:
        loaded = json.load(answer)
    assert isinstance(loaded, dict)
    return loaded


def test_a_layout_is_served_until_a_signal_comes(tmp_path: Path) -> None:
    write_layout(single_image(), tmp_path / "images", "team/app:1")
    with serving(f"--root={tmp_path / 'images'}") as (process, address):
        assert fetch(f"{address}/v2/team/app/tags/list") == {"name": "team/app", "tags": ["1"]}
        assert end_of(process, signal.SIGTERM) == (0, "")


def test_requests_are_logged_without_their_queries() -> None:
    with serving("--log-requests") as (process, address):
        fetch(f"{address}/v2/?token=SECRET")
        code, err = end_of(process, signal.SIGINT)
    assert code == 0
    assert [line.message for line in log_lines(err)] == ["GET /v2/ 200 received=0 sent=2"]


def test_the_default_folder_goes_with_the_server(tmp_path: Path) -> None:
    with serving(f"--tmpdir={tmp_path}") as (process, _):
        assert len(list(tmp_path.iterdir())) == 1
        assert end_of(process, signal.SIGTERM) == (0, "")
    assert list(tmp_path.iterdir()) == []


def test_a_temporary_folder_that_cannot_be_made_is_one_error() -> None:
    ended = run_cli("serve", "--listen=127.0.0.1:0", "--tmpdir=/nope")
    assert (ended.code, ended.fatal) == (
        1,
        "making a folder in /nope: No such file or directory",
    )
