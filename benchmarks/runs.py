"""Running copies: every program in turn, each copy from and to freshly started registries."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.cases import Case
from benchmarks.images import Pushed, arrived
from benchmarks.processes import RunFailed, Taken, delayed, run_measured
from benchmarks.tools import CopyJob, Tool
from tests.registry_tools import RegistryTools
from tests.servers import LoggedRequest, Registry

_SOURCE: Final = "bench/source"
_DESTINATION: Final = "bench/destination"
_TAG: Final = "1"


@dataclass(frozen=True, slots=True)
class CopyRun:
    """One measured copy.

    Attributes:
        source_requests, destination_requests: as the registries logged them; where both are
            one registry, all requests count for the destination.
        blobs_sent: uploads that were finished with bytes in them.
        result_bytes: what the copy takes; 0 where it has the bytes of the source.
    """

    taken: Taken
    source_requests: int
    destination_requests: int
    blobs_sent: int
    result_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Failed:
    """A copy that did not work, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unable:
    """The program does not know this kind of copy."""


# For each tool, its runs in order, or why there are none.
ToolRuns = list[CopyRun] | Failed | Unable
CopyRuns = Mapping[str, ToolRuns]


def take_turns(
    tools: Sequence[Tool], run_once: Callable[[Tool], CopyRun], *, runs: int
) -> dict[str, ToolRuns]:
    """Run each tool so often; one that fails is not tried again.

    The tools take turns, so that a slow moment of the machine hits all of them.
    """
    results: dict[str, ToolRuns] = {tool.name: [] for tool in tools}
    for _ in range(runs):
        for tool in tools:
            done = results[tool.name]
            if not isinstance(done, list):
                continue
            try:
                done.append(run_once(tool))
            except RunFailed as failed:
                results[tool.name] = Failed(str(failed))
            # What this run left to write must not slow down the next one.
            os.sync()
    return results


def run_case(case: Case, tools: Sequence[Tool], *, runs: int) -> CopyRuns:
    """Run one case of copies between registries."""
    with Registry() as source:
        pushed = case.push(RegistryTools(source.url), _SOURCE, _TAG)
        return take_turns(tools, lambda tool: _run_once(case, tool, source, pushed), runs=runs)


def run_bare(tool: Tool, arguments: Sequence[str], *, runs: int) -> list[Taken] | Failed:
    """Run a program that does nothing."""
    with new_home() as home:
        try:
            return [
                run_measured([tool.program, *arguments], home=home, environment=tool.environment)
                for _ in range(runs)
            ]
        except RunFailed as failed:
            return Failed(str(failed))


def _run_once(case: Case, tool: Tool, source: Registry, pushed: Pushed) -> CopyRun:
    with contextlib.ExitStack() as stack:
        home = stack.enter_context(new_home())
        destination = stack.enter_context(Registry())
        if case.destination == "promotion":
            source = destination
            pushed = case.push(RegistryTools(source.url), _SOURCE, _TAG)
        job = _job(case, source, destination, pushed, stack)

        def copy() -> Taken:
            return run_measured(tool.command(job), home=home, environment=tool.environment)

        if case.destination == "again":
            copy()
        run = count(copy, source, destination)
        if not arrived(pushed, RegistryTools(destination.url), _DESTINATION, _TAG):
            raise RunFailed("it said that it copied, and the image is not there")
    return run


def _job(
    case: Case,
    source: Registry,
    destination: Registry,
    pushed: Pushed,
    stack: contextlib.ExitStack,
) -> CopyJob:
    """Give the names under which a tool sees both images; a proxy lasts as long as `stack`."""
    hosts = [source.host, destination.host]
    if case.round_trip:
        hosts = stack.enter_context(delayed(hosts, one_way=case.round_trip / 2))
    return CopyJob(
        source=f"{hosts[0]}/{_SOURCE}:{_TAG}",
        destination=f"{hosts[1]}/{_DESTINATION}:{_TAG}",
        platforms=pushed.platforms,
    )


def count(copy: Callable[[], Taken], source: Registry, destination: Registry) -> CopyRun:
    """Run a copy, and count what both registries were asked meanwhile."""
    with destination.watch() as written, source.watch() as read:
        taken = copy()
    return CopyRun(
        taken,
        source_requests=0 if source is destination else len(read),
        destination_requests=len(written),
        blobs_sent=sum(_ends_upload(request) for request in written),
    )


def _ends_upload(request: LoggedRequest) -> bool:
    return request.method == "PUT" and "/blobs/uploads/" in request.path and request.status == 201


@contextlib.contextmanager
def new_home() -> Iterator[Path]:
    """Make a folder for one run, in which all that it writes goes away with it."""
    with tempfile.TemporaryDirectory(prefix="benchmark-home-") as made:
        yield Path(made)
