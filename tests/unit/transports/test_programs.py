"""Programs that a transport starts: found, limited, ended, and their words told."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from regcopy.config.environment import Environment
from regcopy.errors import (
    Cancelled,
    LimitExceeded,
    Refused,
    Stalled,
    TimedOut,
    TransportUnavailable,
)
from regcopy.transports.base import Clocks
from regcopy.transports.programs import MAX_OUTPUT_BYTES, Program
from tests.contexts import make_context

Script = Callable[..., Program]


@pytest.fixture
def script(tmp_path: Path) -> Script:
    """Write a program, and find it."""

    def write(text: str, *, cancelled: threading.Event | None = None, **variables: str) -> Program:
        path = tmp_path / "tool"
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        variables = {"PATH": f"{tmp_path}:{os.environ['PATH']}", **variables}
        context = replace(
            make_context(clocks=Clocks(stall_seconds=0.3)),
            environment=Environment(variables),
            cancelled=cancelled or threading.Event(),
        )
        return Program.find("tool", context, what="it", hint="install tool")

    return write


def is_gone(pid: int) -> bool:
    """Wait until a process has ended, for some seconds."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.01)
    return False


def test_what_it_prints_is_given(script: Script) -> None:
    assert script('echo "$1 $2"').run(["a", "b c"], seconds=10) == b"a b c\n"


def test_it_runs_in_the_folder_that_is_wanted(script: Script, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()

    printed = script("pwd").run([], seconds=10, folder=str(tmp_path / "here"))
    assert printed == f"{tmp_path}/here\n".encode()


def test_one_that_is_missing_is_named_with_a_hint(tmp_path: Path) -> None:
    context = replace(make_context(), environment=Environment({"PATH": f".:{tmp_path}"}))
    with pytest.raises(TransportUnavailable, match="it needs the program tool") as caught:
        Program.find("tool", context, what="it", hint="install tool")
    assert caught.value.hint == "install tool"


def test_its_words_are_the_error(script: Script) -> None:
    with pytest.raises(Refused, match=r"tool: no such\\x1b store") as caught:
        script("printf 'Error: no such\\033 store\\n' >&2; exit 3").run([], seconds=10)
    assert "\n" not in str(caught.value)


def test_it_gets_no_secrets_of_the_environment(script: Script) -> None:
    tool = script(
        "env", HOME="/home/me", XDG_RUNTIME_DIR="/run/me", REGISTRY_PASSWORD="x", AWS_TOKEN="y"
    )

    names = {line.partition(b"=")[0] for line in tool.run([], seconds=10).splitlines()}
    assert {b"HOME", b"XDG_RUNTIME_DIR"} <= names
    assert names.isdisjoint({b"REGISTRY_PASSWORD", b"AWS_TOKEN"})


def test_one_that_does_not_end_is_ended_with_its_children(script: Script, tmp_path: Path) -> None:
    tool = script(f"sleep 60 & echo $! > {tmp_path}/child; wait")
    with pytest.raises(TimedOut, match=r"did not end within 0.5 s"):
        tool.run([], seconds=0.5)
    assert is_gone(int((tmp_path / "child").read_text()))


def test_a_cancelled_run_ends_it(script: Script) -> None:
    cancelled = threading.Event()
    cancelled.set()
    with pytest.raises(Cancelled):
        script("sleep 60", cancelled=cancelled).run([], seconds=60)


def test_one_that_prints_without_end_is_ended(script: Script) -> None:
    with pytest.raises(LimitExceeded, match=f"more than {MAX_OUTPUT_BYTES} bytes"):
        script("exec cat /dev/zero").run([], seconds=60)


def test_what_it_prints_is_read_as_it_comes(script: Script) -> None:
    output = script("echo one; echo two").open([])

    assert b"".join(iter(lambda: output.read(3), b"")) == b"one\ntwo\n"
    output.close()


def test_an_error_after_some_output_is_an_error(script: Script) -> None:
    output = script("echo one; echo broken >&2; exit 1").open([])

    assert output.read() == b"one\n"
    with pytest.raises(Refused, match="tool: broken"):
        output.read()
    output.close()


def test_silence_of_one_that_is_read_ends(script: Script) -> None:
    output = script("echo one; exec sleep 60").open([])

    output.read()
    with pytest.raises(Stalled, match=r"gave nothing for 0.3 s"):
        output.read()
    output.close()


def test_closing_ends_it(script: Script, tmp_path: Path) -> None:
    output = script(f"echo $$ > {tmp_path}/pid; echo one; exec sleep 60").open([])
    output.read()

    output.close()
    output.close()
    assert is_gone(int((tmp_path / "pid").read_text()))
