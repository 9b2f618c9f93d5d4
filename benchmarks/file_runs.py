"""Running the cases with files: one image of this machine's files, to and from each place."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from benchmarks.archived_image import ArchivedImage, SizedLayer, push_archived, write_archive
from benchmarks.cases import FileCase, Place
from benchmarks.file_checks import RegistryCheck, check_dir, check_docker_archive, check_layout
from benchmarks.images import MIB, Pushed
from benchmarks.processes import RunFailed, run_measured
from benchmarks.real_files import find_files, real_layers
from benchmarks.runs import CopyRun, CopyRuns, ToolRuns, Unable, count, new_home, take_turns
from benchmarks.tools import FileJob, Tool
from tests.registry_tools import RegistryTools
from tests.servers import Registry

_LAYERS: Final = 4
_LAYER_BYTES: Final = 200 * MIB
_REPOSITORY: Final = "bench/files"
_TAG: Final = "1"
_NAME: Final = f"{_REPOSITORY}:{_TAG}"


@dataclass(frozen=True, slots=True)
class FileSource:
    """The image of all file cases, in an archive and in a registry."""

    registry: Registry
    image: ArchivedImage
    pushed: Pushed
    in_registry: RegistryCheck = field(default_factory=RegistryCheck)


def layers_of_this_machine() -> Sequence[SizedLayer]:
    """Give four layers of 200 MiB of real files."""
    return real_layers(find_files(), layers=_LAYERS, layer_bytes=_LAYER_BYTES)


@contextlib.contextmanager
def file_source(layers: Sequence[SizedLayer]) -> Iterator[FileSource]:
    """Make the image once, for all cases."""
    with tempfile.TemporaryDirectory(prefix="benchmark-files-") as made, Registry() as registry:
        image = write_archive(Path(made, "image.tar"), _NAME, layers)
        tools = RegistryTools(registry.url)
        yield FileSource(registry, image, push_archived(image, tools, _REPOSITORY, _TAG))


def run_file_case(
    case: FileCase, source: FileSource, tools: Sequence[Tool], *, runs: int
) -> CopyRuns:
    """Run one case with the programs that know such places."""
    able = [tool for tool in tools if tool.file_arguments is not None]
    done = take_turns(able, lambda tool: _run_once(case, tool, source), runs=runs)
    found: Mapping[str, ToolRuns] = done
    return {tool.name: found.get(tool.name, Unable()) for tool in tools}


def _run_once(case: FileCase, tool: Tool, source: FileSource) -> CopyRun:
    with new_home() as home, Registry() as destination:
        job = FileJob(
            _source_name(case.source, source),
            _destination_name(case.destination, home, destination),
        )
        command = _command(tool, job)
        run = count(
            lambda: run_measured(command, home=home, environment=tool.environment),
            source.registry,
            destination,
        )
        size = _check(case.destination, home, destination, source)
    return CopyRun(
        run.taken, run.source_requests, run.destination_requests, run.blobs_sent, size
    )


def _command(tool: Tool, job: FileJob) -> list[str]:
    if tool.file_arguments is None:
        raise RunFailed(f"{tool.name} does not know such places")
    return [tool.program, *tool.file_arguments(job)]
