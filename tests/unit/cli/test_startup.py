"""What the program may load before it knows what to do, and how it ends with odd outputs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

HEAVY: Final = frozenset(
    {
        "argparse",
        "asyncio",
        "concurrent.futures",
        "cryptography",
        "http.client",
        "importlib.metadata",
        "json",
        "logging",
        "publicsuffixlist",
        "regcopy.api",
        "requests",
        "rich",
        "ssl",
        "tempfile",
        "tenacity",
        "urllib3",
    }
)
_REPORT: Final = """
import sys
sys.argv = ["regcopy", *sys.argv[1:]]
from regcopy.cli.main import run
try:
    run()
except SystemExit:
    print("\\n".join(sorted(sys.modules)), file=sys.stderr)
"""


def run_program(*arguments: str, stdout: int = subprocess.PIPE) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "regcopy", *arguments],
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def loaded_by(*arguments: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", _REPORT, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return set(done.stderr.split())


@pytest.mark.parametrize(
    "arguments",
    [
        ("--version",),
        ("--help",),
        ("copy", "--help"),
        ("copy", "--all=no"),
        ("copy", "one"),
        ("bogus",),
        ("manifest-digest", sys.executable),
    ],
)
def test_quick_answers_load_nothing_heavy(arguments: tuple[str, ...]) -> None:
    loaded = loaded_by(*arguments)
    assert "regcopy.cli.main" in loaded
    assert loaded & HEAVY == set()


def test_a_mistyped_name_loads_no_http_library() -> None:
    loaded = loaded_by("copy", "x", "docker://y")
    assert loaded & {"requests", "urllib3", "tenacity", "rich"} == set()


def test_the_module_can_be_run() -> None:
    code, out, err = run_program("--version")
    assert (code, err) == (0, "")
    assert out.startswith("regcopy version ")


def test_a_full_disk_is_one_line_and_exit_code_one() -> None:
    with open("/dev/full", "wb") as full:
        code, _, err = run_program("--version", stdout=full.fileno())
    assert code == 1
    assert "writing to standard output: No space left on device" in err
    assert err.count("\n") == 1


def test_a_reader_that_went_away_is_no_message() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    code, _, err = run_program("--help", stdout=writer)
    os.close(writer)
    assert (code, err) == (141, "")


@pytest.mark.parametrize(
    ("closing", "code"), [(">&-", 1), ("2>&-", 0), (">&- 2>&-", 1)], ids=["out", "err", "both"]
)
def test_closed_outputs_are_told_by_the_exit_code(closing: str, code: int) -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", f"{sys.executable} -m regcopy --version {closing}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == code
    assert "Traceback" not in done.stderr


def test_the_console_script_of_the_project_is_this_program() -> None:
    text = (Path(__file__).parents[3] / "pyproject.toml").read_text(encoding="utf-8")
    assert 'regcopy = "regcopy.cli.main:run"' in text
