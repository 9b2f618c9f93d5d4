"""Secrets of the command line are gone from the process list once they were read."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import Final

import pytest

from regcopy.cli import process_list
from regcopy.cli.main import main
from regcopy.cli.process_list import hide_secrets
from regcopy.testing.samples import single_image
from tests.command_line import Screen
from tests.fake_registry import Exchange, FakeRegistry

CANARY: Final = "correct:horse"
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /proc/self/mem")


class Watched:
    """A run of the program whose arguments a registry looks at when it is asked."""

    def __init__(self, fake: FakeRegistry) -> None:
        self.host = fake.host
        self.code = -1
        self.err = ""
        self._seen: list[bytes] = []
        self._started = threading.Event()
        self._process: subprocess.Popen[str] | None = None
        fake.hold(single_image(), "app", "1")
        fake.on("GET", "/", self._look, forever=True)

    def _look(self, exchange: Exchange) -> bool:
        self._started.wait(20)
        if self._process is not None:
            self._seen.append(Path(f"/proc/{self._process.pid}/cmdline").read_bytes())
        return False

    def run(self, *arguments: str) -> list[str]:
        """Run it; give the arguments that were seen, from the program's name on."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "regcopy", *arguments],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._started.set()
        self.err = self._process.communicate(timeout=60)[1]
        self.code = self._process.returncode
        assert self._seen
        seen = self._seen[-1].decode().split("\0")
        return seen[seen.index("regcopy") + 1 : -1]


@pytest.mark.parametrize(
    ("flags", "shown"),
    [
        (f"--creds=robot:{CANARY}", f"--creds={'x' * (6 + len(CANARY))}"),
        (f"--creds robot:{CANARY}", f"--creds {'x' * (6 + len(CANARY))}"),
        (f"--username=a --password={CANARY}", f"--username=a --password={'x' * len(CANARY)}"),
        (f"--registry-token {CANARY}", f"--registry-token {'x' * len(CANARY)}"),
        (
            f"--creds=a:{CANARY} --creds=b:{CANARY}",
            f"--creds={'x' * (2 + len(CANARY))} --creds={'x' * (2 + len(CANARY))}",
        ),
        ("--no-creds", "--no-creds"),
    ],
)
def test_the_process_list_shows_no_secret(fake: FakeRegistry, flags: str, shown: str) -> None:
    watched = Watched(fake)
    line = ("--tls-verify=false", f"docker://{fake.host}/app")
    seen = watched.run("list-tags", *flags.split(), *line)
    assert seen == ["list-tags", *shown.split(), *line]
    assert (watched.code, watched.err) == (0, "")


@pytest.mark.parametrize("flag", ["-p", "-vp", "--password"])
def test_login_hides_the_password(fake: FakeRegistry, tmp_path: Path, flag: str) -> None:
    file = f"--authfile={tmp_path}/auth.json"
    seen = Watched(fake).run(
        *("login", "--tls-verify=false", file, "-u", "robot", flag, CANARY, fake.host)
    )
    assert CANARY not in " ".join(seen)
    assert seen[-1] == fake.host


def test_both_sides_of_a_copy_are_hidden(fake: FakeRegistry, tmp_path: Path) -> None:
    flags = (f"--src-creds=a:{CANARY}", f"--dest-creds=b:{CANARY}", f"--dcreds=c:{CANARY}")
    line = (*flags, "--src-tls-verify=false", f"docker://{fake.host}/app:1", f"dir:{tmp_path}/to")
    assert CANARY not in " ".join(Watched(fake).run("--insecure-policy", "copy", *line))


def test_a_secret_that_stands_elsewhere_too_is_left_there() -> None:
    found = process_list._found(b"copy\0--creds\0app\0docker://app\0app\0-papp", [b"app"])
    assert list(found) == [(13, 3), (36, 3)]


def test_where_it_cannot_be_done_the_run_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> tuple[int, int]:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(process_list, "_arguments_in_memory", refuse)
    assert hide_secrets(["a"]) == "[Errno 13] Permission denied"
    monkeypatch.setattr(process_list, "_arguments_in_memory", lambda: (0, 0))
    assert hide_secrets(["a"]) == "the system does not tell where the arguments are"


def test_why_it_was_not_done_is_a_debug_line() -> None:
    out, err = Screen(), Screen()
    argv = ("regcopy", "--debug", "list-tags", "--creds=a:b")
    main(argv, stdout=out, stderr=err, hide=lambda secrets: f"no {len(secrets)}")
    assert "secrets of the command line stay visible in the process list: no 1" in err.text


def test_without_secrets_nothing_is_done() -> None:
    def fail(_: object) -> str:
        raise AssertionError("there is nothing to hide")

    argv = ("regcopy", "list-tags", "--no-creds")
    assert main(argv, stdout=Screen(), stderr=Screen(), hide=fail) == 1
    assert hide_secrets([""]) == ""
