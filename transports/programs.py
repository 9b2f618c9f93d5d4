"""Programs that do for a transport what it cannot do itself: started, limited and ended here.

A program gets no shell, no standard input, and only those variables of the environment that
say where its own things are: not the ones that may hold somebody's secrets.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Final

from regcopy.errors import LimitExceeded, Refused, Stalled, TimedOut, TransportUnavailable
from regcopy.streams.blob import BLOCK_BYTES
from regcopy.text import printable

if TYPE_CHECKING:
    from regcopy.transports.base import Context

MAX_OUTPUT_BYTES: Final = 8 * 1024 * 1024
_MAX_ERROR_BYTES: Final = 64 * 1024
_POLL_SECONDS: Final = 0.05
_END_SECONDS: Final = 5.0
_PASSED_ON: Final = frozenset({"PATH", "HOME", "USER", "LOGNAME", "LANG", "TMPDIR", "TZ"})
_PASSED_PREFIXES: Final = (
    "LC_",
    "XDG_",
    "CONTAINERS_",
    "_CONTAINERS_",
    "STORAGE_",
    "DBUS_SESSION_",
)
_USUAL_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class Program:
    """A program that is installed.

    Attributes:
        path: where it is.
        context: of the side that needs it.
    """

    path: str
    context: Context

    @classmethod
    def find(cls, name: str, context: Context, *, what: str, hint: str) -> Program:
        """Find a program in the absolute folders of PATH.

        Args:
            name: its name.
            context: of the side that needs it.
            what: what it is needed for.
            hint: how to install it, or what to do without it.

        Raises:
            TransportUnavailable: it is not there.
        """
        for folder in (context.environment.get("PATH") or _USUAL_PATH).split(os.pathsep):
            path = os.path.join(folder, name)
            if os.path.isabs(path) and os.path.isfile(path) and os.access(path, os.X_OK):
                return cls(path, context)
        raise TransportUnavailable(f"{what} needs the program {name}, which is missing", hint=hint)

    def run(self, arguments: Sequence[str], *, seconds: float, folder: str | None = None) -> bytes:
        """Run it to its end, and give what it prints.

        Args:
            arguments: of its command line.
            seconds: after which it is ended.
            folder: it runs in; None for ours.

        Raises:
            Refused: it ended with an error; the message is its own.
            TimedOut: it did not end in time.
            LimitExceeded: it printed too much.
            Cancelled: the run was cancelled; the program is ended.
        """
        with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
            process = self._start(arguments, output.fileno(), errors.fileno(), folder)
            try:
                self._wait(process, output, seconds)
            finally:
                end(process)
            output.seek(0)
            self.check(process, errors)
            return output.read(MAX_OUTPUT_BYTES)

    def _wait(self, process: subprocess.Popen[bytes], output: IO[bytes], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while process.poll() is None:
            with suppress(subprocess.TimeoutExpired):
                process.wait(_POLL_SECONDS)
            self.context.check_cancelled()
            if os.fstat(output.fileno()).st_size > MAX_OUTPUT_BYTES:
                raise LimitExceeded(f"{self.name} prints more than {MAX_OUTPUT_BYTES} bytes")
            if time.monotonic() > deadline:
                raise TimedOut(f"{self.name} did not end within {seconds:g} s")

    def open(self, arguments: Sequence[str]) -> ProgramOutput:
        """Start it, and read what it prints while it runs."""
        errors = tempfile.TemporaryFile()  # noqa: SIM115 — closed with what is returned
        try:
            process = self._start(arguments, subprocess.PIPE, errors.fileno(), None)
        except BaseException:
            errors.close()
            raise
        return ProgramOutput(self, process, errors)

    def _start(
        self, arguments: Sequence[str], output: int, errors: int, folder: str | None
    ) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(  # noqa: S603 — no shell, and the program was looked up
                [self.path, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                env=_passed_on(self.context.environment.variables),
                cwd=folder,
                # A group of its own, so that its children can be ended with it.
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            why = (error.strerror if isinstance(error, OSError) else "") or "no possible arguments"
            raise TransportUnavailable(f"{self.path} could not be started: {why}") from None

    @property
    def name(self) -> str:
        """Its name."""
        return os.path.basename(self.path)

    def check(self, process: subprocess.Popen[bytes], errors: IO[bytes]) -> None:
        """Raise Refused where it ended with an error."""
        if process.returncode == 0:
            return
        errors.seek(0)
        text = errors.read(_MAX_ERROR_BYTES).decode("utf-8", "replace")
        said = " ".join(text.split()).removeprefix("Error: ").removeprefix("error: ")
        raise Refused(f"{self.name}: {printable(said, limit=600) or 'failed without a word'}")


class ProgramOutput:
    """What a program prints, as it comes; a `Readable`."""

    def __init__(
        self, program: Program, process: subprocess.Popen[bytes], errors: IO[bytes]
    ) -> None:
        self._program = program
        self._process = process
        self._errors = errors
        self._ended = False

    def read(self, size: int = -1, /) -> bytes:
        """Give the next bytes, b"" once it has ended well.

        Raises:
            Refused: it ended with an error.
            Stalled: it prints nothing, and does not end.
        """
        pipe = self._process.stdout
        if pipe is None or self._ended or size == 0:
            return b""
        self._wait(pipe.fileno())
        block = os.read(pipe.fileno(), BLOCK_BYTES if size < 0 else size)
        if not block:
            self._ended = True
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_END_SECONDS)
            end(self._process)
            self._program.check(self._process, self._errors)
        return block

    def _wait(self, fd: int) -> None:
        context = self._program.context
        seconds = context.clocks.stall_seconds
        deadline = time.monotonic() + seconds
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        while not poll.poll(_POLL_SECONDS * 1000):
            context.check_cancelled()
            if time.monotonic() > deadline:
                raise Stalled(f"{self._program.name} gave nothing for {seconds:g} s")

    def close(self) -> None:
        """End the program; may be called twice."""
        self._ended = True
        end(self._process)
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._errors.close()


def end(process: subprocess.Popen[bytes]) -> None:
    """End a program and its children, if it still runs."""
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _passed_on(variables: Mapping[str, str]) -> dict[str, str]:
    kept = {
        name: value
        for name, value in variables.items()
        if name in _PASSED_ON or name.startswith(_PASSED_PREFIXES)
    }
    # Messages in English, which some callers tell apart, and text as it is.
    return {"PATH": _USUAL_PATH, **kept, "LC_ALL": "C.UTF-8"}
