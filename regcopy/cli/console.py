"""Standard output and the log on standard error, in the forms that skopeo and people expect."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from io import UnsupportedOperation
from types import MappingProxyType
from typing import Final, Literal, TextIO

from regcopy.cli.gotext import quote
from regcopy.errors import StorageFailed
from regcopy.text import printable

Level = Literal["debug", "info", "warning", "error", "fatal"]
LogFormat = Literal["text", "json"]

_PLAIN: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._/@^+")
_SPOKEN: Final[Mapping[Level, str]] = {"fatal": "error", "info": "note"}


class Console:
    """Both outputs of one run. Every write is flushed, and a failed one is an error.

    Safe for use by several threads: each line goes out whole.

    Args:
        stdout: results.
        stderr: the log; where it is a terminal, lines are written for people.
        program: name that starts a line for people.
        log_format: "json" gives one object a line, on terminals too.
    """

    def __init__(
        self, stdout: TextIO, stderr: TextIO, *, program: str, log_format: LogFormat = "text"
    ) -> None:
        self._stdout = stdout
        self._stderr = stderr
        self._program = program
        self._json = log_format == "json"
        self._lock = threading.Lock()

    @property
    def stdout_is_terminal(self) -> bool:
        """Whether somebody sees standard output as it comes."""
        return self._stdout.isatty()

    @property
    def stderr_is_terminal(self) -> bool:
        """Whether somebody sees standard error as it comes."""
        return self._stderr.isatty()

    @property
    def stdout(self) -> TextIO:
        """The stream itself, for whoever draws on the terminal."""
        return self._stdout

    @property
    def stderr(self) -> TextIO:
        """The stream itself, for whoever draws on the terminal."""
        return self._stderr

    @property
    def log_format(self) -> LogFormat:
        """Form of the log."""
        return "json" if self._json else "text"

    def out(self, text: str) -> None:
        """Write text to standard output as it is, without a new line."""
        self.out_bytes(text.encode("utf-8", "backslashreplace"))

    def out_bytes(self, content: bytes) -> None:
        """Write bytes to standard output.

        Raises:
            BrokenPipeError: nobody reads any more.
            StorageFailed: any other failure, such as a full disk.
        """
        try:
            with self._lock:
                _write(self._stdout, content)
        except BrokenPipeError:
            raise
        except (OSError, ValueError) as error:
            raise StorageFailed(f"writing to standard output: {_reason(error)}") from error

    def err(self, text: str) -> None:
        """Write one line to standard error as it is. There is nowhere to report a failure."""
        try:
            with self._lock:
                _write(self._stderr, f"{text}\n".encode("utf-8", "backslashreplace"))
        except (OSError, ValueError):
            return

    def log(
        self,
        level: Level,
        message: str,
        *,
        hint: str = "",
        fields: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Write one message, in the form that the receiver of standard error expects.

        Args:
            level: how much it matters.
            message: one sentence.
            hint: what to try next.
            fields: more values with their names, as skopeo adds some.
        """
        named = {name: fields[name] for name in sorted(fields)}
        if self._json:
            self.err(_json_line(level, message, hint, named))
        elif self.stderr_is_terminal:
            self.err(self._for_people(level, message, hint, named))
        else:
            # The message stays what skopeo's is, for scripts; the hint is a field of its own.
            named |= {"hint": hint} if hint else {}
            told = "".join(f" {name}={_value(value)}" for name, value in named.items())
            self.err(f"time={quote(_now())} level={level} msg={_value(message)}{told}")

    def _for_people(self, level: Level, message: str, hint: str, fields: Mapping[str, str]) -> str:
        text = "\n".join(printable(line, limit=8000) for line in message.split("\n"))
        text += "".join(f" {name}={printable(value)}" for name, value in fields.items())
        line = f"{self._program}: {_SPOKEN.get(level, level)}: {text}"
        return f"{line}\nhint: {printable(hint)}" if hint else line


def _write(stream: TextIO, content: bytes) -> None:
    stream.flush()
    stream.buffer.write(content)
    stream.buffer.flush()


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, UnsupportedOperation):
        return "it is closed"
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _json_line(level: Level, message: str, hint: str, fields: Mapping[str, str]) -> str:
    import json  # text is the rule, and start-up is short without it

    entry = {"time": _now(), "level": level, "msg": message, **fields}
    return json.dumps(entry | {"hint": hint} if hint else entry)


def _value(text: str) -> str:
    # logrus quotes only where a character needs it; scripts match its lines.
    return text if text and _PLAIN.issuperset(text) else quote(text)


def _now() -> str:
    from datetime import UTC, datetime  # most runs log nothing

    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
