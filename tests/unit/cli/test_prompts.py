"""Passwords that are typed on a real terminal."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest


class Terminal:
    """A terminal on which `login` is asked for a password."""

    def __init__(self, home: Path, *arguments: str) -> None:
        self.ours, self.theirs = os.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "regcopy", "login", *arguments],
            stdin=self.theirs,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={"HOME": str(home), "XDG_RUNTIME_DIR": str(home), "PATH": os.environ["PATH"]},
        )

    def echoes(self) -> bool:
        """Whether the terminal shows what is typed."""
        flags = termios.tcgetattr(self.theirs)[3]
        assert isinstance(flags, int)
        return bool(flags & termios.ECHO)

    def wait_for(self, question: bytes) -> None:
        """Read what the program says until it asks."""
        output: IO[bytes] | None = self.process.stdout
        assert output is not None
        said = b""
        while not said.endswith(question):
            said += output.read(1)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()
        os.close(self.ours)
        os.close(self.theirs)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    # Nobody listens on port 1; one try is enough to see that the question was answered.
    made = Terminal(tmp_path, "--username=robot", "--command-timeout=1s", "127.0.0.1:1")
    yield made
    made.close()


@pytest.mark.timeout(60)
def test_a_password_is_not_shown_while_it_is_typed(terminal: Terminal) -> None:
    terminal.wait_for(b"Password: ")
    assert not terminal.echoes()
    os.write(terminal.ours, b"hunter2\n")
    out, err = terminal.process.communicate(timeout=30)
    assert terminal.echoes()
    os.set_blocking(terminal.ours, False)
    assert b"hunter2" not in out + err + read_all(terminal.ours)
    assert terminal.process.returncode == 1


@pytest.mark.timeout(60)
def test_the_terminal_is_put_back_where_the_question_is_interrupted(terminal: Terminal) -> None:
    terminal.wait_for(b"Password: ")
    terminal.process.send_signal(signal.SIGINT)
    _, err = terminal.process.communicate(timeout=30)
    assert terminal.echoes()
    assert terminal.process.returncode == 130
    assert b"Traceback" not in err


def read_all(descriptor: int) -> bytes:
    """Read what is there, without waiting."""
    try:
        return os.read(descriptor, 65536)
    except BlockingIOError:
        return b""
