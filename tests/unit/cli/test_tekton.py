"""`tekton`: the step of the Task, with its parameters and results."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from regcopy.batch import LineReport, ListReport
from regcopy.cli.tekton_parameters import PARAMETERS
from regcopy.cli.tekton_results import MAX_BYTES, NAMES, Results
from regcopy.model.digest import Digest
from regcopy.testing.samples import FOUR_PLATFORMS, SampleImage, multi_platform_image, write_layout
from tests.command_line import Ended, run_cli
from tests.fake_registry import FakeRegistry
from tests.lists import is_copied, layout_lines

PLAIN = {"REGCOPY_SRC_TLS_VERIFY": "false", "REGCOPY_DEST_TLS_VERIFY": "false"}


class Step:
    """A step with a folder for its results."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.variables = {f"REGCOPY_RESULT_{name}": str(folder / name) for name in NAMES}

    def run(self, *flags: str, **parameters: str) -> Ended:
        """Run it with parameters, such as SRC_IMAGE_URL."""
        given = {f"REGCOPY_{name}": value for name, value in parameters.items()}
        return run_cli("tekton", *flags, variables={**self.variables, **given})

    def result(self, name: str) -> str:
        """Value of a result."""
        return (self.folder / name).read_text()


@pytest.fixture
def step(tmp_path: Path) -> Step:
    """A step whose results are files."""
    return Step(tmp_path / "results")


def index(tmp_path: Path) -> SampleImage:
    image = multi_platform_image()
    write_layout(image, tmp_path / "index", "1")
    return image


def test_one_image_is_copied_without_any_workspace(
    step: Step, fake: FakeRegistry, tmp_path: Path
) -> None:
    [image] = layout_lines(tmp_path, 1).images
    ended = step.run(
        SRC_IMAGE_URL=f"oci:{tmp_path}/in-0:1",
        DEST_IMAGE_URL=f"docker://{fake.host}/team/app:1",
        SRC_TLS_VERIFY="true",
        DEST_TLS_VERIFY="false",
        MULTI_ARCH="system",
        WORKSPACE="",
    )
    assert ended.code == 0
    digest = str(image.top.digest)
    assert {name: step.result(name) for name in NAMES} == {
        "IMAGE_URL": f"{fake.host}/team/app:1",
        "IMAGE_DIGEST": digest,
        "SOURCE_DIGEST": digest,
        "DESTINATION_DIGEST": digest,
        "FAILED_COUNT": "0",
        "IMAGES": f"{fake.host}/team/app@{digest}",
    }


def test_the_list_of_the_workspace_is_copied(
    step: Step, fake: FakeRegistry, tmp_path: Path
) -> None:
    images = layout_lines(tmp_path, 3).images
    (tmp_path / "url.txt").write_text(
        "\r\n".join(f"oci:{tmp_path}/in-{n}:1 docker://{fake.host}/app-{n}:1" for n in range(3))
    )
    ended = step.run(WORKSPACE=str(tmp_path), DEST_TLS_VERIFY="false")
    assert ended.code == 0
    wanted = [f"{fake.host}/app-{n}@{image.top.digest}" for n, image in enumerate(images)]
    assert step.result("IMAGES").split(",") == wanted
    assert (step.result("IMAGE_URL"), step.result("IMAGE_DIGEST")) == ("", "")
    assert step.result("FAILED_COUNT") == "0"


def test_a_line_that_fails_is_counted_and_stops_no_other(step: Step, tmp_path: Path) -> None:
    lines = layout_lines(tmp_path, 2)
    lines.texts.insert(0, f"oci:{tmp_path}/no dir:{tmp_path}/x")
    lines.write(tmp_path / "url.txt")
    ended = step.run(WORKSPACE=str(tmp_path))
    assert ended.code == 3
    assert step.result("FAILED_COUNT") == "1"
    assert is_copied(lines.images[1], tmp_path / "out-1")


def test_other_places_than_registries_have_no_name_for_chains(step: Step, tmp_path: Path) -> None:
    [image] = layout_lines(tmp_path, 1).images
    step.run(SRC_IMAGE_URL=f"oci:{tmp_path}/in-0:1", DEST_IMAGE_URL=f"dir:{tmp_path}/out-0")
    assert (step.result("IMAGE_URL"), step.result("IMAGES")) == ("", "")
    assert (step.result("IMAGE_DIGEST"), step.result("DESTINATION_DIGEST")) == (
        "",
        str(image.top.digest),
    )


@pytest.mark.parametrize(
    ("parameters", "whole"),
    [
        ({"MULTI_ARCH": "all"}, True),
        ({"MULTI_ARCH": "system"}, False),
        ({"MULTI_ARCH": "system", "PLATFORMS": "linux/s390x"}, False),
        ({"PLATFORMS": ", ".join(map(str, FOUR_PLATFORMS))}, True),
        ({}, False),
    ],
)
def test_the_task_says_which_images_of_an_index(
    step: Step, tmp_path: Path, parameters: dict[str, str], whole: bool
) -> None:
    image = index(tmp_path)
    ended = step.run(
        SRC_IMAGE_URL=f"oci:{tmp_path}/index:1", DEST_IMAGE_URL=f"dir:{tmp_path}/x", **parameters
    )
    assert ended.code == 0
    assert is_copied(image, tmp_path / "x") is whole


def test_a_narrowed_index_is_told(step: Step, tmp_path: Path) -> None:
    image = index(tmp_path)
    ended = step.run(SRC_IMAGE_URL=f"oci:{tmp_path}/index:1", DEST_IMAGE_URL=f"dir:{tmp_path}/x")
    assert "only the image for one platform was copied (multi-arch system)" in ended.out
    assert step.result("SOURCE_DIGEST") == str(image.top.digest)
    assert step.result("DESTINATION_DIGEST") != step.result("SOURCE_DIGEST")


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"SRC_IMAGE_URL": "oci:x"}, "srcImageURL is given, and destImageURL is not"),
        ({"DEST_IMAGE_URL": "oci:x"}, "destImageURL is given, and srcImageURL is not"),
        ({}, "there is nothing to copy"),
        (
            {"SRC_IMAGE_URL": "busybox", "DEST_IMAGE_URL": "oci:x"},
            'srcImageURL and destImageURL: source: Invalid image name "busybox"',
        ),
        (
            {"SRC_IMAGE_URL": "docker://a b", "DEST_IMAGE_URL": "oci:x"},
            'source: invalid reference "a b"',
        ),
        (
            {"SRC_IMAGE_URL": "docker://a;id\n$(id)", "DEST_IMAGE_URL": "oci:x"},
            r'source: invalid reference "a;id\x0a$(id)"',
        ),
        (
            {"SRC_TLS_VERIFY": "maybe"},
            'srcTLSverify (REGCOPY_SRC_TLS_VERIFY): "maybe" is neither true nor false',
        ),
        ({"JOBS": "many"}, 'jobs (REGCOPY_JOBS): "many" is no number'),
        ({"PLATFORMS": "linux/amd64", "MULTI_ARCH": "all"}, "platforms cannot be used together"),
        ({"MULTI_ARCH": "none", "SRC_IMAGE_URL": "oci:x", "DEST_IMAGE_URL": "oci:y"}, "multi-arch"),
    ],
)
def test_parameters_that_make_no_sense_are_told(
    step: Step, parameters: dict[str, str], message: str
) -> None:
    ended = step.run(**parameters)
    assert ended.code == 1
    assert message in ended.fatal


def test_a_workspace_without_a_list_is_told(step: Step, tmp_path: Path) -> None:
    ended = step.run(WORKSPACE=str(tmp_path))
    assert ended.code == 5
    assert ended.fatal == f"reading the list {tmp_path}/url.txt: No such file or directory"


def test_a_list_that_is_bad_is_told_line_by_line(step: Step, tmp_path: Path) -> None:
    (tmp_path / "url.txt").write_text("oci:a dir:b --dest-tls-verify=false\n")
    ended = step.run(WORKSPACE=str(tmp_path))
    assert ended.code == 5
    [line] = [line for line in ended.log if line.level == "error"]
    assert line.hint == "write dest-tls-verify=false, without -"


def test_flags_go_before_variables(step: Step, tmp_path: Path) -> None:
    image = index(tmp_path)
    ended = step.run(
        *("--multi-arch", "all", "--dest-image-url", f"dir:{tmp_path}/flag"),
        SRC_IMAGE_URL=f"oci:{tmp_path}/index:1",
        DEST_IMAGE_URL=f"dir:{tmp_path}/variable",
        MULTI_ARCH="system",
    )
    assert ended.code == 0
    assert is_copied(image, tmp_path / "flag")


def test_results_can_be_named_by_flags(tmp_path: Path) -> None:
    layout_lines(tmp_path, 1).write(tmp_path / "list")
    flags = ("--list", f"{tmp_path}/list", "--result", f"FAILED_COUNT={tmp_path}/count")
    assert run_cli("tekton", *flags).code == 0
    assert (tmp_path / "count").read_text() == "0"


@pytest.mark.parametrize("text", ["IMAGE=x", "IMAGES", "=x"])
def test_unknown_results_are_refused(text: str) -> None:
    ended = run_cli("tekton", "--result", text)
    assert (ended.code, "not NAME=FILE" in ended.fatal) == (1, True)


def test_every_parameter_is_a_flag_of_the_command() -> None:
    from regcopy.cli.tekton import COMMAND

    assert {parameter.flag for parameter in PARAMETERS} <= {flag.name for flag in COMMAND.flags}


def done(number: int, name: str) -> LineReport:
    digest = str(Digest.of(str(number).encode()))
    return LineReport(number, "oci:a", f"docker://{name}", "done", digest=digest)


def test_results_of_a_long_list_have_room_in_the_message() -> None:
    results = Results(is_one=False)
    for number in range(100_000):
        results.take(done(number, f"registry.example.com/team/application-{number}:1.0"))
    values, left_out = results.values(ListReport(lines=100_000, done=100_000))
    images = values["IMAGES"].split(",")
    assert len(images) + left_out == 100_000
    assert all(image.count("@sha256:") == 1 and len(image) > 100 for image in images)
    message = [{"key": name, "value": value, "type": 1} for name, value in values.items()]
    assert MAX_BYTES - 150 < len(json.dumps(message, separators=(",", ":"))) <= MAX_BYTES


def test_two_tags_of_one_image_are_one_image_for_chains() -> None:
    results = Results(is_one=False)
    first = done(1, "h.example:5000/a:1")
    results.take(first)
    results.take(LineReport(2, "oci:a", "docker://h.example:5000/a:2", "done", digest=first.digest))
    assert results.values(ListReport())[0]["IMAGES"] == f"h.example:5000/a@{first.digest}"


@pytest.mark.parametrize("digest", ["", "sha256:x", "sha256:" + "0" * 64 + "\nIMAGES=evil@x"])
def test_what_is_no_digest_is_no_result(digest: str) -> None:
    results = Results(is_one=True)
    results.take(LineReport(1, "oci:a", "docker://h.example/a:1", "done", digest=digest))
    values, _ = results.values(ListReport())
    assert (values["IMAGE_DIGEST"], values["DESTINATION_DIGEST"], values["IMAGES"]) == ("", "", "")


def test_the_step_needs_no_home_and_writes_nowhere_else(tmp_path: Path) -> None:
    lines = layout_lines(tmp_path, 1)
    lines.write(tmp_path / "url.txt")
    empty = tmp_path / "empty"
    empty.mkdir(mode=0o555)
    done = subprocess.run(
        [sys.executable, "-m", "regcopy", "tekton"],
        cwd=empty,
        env={
            "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[3]), *sys.path]),
            "REGCOPY_WORKSPACE": str(tmp_path),
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, list(empty.iterdir())) == (0, [])
    assert is_copied(lines.images[0], tmp_path / "out-0")
