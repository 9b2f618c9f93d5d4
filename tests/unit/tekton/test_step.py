"""The step of the Task, taken from the manifest and run without a container."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import pytest

from regcopy.cli.tekton_results import NAMES
from regcopy.testing.samples import FOUR_PLATFORMS, multi_platform_image, write_layout
from tests.command_line import Ended, run_cli
from tests.lists import is_copied, layout_lines
from tests.tekton_runner import TaskRun, expand, on_this_machine, the_task

# What a shell would take apart, run, or read as a flag.
HOSTILE: Final = (
    "$(touch run)",
    "`touch run`",
    "x; touch run",
    "x' ; touch run ; '",
    'x" ; touch run ; "',
    "x\ntouch run",
    "x && touch run | touch run",
    "--help",
    "-h",
    "--src-tls-verify=false",
    "$(params.destImageURL)",
    "$(HOME) $HOME ${HOME}",
    "* ? [a-z]",
    "\\\\ \\n %s %(x)s {0}",
)


class World:
    """Images in a workspace, and a folder that is searched for traces."""

    def __init__(self, root: Path) -> None:
        self.output = root / "output"
        self.images = layout_lines(self.output, 2).images
        self.list = root / "images-url"
        self.list.mkdir()
        self._root = root

    def run(
        self,
        params: Mapping[str, str | Sequence[str]],
        workspaces: Sequence[str] = ("output",),
    ) -> tuple[Ended, TaskRun]:
        """Run the step with parameters; workspaces are those of this world."""
        bound = {"output": self.output, "images-url": self.list}
        task_run = TaskRun(
            self._root / "scratch", params, {name: bound[name] for name in workspaces}
        )
        words, variables, folder = on_this_machine(task_run.step(the_task()))
        assert words[0] == "regcopy"
        with contextlib.chdir(folder):
            return run_cli(*words[1:], variables=variables), task_run

    def files(self) -> set[str]:
        """All files."""
        return {str(p.relative_to(self._root)) for p in self._root.rglob("*") if p.is_file()}


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Two images in layouts of the workspace `output`."""
    return World(tmp_path)


def one(number: int = 0) -> dict[str, str]:
    return {"srcImageURL": f"oci:in-{number}:1", "destImageURL": f"dir:out-{number}"}


def test_one_image_is_copied_and_its_results_are_written(world: World) -> None:
    ended, run = world.run(one())
    assert ended.code == 0
    assert is_copied(world.images[0], world.output / "out-0")
    assert {path.name for path in run.results.iterdir()} == set(NAMES)
    assert run.result("DESTINATION_DIGEST") == str(world.images[0].digest)
    assert run.result("FAILED_COUNT") == "0"


def test_the_list_of_the_workspace_is_copied_and_reported(world: World) -> None:
    (world.list / "url.txt").write_text("oci:in-0:1 dir:out-0\r\n\n# more\noci:in-1:1 dir:out-1")
    params = {"report": "report.jsonl", "jobs": "2", "retries": "0"}
    ended, _ = world.run(params, ("images-url", "output"))
    assert ended.code == 0
    assert all(is_copied(image, world.output / f"out-{n}") for n, image in enumerate(world.images))
    assert len((world.output / "report.jsonl").read_text().splitlines()) == 2


def test_an_empty_workspace_does_no_harm_where_one_image_is_named(world: World) -> None:
    ended, _ = world.run(one(), ("images-url", "output"))
    assert ended.code == 0


def test_without_workspace_and_names_there_is_nothing_to_do(world: World) -> None:
    ended, _ = world.run({}, ())
    assert ended.code == 1
    assert ended.fatal == "there is nothing to copy"


def test_platforms_go_before_the_default_of_multi_arch(world: World) -> None:
    write_layout(multi_platform_image(), world.output / "index", "1")
    wanted = ",".join(str(platform) for platform in FOUR_PLATFORMS)
    ended, run = world.run(
        {"srcImageURL": "oci:index:1", "destImageURL": "dir:out", "platforms": wanted}
    )
    assert ended.code == 0
    assert run.result("SOURCE_DIGEST") == run.result("DESTINATION_DIGEST")


def test_the_flag_all_goes_before_the_default_of_multi_arch(world: World) -> None:
    write_layout(multi_platform_image(), world.output / "index", "1")
    names = {"srcImageURL": "oci:index:1", "destImageURL": "dir:out"}
    ended, run = world.run({**names, "args": ["--all"]})
    assert ended.code == 0
    assert run.result("SOURCE_DIGEST") == run.result("DESTINATION_DIGEST")


def test_more_flags_go_before_the_parameters(world: World) -> None:
    ended, _ = world.run({**one(), "args": ["--dest-image-url", "dir:else where"]})
    assert ended.code == 0
    assert is_copied(world.images[0], world.output / "else where")


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("name", ["srcImageURL", "destImageURL"])
def test_a_name_is_one_value_whatever_is_in_it(world: World, name: str, text: str) -> None:
    before = world.files()
    ended, _ = world.run({**one(), name: f"docker://{text}"})
    assert ended.code == 1
    assert "invalid reference" in ended.fatal
    assert len(ended.err.splitlines()) == len(ended.log) == 1
    assert world.files() == before


@pytest.mark.parametrize("text", HOSTILE)
def test_a_name_without_transport_is_no_flag_and_no_command(world: World, text: str) -> None:
    before = world.files()
    ended, _ = world.run({**one(), "srcImageURL": text})
    assert ended.code == 1
    assert "srcImageURL" in ended.fatal
    assert world.files() == before


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("name", ["srcTLSverify", "multiArch", "platforms", "jobs", "retries"])
def test_other_parameters_are_refused_where_they_mean_nothing(
    world: World, name: str, text: str
) -> None:
    before = world.files()
    ended, _ = world.run({**one(), name: text})
    assert ended.code == 1
    assert ended.fatal
    assert world.files() == before


@pytest.mark.parametrize("text", HOSTILE)
def test_a_report_may_have_any_name(world: World, text: str) -> None:
    before = world.files()
    ended, _ = world.run({**one(), "report": text})
    assert ended.code == 0
    new = {name for name in world.files() - before if not name.startswith("scratch/results/")}
    assert {name for name in new if "/out-0/" not in name} == {f"output/{text}"}


def test_a_variable_of_kubernetes_in_a_value_stays_as_it_is(tmp_path: Path) -> None:
    run = TaskRun(tmp_path, {"srcImageURL": "docker://$(HOME)/$(REGCOPY_JOBS)"}, {})
    assert run.step(the_task()).variables["REGCOPY_SRC_IMAGE_URL"] == (
        "docker://$(HOME)/$(REGCOPY_JOBS)"
    )


@pytest.mark.parametrize(
    ("text", "expanded"),
    [("$(A)b", "1b"), ("$(C)", "$(C)"), ("$$(A)", "$(A)"), ("$A $", "$A $"), ("$($(A))", "$(1)")],
)
def test_variables_are_expanded_as_kubernetes_does(text: str, expanded: str) -> None:
    assert expand(text, {"A": "1"}) == expanded
