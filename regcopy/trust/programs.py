"""Run another program with limits: on its time, and on each of its outputs."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import IO, Final

from regcopy.errors import LimitExceeded, RegcopyError, TimedOut, TransportUnavailable

_BLOCK: Final = 64 * 1024
STATUS: Final = "{status}"
SECRET: Final = "{secret}"  # noqa: S105 — it stands for where the secret can be read
"""Arguments that stand for the number of a descriptor: one to write to, one to read from."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a program may run, in seconds, and how much it may write, in bytes."""

    seconds: float = 30.0
    output_bytes: int = 1024 * 1024
    notes_bytes: int = 256 * 1024


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended.

    Attributes:
        code: exit status; negative where a signal ended it.
        output: its standard output.
        status: what it wrote to `STATUS`.
        errors: its standard error.
    """

    code: int
    output: bytes
    status: bytes
    errors: bytes


def find_program(name: str, path: str, *, package: str) -> str:
    """Find a program in the absolute folders of PATH.

    Args:
        name: its name.
        path: value of PATH.
        package: what to install where it is missing.

    Raises:
        TransportUnavailable: it is not there.
    """
    for folder in path.split(os.pathsep):
        # Empty and relative entries mean the current folder, which others may write to.
        candidate = os.path.join(folder, name)
        if os.path.isabs(candidate) and os.path.isfile(candidate) and os.access(candidate, os.X_OK):
            return candidate
    raise TransportUnavailable(
        f"the program {name} is needed for this, and is not on PATH",
        hint=f"install {package}",
    )


def run(
    command: Sequence[str],
    variables: Mapping[str, str],
    *,
    stdin: bytes = b"",
    secret: bytes | None = None,
    limits: Limits,
) -> Ended:
    """Run a program to its end; after an error it and its children are dead.

    Args:
        command: its path and arguments; `STATUS` and `SECRET` in them are replaced.
        variables: its whole environment.
        stdin: what it can read from standard input.
        secret: what it can read from `SECRET`; short enough for a pipe.
        limits: on time and output.

    Raises:
        TimedOut: it did not end in time.
        LimitExceeded: it wrote too much.
        TransportUnavailable: it could not be started.
    """
    with ExitStack() as stack:
        status_read, status_write = _pipe(stack)
        secret_read, secret_write = _pipe(stack)
        numbers = {STATUS: str(status_write.fileno()), SECRET: str(secret_read.fileno())}
        process = _start(
            [numbers.get(argument, argument) for argument in command],
            variables,
            (status_write.fileno(), secret_read.fileno()),
        )
        with process:
            status_write.close()
            secret_read.close()
            try:
                if secret is not None:
                    with suppress(BrokenPipeError):
                        secret_write.write(secret)
                secret_write.close()
                return _Talk(process, status_read, limits).run(stdin)
            except BaseException:
                # Nobody has waited for it yet, so its number still is its group's.
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                raise


def _pipe(stack: ExitStack) -> tuple[IO[bytes], IO[bytes]]:
    read, write = os.pipe()
    return (
        stack.enter_context(open(read, "rb", buffering=0)),
        stack.enter_context(open(write, "wb", buffering=0)),
    )


def _start(
    command: Sequence[str], variables: Mapping[str, str], descriptors: tuple[int, ...]
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(  # noqa: S603 — no shell, and the program was looked up
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(variables),
            pass_fds=descriptors,
            # A group of its own, so that its children can be ended with it.
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        why = (error.strerror if isinstance(error, OSError) else "") or "no possible path"
        raise TransportUnavailable(f"{command[0]} could not be started: {why}") from None


class _Talk:
    """Writes to a program and reads from it, as it is ready."""

    def __init__(self, process: subprocess.Popen[bytes], status: IO[bytes], limits: Limits) -> None:
        self._process = process
        self._deadline = time.monotonic() + limits.seconds
        self._limits = limits
        self._selector = selectors.DefaultSelector()
        self._read: dict[int, bytearray] = {}
        self._most: dict[int, int] = {}
        self._order: list[int] = []
        for pipe, most in (
            (process.stdout, limits.output_bytes),
            (status, limits.notes_bytes),
            (process.stderr, limits.notes_bytes),
        ):
            if pipe is not None:
                self._watch(pipe.fileno(), most)

    def _watch(self, fd: int, most: int) -> None:
        self._selector.register(fd, selectors.EVENT_READ)
        self._read[fd] = bytearray()
        self._most[fd] = most
        self._order.append(fd)

    def run(self, stdin: bytes) -> Ended:
        with self._selector:
            self._exchange(memoryview(stdin))
        try:
            code = self._process.wait(max(0.0, self._deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise self._late() from None
        output, status, errors = (bytes(self._read[fd]) for fd in self._order)
        return Ended(code, output, status, errors)

    def _exchange(self, rest: memoryview) -> None:
        pipe = self._process.stdin
        if pipe is not None:
            os.set_blocking(pipe.fileno(), False)
            self._selector.register(pipe, selectors.EVENT_WRITE)
        while self._selector.get_map():
            events = self._selector.select(max(0.0, self._deadline - time.monotonic()))
            if not events:
                raise self._late()
            for key, _ in events:
                if pipe is not None and key.fileobj is pipe:
                    rest = self._send(pipe, rest)
                else:
                    self._receive(key.fd)

    def _send(self, pipe: IO[bytes], rest: memoryview) -> memoryview:
        try:
            rest = rest[os.write(pipe.fileno(), rest[:_BLOCK]) :]
        except BrokenPipeError:
            rest = rest[:0]  # it has read all that it wants
        except BlockingIOError:
            return rest
        if not rest:
            self._selector.unregister(pipe)
            with suppress(BrokenPipeError):
                pipe.close()
        return rest

    def _receive(self, fd: int) -> None:
        part = os.read(fd, _BLOCK)
        if not part:
            self._selector.unregister(fd)
            return
        self._read[fd] += part
        if len(self._read[fd]) > self._most[fd]:
            raise LimitExceeded(f"{self._name} wrote more than {self._most[fd]} bytes")

    @property
    def _name(self) -> str:
        arguments = self._process.args
        return os.path.basename(str(arguments[0])) if isinstance(arguments, list) else "a program"

    def _late(self) -> RegcopyError:
        return TimedOut(f"{self._name} did not end in {self._limits.seconds:g} seconds")
