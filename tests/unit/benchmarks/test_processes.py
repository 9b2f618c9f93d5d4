"""Measuring a process: what it took, and how a failure is told."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks.processes import RunFailed, run_measured

MIB = 1024 * 1024


def test_the_peak_is_the_program_s_own_and_not_that_of_the_test_run(tmp_path: Path) -> None:
    ballast = bytearray(b"x") * (200 * MIB)
    taken = run_measured([sys.executable, "-I", "-S", "-c", "pass"], home=tmp_path)
    assert len(ballast) == 200 * MIB
    assert 1 * MIB < taken.peak_memory < 60 * MIB


def test_memory_and_time_of_the_program_are_counted(tmp_path: Path) -> None:
    program = f"kept = bytearray(b'x') * {100 * MIB}"
    taken = run_measured([sys.executable, "-I", "-S", "-c", program], home=tmp_path)
    assert taken.peak_memory > 100 * MIB
    assert taken.wall > 0
    assert taken.cpu > 0


def test_a_program_that_fails_is_quoted(tmp_path: Path) -> None:
    program = "import sys; print('some', file=sys.stderr); sys.exit('no such image')"
    with pytest.raises(RunFailed, match="exit 1: no such image"):
        run_measured([sys.executable, "-I", "-S", "-c", program], home=tmp_path)


def test_a_program_that_does_not_end_is_killed(tmp_path: Path) -> None:
    program = "import time; time.sleep(600)"
    with pytest.raises(RunFailed, match=r"not done after 0\.2 s"):
        run_measured([sys.executable, "-I", "-S", "-c", program], home=tmp_path, timeout=0.2)


def test_the_program_sees_none_of_the_user_s_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGISTRY_AUTH_FILE", "/of/the/user.json")
    program = "import os; assert 'REGISTRY_AUTH_FILE' not in os.environ"
    run_measured([sys.executable, "-I", "-S", "-c", program], home=tmp_path)
