"""Questions to whoever sits at the terminal, and answers from standard input."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Protocol

from regcopy.cli.flags import CommandLineError

if TYPE_CHECKING:
    from regcopy.cli.console import Console

MAX_BYTES: Final = 64 * 1024


class Reader(Protocol):
    """Where bytes of answers come from."""

    def readline(self, size: int = -1, /) -> bytes:
        """Give bytes up to the end of a line, b"" at the end of all."""
        ...


def ask_line(console: Console, question: str) -> str:
    """Ask for one line.

    Raises:
        CommandLineError: there is no answer; the message is that of Go's reader.
    """
    console.out(question)
    line = _input().readline(MAX_BYTES)
    if not line.endswith(b"\n"):
        raise CommandLineError("EOF")
    return _text(line.rstrip(b"\r\n"))


def ask_secret(console: Console, question: str) -> str:
    """Ask for one line that is not shown while it is typed; only on a terminal.

    Raises:
        CommandLineError: standard input is no terminal, or there is no answer.
    """
    terminal = _terminal()
    if terminal < 0:
        console.out(question)
        raise CommandLineError(
            "inappropriate ioctl for device", hint="without a terminal, use --password-stdin"
        )
    with _without_echo(terminal):  # first, so that an answer that comes at once is not shown
        console.out(question)
        line = _input().readline(MAX_BYTES)
    if not line:
        raise CommandLineError("EOF")
    console.out("\n")
    return _text(line.rstrip(b"\r\n"))


def ask_passphrase(console: Console, key: str, *, hint: str) -> str:
    """Ask for the passphrase of a private key; only on a terminal.

    Args:
        console: shows the question.
        key: file of the key, as the user named it.
        hint: what to do without a terminal.

    Raises:
        CommandLineError: standard input is no terminal, or there is no answer.
    """
    if _terminal() < 0:
        raise CommandLineError(
            f"Cannot prompt for a passphrase for key {key}, standard input is not a TTY", hint=hint
        )
    return ask_secret(console, f"Passphrase for key {key}: ")


def read_secret() -> str:
    """Read all of standard input; line ends are not part of the secret.

    Raises:
        CommandLineError: it is too long to be one.
    """
    reader = _input()
    parts: list[bytes] = []
    size = 0
    while line := reader.readline(MAX_BYTES):
        size += len(line)
        if size > MAX_BYTES:
            raise CommandLineError(f"the password has more than {MAX_BYTES} bytes")
        parts.append(line.rstrip(b"\r\n"))
    return _text(b"".join(parts))


def _input() -> Reader:
    if sys.stdin is None:
        raise CommandLineError("EOF", hint="standard input is closed")
    return sys.stdin.buffer


def _text(line: bytes) -> str:
    return line.decode("utf-8", "surrogateescape")


def _terminal() -> int:
    """Descriptor of standard input, where that is a terminal; -1 otherwise."""
    try:
        return sys.stdin.fileno() if sys.stdin.isatty() else -1
    except (AttributeError, OSError, ValueError):  # it is closed, or no file at all
        return -1


@contextmanager
def _without_echo(terminal: int) -> Iterator[None]:
    """Have the terminal show nothing, and put it back whatever happens."""
    import termios

    before = termios.tcgetattr(terminal)
    quiet = list(before)
    quiet[3] &= ~termios.ECHO
    termios.tcsetattr(terminal, termios.TCSAFLUSH, quiet)
    try:
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSAFLUSH, before)
