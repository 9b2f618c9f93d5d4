"""Exit codes of lists, and their flags."""

from __future__ import annotations

import pytest

from regcopy.batch import Failure, Line, LineReport, ListReport
from regcopy.batch.report import Reason
from regcopy.cli.batch_exits import list_exit_code
from regcopy.cli.command import find_command
from regcopy.cli.groups import GLOBAL
from tests.unit.cli.test_startup import HEAVY, loaded_by

LINE = Line(1, "oci:a", "dir:b")


def failed(*reasons: Reason) -> tuple[LineReport, ...]:
    return tuple(
        LineReport(n, "a", "b", "failed", failure=Failure(reason, "X", "x"))
        for n, reason in enumerate(reasons)
    )


@pytest.mark.parametrize(
    ("report", "code"),
    [
        (ListReport(lines=0), 0),
        (ListReport(lines=2, done=2), 0),
        (ListReport(lines=2, would_copy=2), 0),
        (ListReport(lines=2, done=1, failed=failed("transport")), 3),
        (ListReport(lines=2, done=1, stopped=(LINE,)), 3),
        (ListReport(lines=1, failed=failed("not-found")), 4),
        (ListReport(lines=1, stopped=(LINE,)), 4),
        (ListReport(lines=2, done=1, failed=failed("credentials")), 6),
        (ListReport(lines=2, failed=failed("credentials", "credentials")), 6),
        (ListReport(lines=3, done=1, failed=failed("credentials", "content")), 3),
        (ListReport(lines=3, done=1, failed=failed("credentials", "policy")), 7),
        (ListReport(lines=1, failed=failed("policy")), 7),
    ],
)
def test_the_code_tells_how_a_list_ended(report: ListReport, code: int) -> None:
    assert list_exit_code(report) == code


@pytest.mark.parametrize("name", ["batch", "plan", "report", "tekton"])
def test_no_flag_or_letter_is_there_twice(name: str) -> None:
    command = find_command(name)
    assert command
    flags = (*command.flags, *GLOBAL.flags)
    names = [flag.name for flag in flags]
    letters = [flag.short for flag in flags if flag.short]
    assert len(set(names)) == len(names)
    assert len(set(letters)) == len(letters)


@pytest.mark.parametrize("name", ["batch", "plan", "report", "tekton"])
def test_every_flag_says_what_it_does(name: str) -> None:
    command = find_command(name)
    assert command
    assert [f.name for f in command.flags if not (f.help or f.hidden or f.later)] == []


@pytest.mark.parametrize("name", ["batch", "plan", "report", "tekton"])
def test_help_loads_nothing_heavy(name: str) -> None:
    assert loaded_by(name, "--help") & HEAVY == set()
