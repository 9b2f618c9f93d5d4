"""Signals, in processes of their own: the program is told to stop and must obey."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import pytest

from tests.command_line import log_lines

# A program whose `manifest-digest` does what a test says, once it has told that it began.
_PROGRAM: Final = """
import sys, threading, time
from dataclasses import replace
from regcopy.cli import main, manifest_digest

def work(call):
{body}

manifest_digest.COMMAND = replace(manifest_digest.COMMAND, run=work, stops_itself={stops_itself})
sys.argv = ["regcopy", *sys.argv[1:], "manifest-digest"]
main.run()
"""
# A program that is interrupted as it loads the first of its modules.
_INTERRUPTED: Final = """
import os, signal, sys

class Interrupting:
    def find_spec(self, name, path, target=None):
        if name == "regcopy.cli.main":
            os.kill(os.getpid(), signal.SIGINT)

signal.signal(signal.SIGINT, signal.{handler})
sys.meta_path.insert(0, Interrupting())
from regcopy.__main__ import run
run()
"""
# What ignores SIGHUP, such as nohup, hands that on to what it starts: to these tests as well.
_HEEDING: Final = "import signal; signal.signal(signal.SIGHUP, signal.SIG_DFL)\n"
_IGNORING: Final = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
OBEDIENT: Final = """
print("began", flush=True)
call.cancelled.wait()
print("cleaned up", flush=True)
raise RuntimeError("whatever comes of it")
"""
BLIND: Final = """
try:
    print("began", flush=True)
    time.sleep(60)
finally:
    print("cleaned up", flush=True)
"""
DEAF: Final = """
print("began", flush=True)
while True:
    time.sleep(60)
"""


@contextmanager
def running(
    body: str, *arguments: str, stops_itself: bool = True
) -> Iterator[subprocess.Popen[str]]:
    text = _PROGRAM.format(body=textwrap.indent(body, "    "), stops_itself=stops_itself)
    command = [sys.executable, "-c", _HEEDING + text, *arguments]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "began\n"
            yield process
        finally:
            process.kill()


def end_of(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=30)
    return process.returncode, out, err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_a_copy_in_order(number: signal.Signals) -> None:
    with running(OBEDIENT) as process:
        process.send_signal(number)
        code, out, err = end_of(process)
    assert code == 128 + number
    assert out == "cleaned up\n"
    assert [line.message for line in log_lines(err)] == [f"stopped by {number.name}"]


@pytest.mark.parametrize(
    ("handler", "code", "out"),
    [("default_int_handler", -signal.SIGINT, ""), ("SIG_IGN", 0, "regcopy version")],
)
def test_a_signal_while_modules_are_loaded_leaves_no_traceback(
    handler: str, code: int, out: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _INTERRUPTED.format(handler=handler), "--version"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stderr) == (code, "")
    assert done.stdout.startswith(out)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_interrupts_a_command_that_does_not_look(number: signal.Signals) -> None:
    with running(BLIND, stops_itself=False) as process:
        process.send_signal(number)
        code, out, err = end_of(process)
    assert (code, out) == (128 + number, "cleaned up\n")
    assert err.count("\n") == 1


def test_a_second_signal_ends_the_program_at_once() -> None:
    body = """
    print("began", flush=True)
    call.cancelled.wait()
    print("stopping", flush=True)
    time.sleep(60)
    """
    with running(textwrap.dedent(body)) as process:
        process.send_signal(signal.SIGINT)
        assert process.stdout is not None
        assert process.stdout.readline() == "stopping\n"
        process.send_signal(signal.SIGTERM)
        code, _, err = end_of(process)
    assert code == 128 + signal.SIGTERM
    assert err == "regcopy: error: stopped by SIGTERM\n"


def test_a_program_that_does_not_stop_is_ended_all_the_same() -> None:
    with running(DEAF) as process:
        process.send_signal(signal.SIGTERM)
        code, _, err = end_of(process)
    assert code == 128 + signal.SIGTERM
    assert err == "regcopy: error: stopped by SIGTERM (it did not end in order)\n"


def test_work_that_was_done_when_the_signal_came_is_a_success() -> None:
    with running('print("began", flush=True)\ncall.cancelled.wait()\nreturn 0') as process:
        process.send_signal(signal.SIGTERM)
        code, _, err = end_of(process)
    assert (code, err) == (0, "")


@pytest.mark.parametrize("stops_itself", [True, False])
def test_the_command_timeout_stops_the_command(stops_itself: bool) -> None:
    body = OBEDIENT if stops_itself else BLIND
    with running(body, "--command-timeout=50ms", stops_itself=stops_itself) as process:
        code, out, err = end_of(process)
    assert (code, out) == (1, "cleaned up\n")
    assert [line.message for line in log_lines(err)] == [
        "stopped: --command-timeout of 0.05 s is over"
    ]


def test_a_signal_that_the_caller_ignores_stays_ignored() -> None:
    body = """
    import os, signal
    print(signal.getsignal(signal.SIGHUP) == signal.SIG_IGN, flush=True)
    return 0
    """
    text = _PROGRAM.format(body=textwrap.indent(textwrap.dedent(body), "    "), stops_itself=True)
    done = subprocess.run(
        [sys.executable, "-c", _IGNORING + text], capture_output=True, timeout=30, check=True
    )
    assert done.stdout == b"True\n"
