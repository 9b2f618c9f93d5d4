"""Speak with a credential helper: a program `docker-credential-NAME` that keeps secrets.

The protocol is that of docker-credential-helpers: one word as argument, `get`, `store` or
`erase`; the server's name on standard input, or for `store` JSON with `ServerURL`, `Username`
and `Secret`; and from `get` such JSON on standard output. What a helper prints is never shown.
"""

from __future__ import annotations

import json
import os
import re
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

from regcopy.auth.auth_file import TOKEN_USER
from regcopy.auth.credential import Credential
from regcopy.config.environment import Environment
from regcopy.errors import Cancelled, ConfigurationError
from regcopy.text import printable

TIMEOUT_SECONDS: Final = 30.0
MAX_OUTPUT_BYTES: Final = 64 * 1024
_POLL_SECONDS: Final = 0.25

# The name comes from a file and becomes the name of a program (CVE-2025-15558 is what
# happens without a check).
_NAME: Final = re.compile(r"[A-Za-z0-9._-]+")

# docker-credential-helpers, credentials/error.go: every helper says it in these words, on
# standard output, and exits with 1. It is the one failure that means "no credential".
_NOT_FOUND: Final = b"credentials not found in native keychain"


def ask_helper(
    name: str,
    server: str,
    environment: Environment,
    *,
    origin: str = "",
    timeout_seconds: float = TIMEOUT_SECONDS,
    cancelled: threading.Event | None = None,
) -> Credential | None:
    """Run `docker-credential-NAME get` and give its answer; None where it has no credential.

    Args:
        name: what follows `docker-credential-`.
        server: the registry, as the helper knows it.
        environment: gives `PATH`, and is handed to the helper as it is.
        origin: where the credential will say that it comes from.
        timeout_seconds: the helper is killed after this time.
        cancelled: the helper is killed once this is set.

    Raises:
        ConfigurationError: the name is not allowed, the program is missing or fails, or its
            answer is too long, too late or not understood.
        Cancelled: the run was cancelled.
    """
    program = find_helper(name, environment)
    status, output = _run(program, "get", server, environment, timeout_seconds, cancelled=cancelled)
    if status != 0 and output.strip() == _NOT_FOUND:
        return None
    _check(program, server, status)
    return _parse(program.name, output, origin)


def store_in_helper(
    name: str,
    server: str,
    credential: Credential,
    environment: Environment,
    *,
    timeout_seconds: float = TIMEOUT_SECONDS,
) -> None:
    """Run `docker-credential-NAME store`, which keeps a user name and password.

    Args:
        name: what follows `docker-credential-`.
        server: the registry, as it will be asked for.
        credential: a user name and password.
        environment: as for `ask_helper`.
        timeout_seconds: as for `ask_helper`.

    Raises:
        ConfigurationError: as `ask_helper`.
    """
    told = {
        "ServerURL": server,
        "Username": credential.username,
        "Secret": credential.password,
    }
    program = find_helper(name, environment)
    status, _ = _run(program, "store", json.dumps(told), environment, timeout_seconds)
    _check(program, server, status)


def erase_in_helper(
    name: str,
    server: str,
    environment: Environment,
    *,
    timeout_seconds: float = TIMEOUT_SECONDS,
) -> bool:
    """Run `docker-credential-NAME erase`; False where it had no such credential.

    Arguments and errors are those of `ask_helper`.
    """
    program = find_helper(name, environment)
    status, output = _run(program, "erase", server, environment, timeout_seconds)
    if status != 0 and output.strip() == _NOT_FOUND:
        return False
    _check(program, server, status)
    return True


def _check(program: Path, server: str, status: int) -> None:
    if status != 0:
        how = f"exit code {status}" if status > 0 else f"signal {-status}"
        raise _failed(program.name, f"failed for {printable(server)} with {how}")


def find_helper(name: str, environment: Environment) -> Path:
    """Find a helper's program in the absolute folders of `PATH`.

    Raises:
        ConfigurationError: the name is not allowed, or there is no such program.
    """
    if not _NAME.fullmatch(name):
        shown = printable(name, limit=100)
        raise ConfigurationError(
            f'"{shown}" is no name for a credential helper: '
            "only letters, digits, dot, dash and underscore are allowed"
        )
    program = f"docker-credential-{name}"
    for folder in environment.get("PATH").split(os.pathsep):
        # Empty and relative entries mean the current folder, which others may write to.
        candidate = Path(folder, program)
        # Not Path.is_file, which raises where a folder on PATH may not be entered.
        if candidate.is_absolute() and os.path.isfile(candidate) and os.access(candidate, os.X_OK):
            return candidate
    raise _failed(program, "was not found on PATH")


def _run(
    program: Path,
    verb: str,
    told: str,
    environment: Environment,
    timeout_seconds: float,
    *,
    cancelled: threading.Event | None = None,
) -> tuple[int, bytes]:
    """Give exit status and output; after an error the helper and its children are dead."""
    import subprocess  # most runs ask no helper

    deadline = time.monotonic() + timeout_seconds
    try:
        process = subprocess.Popen(  # noqa: S603 — no shell, and the program was looked up above
            [str(program), verb],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # Nobody may see it, so nobody reads it.
            stderr=subprocess.DEVNULL,
            env=dict(environment.variables),
            # A group of its own, so that a helper's children can be ended with it.
            start_new_session=True,
        )
    except (OSError, ValueError):
        raise _failed(program.name, "could not be started") from None
    with process:
        try:
            _send(process.stdin, told)
            output = _read(program.name, process.stdout, deadline, cancelled)
            status = process.wait(max(0.0, deadline - time.monotonic()))
        except BaseException as error:
            # Nobody has waited for the helper yet, so its number still is its group's.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            if isinstance(error, TimeoutError | subprocess.TimeoutExpired):
                late = f"gave no answer in {timeout_seconds:g} seconds"
                raise _failed(program.name, late) from None
            raise
    return status, output


def _send(pipe: IO[bytes] | None, told: str) -> None:
    if pipe is not None:
        # A helper that does not read its input may still answer.
        with suppress(BrokenPipeError), pipe:
            pipe.write(told.encode())


def _read(
    name: str, pipe: IO[bytes] | None, deadline: float, cancelled: threading.Event | None
) -> bytes:
    output = bytearray()
    if pipe is None:
        return b""
    import selectors

    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while True:
            if cancelled is not None and cancelled.is_set():
                raise Cancelled("cancelled")
            left = max(0.0, deadline - time.monotonic())
            if not selector.select(min(left, _POLL_SECONDS)):
                if left <= _POLL_SECONDS:
                    raise TimeoutError
                continue
            part = os.read(pipe.fileno(), MAX_OUTPUT_BYTES)
            if not part:
                return bytes(output)
            output += part
            if len(output) > MAX_OUTPUT_BYTES:
                raise _failed(name, f"printed more than {MAX_OUTPUT_BYTES} bytes")


def _parse(name: str, output: bytes, origin: str) -> Credential | None:
    try:
        answer: object = json.loads(output)
    except (ValueError, RecursionError):
        # Not chained: the cause holds the output.
        raise _failed(name, "gave an answer that is not valid JSON") from None
    if not isinstance(answer, dict):
        raise _failed(name, "gave an answer that is not a JSON object")
    username, secret = answer.get("Username", ""), answer.get("Secret")
    if not isinstance(username, str) or not isinstance(secret, str):
        raise _failed(name, "gave an answer without a secret")
    if username == TOKEN_USER and secret:
        return Credential(username, identity_token=secret, origin=origin)
    if secret:
        return Credential(username, secret, origin=origin)
    if username:
        raise _failed(name, "gave an answer without a secret")
    return None


def _failed(program: str, what: str) -> ConfigurationError:
    # Never anonymous access instead: that is how a broken helper came to send a password to
    # another registry (CVE-2021-41092), and why nobody understands the 401 that follows.
    return ConfigurationError(
        f"credential helper {program} {what}",
        hint="repair the helper, name another auth file, or use no credentials at all",
    )
