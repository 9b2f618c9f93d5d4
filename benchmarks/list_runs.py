"""Running the cases with lists: all images by one process, or by one process a line."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.cases import ListCase
from benchmarks.list_images import Listed, all_arrived
from benchmarks.processes import RunFailed, delayed, run_measured
from benchmarks.runs import CopyRun, CopyRuns, count, new_home, take_turns
from benchmarks.tools import CopyJob, Tool
from tests.registry_tools import RegistryTools
from tests.servers import Registry, RegistrySetup


def run_list_case(case: ListCase, tools: Sequence[Tool], *, runs: int) -> CopyRuns:
    """Run one case; every image keeps its name, and goes to another registry."""
    most = runs if case.most_runs is None else min(runs, case.most_runs)
    with tempfile.TemporaryDirectory(prefix="benchmark-list-") as folder:
        setup = RegistrySetup(folder=Path(folder))
        with Registry(setup) as source:
            listed = case.push(RegistryTools(source.url))
            # What serves the same folder has all of it already.
            there = setup if case.is_there else RegistrySetup()
            return take_turns(
                tools, lambda tool: _run_once(case, tool, source, listed, there), runs=most
            )


def _run_once(
    case: ListCase,
    tool: Tool,
    source: Registry,
    listed: Sequence[Listed],
    there: RegistrySetup,
) -> CopyRun:
    with contextlib.ExitStack() as stack:
        home = stack.enter_context(new_home())
        destination = stack.enter_context(Registry(there))
        hosts = [source.host, destination.host]
        if case.round_trip:
            hosts = stack.enter_context(delayed(hosts, one_way=case.round_trip / 2))
        command = tool.list_command(_jobs(listed, *hosts), home)
        run = count(
            lambda: run_measured(command, home=home, environment=tool.environment),
            source,
            destination,
        )
        if not all_arrived(listed, RegistryTools(destination.url)):
            raise RunFailed("it said that it copied, and not all images are there")
    return run


def _jobs(listed: Sequence[Listed], source: str, destination: str) -> list[CopyJob]:
    return [
        CopyJob(
            f"{source}/{image.repository}:{image.tag}",
            f"{destination}/{image.repository}:{image.tag}",
            image.pushed.platforms,
        )
        for image in listed
    ]
