"""Turns of the programs, and the names of the cases."""

from __future__ import annotations

from benchmarks.cases import case_names
from benchmarks.processes import RunFailed, Taken
from benchmarks.runs import CopyRun, Failed, take_turns
from benchmarks.tools import Tool

RUN = CopyRun(Taken(1.0, 1.0, 1), source_requests=1, destination_requests=1, blobs_sent=1)
A, B = (Tool(name, "1", f"/bin/{name}", lambda _: []) for name in "ab")


def test_programs_take_turns() -> None:
    order: list[str] = []

    def run(tool: Tool) -> CopyRun:
        order.append(tool.name)
        return RUN

    assert take_turns([A, B], run, runs=2) == {"a": [RUN, RUN], "b": [RUN, RUN]}
    assert order == ["a", "b", "a", "b"]


def test_a_program_that_failed_is_not_run_again() -> None:
    order: list[str] = []

    def run(tool: Tool) -> CopyRun:
        order.append(tool.name)
        if tool is A:
            raise RunFailed("exit 1")
        return RUN

    assert take_turns([A, B], run, runs=2) == {"a": Failed("exit 1"), "b": [RUN, RUN]}
    assert order == ["a", "b", "b"]


def test_no_two_cases_have_one_name() -> None:
    names = case_names()
    assert len(set(names)) == len(names)
