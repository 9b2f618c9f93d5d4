"""The command line run inside the tests' process, and what it said."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from regcopy.cli.console import Console, LogFormat
from regcopy.cli.main import main
from regcopy.config.environment import Environment

_FIELD: Final = r'(?:"((?:[^"\\]|\\.)*)"|(\S*))'
_MORE: Final = re.compile(rf" ([a-z]+)={_FIELD}")
_LINE: Final = re.compile(rf"time={_FIELD} level=(\w+) msg={_FIELD}((?:{_MORE.pattern})*)")


class Screen(io.TextIOWrapper):
    """An output that remembers, and may claim to be a terminal."""

    def __init__(self, *, terminal: bool = False) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", write_through=True)
        self._terminal = terminal

    def isatty(self) -> bool:
        """Whether somebody watches."""
        return self._terminal

    @property
    def content(self) -> bytes:
        """All that was written."""
        self.flush()
        raw = self.buffer
        return raw.getvalue() if isinstance(raw, io.BytesIO) else b""

    @property
    def text(self) -> str:
        """All that was written, as text."""
        return self.content.decode()


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of the log, taken apart; `fields` is what follows the message, but for the hint."""

    level: str
    message: str
    hint: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)


def log_lines(text: str) -> list[LogLine]:
    """Take log lines apart; lines of another form are left out."""
    return [
        _log_line(found) for found in map(_LINE.fullmatch, text.splitlines()) if found is not None
    ]


def _log_line(found: re.Match[str]) -> LogLine:
    fields = {
        name: _unquoted(quoted if f'{name}="' in found[6] else None, plain)
        for name, quoted, plain in _MORE.findall(found[6])
    }
    hint = fields.pop("hint", "")
    return LogLine(found[3], _unquoted(found[4], found[5]), hint, fields)


def _unquoted(quoted: str | None, plain: str | None) -> str:
    if quoted is None:
        return plain or ""
    return quoted.encode("latin-1", "backslashreplace").decode("unicode_escape")


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run of the program ended."""

    code: int
    out: str
    err: str

    @property
    def log(self) -> list[LogLine]:
        """What it wrote to its log."""
        return log_lines(self.err)

    @property
    def fatal(self) -> str:
        """The one message that stopped it, "" where there was none."""
        return next((line.message for line in self.log if line.level == "fatal"), "")

    @property
    def hint(self) -> str:
        """What the user is told to try."""
        return next((line.hint for line in self.log if line.level == "fatal"), "")


def run_cli(
    *arguments: str, program: str = "regcopy", variables: Mapping[str, str] | None = None
) -> Ended:
    """Run the program with outputs that are no terminals."""
    out, err = Screen(), Screen()
    code = main(
        (f"/usr/bin/{program}", *arguments),
        stdout=out,
        stderr=err,
        environment=Environment(dict(variables or {})),
    )
    return Ended(code, out.text, err.text)


@dataclass(frozen=True, slots=True)
class Screens:
    """A console and what it writes to."""

    out: Screen
    err: Screen
    console: Console


def make_screens(
    *, terminal: bool = False, log_format: LogFormat = "text", program: str = "regcopy"
) -> Screens:
    """Make a console over two screens."""
    out, err = Screen(terminal=terminal), Screen(terminal=terminal)
    console = Console(out, err, program=program, log_format=log_format)
    return Screens(out, err, console)
