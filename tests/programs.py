"""Programs that tests compare with: skip where one is not installed, fail where it must be."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest


def require_program(name: str) -> str:
    """Give the path of a program; skip the test, or fail it where servers are required."""
    path = shutil.which(name)
    if path is not None:
        return path
    if os.environ.get("REGCOPY_REQUIRE_SERVERS") == "1":
        pytest.fail(f"{name} is not installed, and REGCOPY_REQUIRE_SERVERS=1", pytrace=False)
    pytest.skip(f"{name} is not installed")


def run_program(name: str, *arguments: str) -> bytes:
    """Run a program to its end and give its stdout; fail with its stderr if it fails."""
    command = [require_program(name), *arguments]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    if done.returncode != 0:
        shown = done.stderr.decode(errors="replace").strip()
        pytest.fail(f"{' '.join(command)} ended with {done.returncode}: {shown}", pytrace=False)
    return done.stdout


def skopeo(*arguments: str) -> bytes:
    """Run skopeo without a trust policy."""
    return run_program("skopeo", "--insecure-policy", *arguments)
