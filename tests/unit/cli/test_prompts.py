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

from regcopy.testing.samples import single_image, write_dir


class Terminal:
    """A terminal on which a command asks for a secret."""

    def __init__(self, home: Path, *arguments: str) -> None:
        self.ours, self.theirs = os.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "regcopy", *arguments],
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

    def type(self, question: bytes, answer: bytes) -> None:
        """Answer a question."""
        self.wait_for(question)
        os.write(self.ours, answer)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()
        os.close(self.ours)
        os.close(self.theirs)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    # Nobody listens on port 1; one try is enough to see that the question was answered.
    made = Terminal(tmp_path, "login", "--username=robot", "--command-timeout=1s", "127.0.0.1:1")
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


@pytest.mark.timeout(60)
def test_the_passphrase_of_a_key_is_asked_for(tmp_path: Path) -> None:
    pytest.importorskip("nacl")
    write_dir(single_image(), tmp_path / "image")
    key = f"{tmp_path}/key"
    making = Terminal(tmp_path, "generate-sigstore-key", f"--output-prefix={key}")
    making.type(f"Passphrase for key {key}.private: ".encode(), b"open sesame\n")
    making.type(b"Repeat passphrase: ", b"open sesame\n")
    assert making.process.wait(timeout=30) == 0
    making.close()

    flags = (f"--sign-by-sigstore-private-key={key}.private", "--sign-identity=a.example/b:1")
    signing = Terminal(tmp_path, "copy", *flags, f"dir:{tmp_path}/image", f"dir:{tmp_path}/copy")
    signing.type(f"Passphrase for key {key}.private: ".encode(), b"open sesame\n")
    assert signing.process.wait(timeout=30) == 0
    signing.close()
    assert (tmp_path / "copy" / "signature-1").exists()


def read_all(descriptor: int) -> bytes:
    """Read what is there, without waiting."""
    try:
        return os.read(descriptor, 65536)
    except BlockingIOError:
        return b""
