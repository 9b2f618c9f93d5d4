"""The benchmarks measure real copies between real registries."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.cases import Case
from benchmarks.images import Pushed, arrived, push_streamed, small
from benchmarks.processes import CHECKOUT
from benchmarks.runs import Failed, run_case
from benchmarks.tools import Tool, find_tools
from tests.programs import require_program
from tests.registry_tools import RegistryTools, ask
from tests.servers import Registry

pytestmark = pytest.mark.usefixtures("registry")  # says what is missing where there is none

MIB = 1024 * 1024


def streamed(tools: RegistryTools, repository: str, tag: str) -> Pushed:
    return push_streamed(tools, repository, tag, layers=2, layer_bytes=3 * MIB + 5)


@pytest.fixture
def skopeo(tmp_path: Path) -> Tool:
    """The peer that Debian has."""
    require_program("skopeo")
    return find_tools(tmp_path, ["skopeo"])[0]


def test_a_copy_of_a_streamed_image_is_counted(skopeo: Tool) -> None:
    done = run_case(Case("x", "X", streamed), [skopeo], runs=1)["skopeo"]
    assert isinstance(done, list), done
    assert done[0].blobs_sent == 3  # two layers and a config
    assert done[0].source_requests >= 4
    assert done[0].destination_requests >= 3 + 3 + 1


def test_the_same_again_sends_nothing(skopeo: Tool) -> None:
    done = run_case(Case("x", "X", streamed, "again"), [skopeo], runs=1)["skopeo"]
    assert isinstance(done, list), done
    assert done[0].blobs_sent == 0


def test_a_promotion_behind_a_delay_counts_one_registry(skopeo: Tool) -> None:
    case = Case("x", "X", streamed, "promotion", round_trip=0.002)
    done = run_case(case, [skopeo], runs=1)["skopeo"]
    assert isinstance(done, list), done
    assert done[0].source_requests == 0
    assert done[0].destination_requests >= 8


def test_a_program_that_copies_nothing_has_failed() -> None:
    idle = Tool("idle", "1", sys.executable, lambda _: ["-c", "pass"])
    broken = Tool("broken", "1", sys.executable, lambda _: ["-c", "raise SystemExit('no')"])
    done = run_case(Case("x", "X", small), [idle, broken], runs=2)
    assert done["idle"] == Failed("it said that it copied, and the image is not there")
    assert done["broken"] == Failed("exit 1: no")


def test_an_image_whose_layer_is_missing_has_not_arrived(
    registry: Registry, repository: str
) -> None:
    tools = RegistryTools(registry.url)
    pushed = streamed(tools, repository, "1")
    assert arrived(pushed, tools, repository, "1")
    ask("DELETE", f"{tools.url}/v2/{repository}/blobs/{pushed.blobs[0]}")
    assert not arrived(pushed, tools, repository, "1")


def test_what_is_ended_by_a_signal_leaves_nothing_behind(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks", "--only", "again", "--runs", "100"],
        cwd=CHECKOUT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "again …\n"
        process.terminate()
        assert process.wait(timeout=60) == 128 + signal.SIGTERM
    assert list(tmp_path.iterdir()) == []
