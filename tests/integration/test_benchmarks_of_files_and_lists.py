"""The benchmarks of files and lists measure real copies, and believe none unseen."""

from __future__ import annotations

import gzip
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from benchmarks.cases import FILE_CASES, FileCase, ListCase
from benchmarks.file_checks import RegistryCheck
from benchmarks.file_runs import FileSource, file_source, run_file_case
from benchmarks.images import Layer, push_image
from benchmarks.list_images import Listed, push_list
from benchmarks.list_runs import run_list_case
from benchmarks.processes import RunFailed
from benchmarks.runs import CopyRun, CopyRuns, Failed, Unable
from benchmarks.tools import Tool, find_tools
from regcopy.model.digest import Digest
from regcopy.testing.samples import make_layer
from tests.programs import require_program
from tests.registry_tools import RegistryTools
from tests.servers import Registry

pytestmark = pytest.mark.usefixtures("registry")  # says what is missing where there is none


@dataclass(frozen=True)
class SmallLayer:
    """A tar file in one block."""

    content: bytes

    @property
    def size(self) -> int:
        return len(self.content)

    def __iter__(self) -> Iterator[bytes]:
        yield self.content


@pytest.fixture(scope="module")
def source() -> Iterator[FileSource]:
    """The image of the file cases, but small."""
    with file_source([SmallLayer(make_layer(f"file-{n}", 100_000)) for n in range(2)]) as made:
        yield made


@pytest.fixture
def tools(tmp_path: Path) -> list[Tool]:
    """Regcopy, and the peer that Debian has."""
    require_program("skopeo")
    return find_tools(tmp_path, ["regcopy", "skopeo"])


def first_runs(runs: CopyRuns) -> list[CopyRun]:
    assert all(isinstance(done, list) for done in runs.values()), runs
    return [done[0] for done in runs.values() if isinstance(done, list)]


def few(tools: RegistryTools) -> list[Listed]:
    return push_list(tools, repositories=2, tags=2, shared_bytes=1000)


@pytest.mark.parametrize("case", FILE_CASES, ids=lambda case: case.name)
def test_each_file_case_is_copied_right_by_both(
    case: FileCase, source: FileSource, tools: list[Tool]
) -> None:
    ours, theirs = first_runs(run_file_case(case, source, tools, runs=1))
    assert ours.result_bytes > 200_000
    assert theirs.result_bytes > 200_000


def test_a_program_that_knows_no_files_is_not_run(source: FileSource) -> None:
    tool = Tool("idle", "1", sys.executable, lambda _: ["-c", "raise SystemExit(1)"])
    assert run_file_case(FILE_CASES[0], source, [tool], runs=1) == {"idle": Unable()}


@pytest.mark.parametrize("case", FILE_CASES, ids=lambda case: case.name)
def test_a_program_that_writes_no_file_has_failed(case: FileCase, source: FileSource) -> None:
    def idle(_: object) -> list[str]:
        return ["-c", "pass"]

    tool = Tool("idle", "1", sys.executable, idle, idle)
    done = run_file_case(case, source, [tool], runs=1)["idle"]
    assert isinstance(done, Failed)
    assert done.reason.startswith("it said that it copied, and ")


def test_a_layer_of_several_gzip_members_is_unpacked(
    registry: Registry, repository: str, source: FileSource
) -> None:
    tools = RegistryTools(registry.url)
    plain = [make_layer(f"file-{n}", 100_000) for n in range(2)]
    packed = [gzip.compress(layer[:9000]) + gzip.compress(layer[9000:]) for layer in plain]
    layers = [
        Layer(tools.push_blob(blob, repository), Digest.of(layer), len(blob))
        for blob, layer in zip(packed, plain, strict=True)
    ]
    push_image(tools, repository, "1", layers)
    size = RegistryCheck().check(tools, repository, "1", source.image)
    assert size == sum(map(len, packed))


def test_another_layer_in_the_registry_is_found(source: FileSource) -> None:
    wanted = replace(source.image, diff_ids=(*source.image.diff_ids[:1], Digest.of(b"other")))
    tools = RegistryTools(source.registry.url)
    with pytest.raises(RunFailed, match="layers came out differently"):
        RegistryCheck().check(tools, "bench/files", "1", wanted)


def test_a_list_is_copied_by_both_and_counted(tools: list[Tool]) -> None:
    ours, theirs = first_runs(run_list_case(ListCase("x", "X", few), tools, runs=1))
    # Four layers and configs of their own, and three layers that are shared; a peer that is
    # run once a line may send these to each repository.
    assert ours.blobs_sent == 4 + 4 + 3
    assert theirs.blobs_sent >= ours.blobs_sent


def test_a_list_that_is_there_already_sends_nothing(tools: list[Tool]) -> None:
    case = ListCase("x", "X", few, is_there=True, round_trip=0.002, most_runs=1)
    runs = run_list_case(case, tools, runs=3)
    assert [run.blobs_sent for run in first_runs(runs)] == [0, 0]
    assert all(isinstance(done, list) and len(done) == 1 for done in runs.values())


def test_a_list_that_was_not_copied_has_failed() -> None:
    idle = Tool("idle", "1", sys.executable, lambda _: ["-c", "pass"])
    done = run_list_case(ListCase("x", "X", few), [idle], runs=1)["idle"]
    assert done == Failed("it said that it copied, and not all images are there")
