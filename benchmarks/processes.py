"""Processes under measurement, each with a home of its own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

CHECKOUT: Final = Path(__file__).resolve().parent.parent
_MEASURE: Final = Path(__file__).with_name("measure.py")


class RunFailed(Exception):
    """A program under measurement ended with an error; the message says which."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What one process took.

    Attributes:
        wall: seconds from start to end.
        cpu: seconds of user and system time.
        peak_memory: largest resident set, in bytes.
    """

    wall: float
    cpu: float
    peak_memory: int


def run_measured(
    command: Sequence[str],
    *,
    home: Path,
    environment: Mapping[str, str] | None = None,
    timeout: float = 600,
) -> Taken:
    """Run a program to its end.

    Args:
        command: the program by its absolute path, and its arguments.
        home: folder for all that it keeps; must exist.
        environment: variables beside those of `clean_environment`.
        timeout: seconds after which the program is killed.

    Raises:
        RunFailed: it ended with a status other than 0, or not in time.
    """
    output = home / "output.txt"
    with subprocess.Popen(
        [sys.executable, "-I", "-S", str(_MEASURE), str(output), *command],
        env={**clean_environment(home), **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        cwd=home,
        start_new_session=True,
    ) as process:
        try:
            printed, _ = process.communicate(timeout=timeout)
        except BaseException as error:
            # Its own process group: the program under measurement ends with its parent.
            os.killpg(process.pid, signal.SIGKILL)
            if isinstance(error, subprocess.TimeoutExpired):
                raise RunFailed(f"not done after {timeout:g} s") from None
            raise
    taken = json.loads(printed)
    if taken["exit_code"] != 0:
        raise RunFailed(f"exit {taken['exit_code']}: {_last_line(output)}")
    return Taken(taken["wall"], taken["user"] + taken["system"], taken["peak_memory"])


def clean_environment(home: Path) -> dict[str, str]:
    """Make an environment in which no credentials, caches or settings of the user are seen."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "C.UTF-8",
        "HOME": str(home),
        "TMPDIR": str(home),
        "XDG_CACHE_HOME": str(home / "cache"),
        "XDG_CONFIG_HOME": str(home / "config"),
        "XDG_DATA_HOME": str(home / "data"),
        "XDG_RUNTIME_DIR": str(home / "runtime"),
        "DOCKER_CONFIG": str(home / "docker"),
    }


@contextlib.contextmanager
def delayed(hosts: Sequence[str], *, one_way: float) -> Iterator[list[str]]:
    """Give, for each `host:port`, another one that is `one_way` seconds away."""
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.delay", "--one-way-ms", str(one_way * 1000), *hosts],
        cwd=CHECKOUT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    ) as proxy:
        try:
            ports = proxy.stdout.readline().split() if proxy.stdout else []
            if len(ports) != len(hosts):
                raise RunFailed("the delaying proxy did not start")
            yield [f"127.0.0.1:{port}" for port in ports]
        finally:
            proxy.terminate()


def _last_line(output: Path) -> str:
    lines = output.read_text(errors="replace").split("\n") if output.exists() else []
    said = [line.strip() for line in lines if line.strip()]
    return said[-1][:300] if said else "no output"
