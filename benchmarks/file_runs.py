"""Running the cases with files: one image of this machine's files, to and from each place."""

from __future__ import annotations

import contextlib
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from benchmarks.archived_image import ArchivedImage, SizedLayer, push_archived, write_archive
from benchmarks.cases import FileCase, Place
from benchmarks.file_checks import RegistryCheck, check_dir, check_docker_archive, check_layout
from benchmarks.images import MIB, Pushed
from benchmarks.processes import RunFailed, run_measured
from benchmarks.real_files import find_files, real_layers
from benchmarks.runs import CopyRun, CopyRuns, Unable, count, new_home, take_turns
from benchmarks.tools import FileJob, Tool
from tests.registry_tools import RegistryTools
from tests.servers import Registry

_LAYERS: Final = 4
_LAYER_BYTES: Final = 200 * MIB
_REPOSITORY: Final = "bench/files"
_TAG: Final = "1"
_COPY: Final = "copy"
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
    return {tool.name: done.get(tool.name, Unable()) for tool in tools}


def _run_once(case: FileCase, tool: Tool, source: FileSource) -> CopyRun:
    with new_home() as home, Registry() as destination:
        there = _new_name(case.destination, home, destination)
        command = tool.file_command(FileJob(_source_name(case.source, source), there))
        run = count(
            lambda: run_measured(command, home=home, environment=tool.environment),
            source.registry,
            destination,
        )
        try:
            size = _check(case.destination, home, destination, source)
        except (OSError, LookupError, ValueError, tarfile.TarError) as error:
            raise RunFailed(f"it said that it copied, and the copy is broken: {error}") from None
    return replace(run, result_bytes=size)


def _source_name(place: Place, source: FileSource) -> str:
    if place == "registry":
        return f"docker://{source.registry.host}/{_NAME}"
    return f"{place}:{source.image.path}:{source.image.name}"


def _new_name(place: Place, home: Path, registry: Registry) -> str:
    if place == "registry":
        return f"docker://{registry.host}/{_NAME}"
    name = {"docker-archive": f":{_NAME}", "oci": f":{_TAG}", "dir": ""}[place]
    return f"{place}:{home / _COPY}{name}"


def _check(place: Place, home: Path, registry: Registry, source: FileSource) -> int:
    """Give the bytes that the copy takes. Raises RunFailed where it is not right."""
    path = home / _COPY
    if place == "registry":
        tools = RegistryTools(registry.url)
        return source.in_registry.check(tools, _REPOSITORY, _TAG, source.image)
    if place == "docker-archive":
        return check_docker_archive(path, source.image)
    return check_layout(path, source.pushed) if place == "oci" else check_dir(path, source.pushed)
