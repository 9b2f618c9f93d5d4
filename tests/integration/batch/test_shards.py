"""A list larger than one machine: eight processes, of which three are killed and started again."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tests.command_line import run_cli
from tests.lists import family, push_all
from tests.registry_tools import RegistryTools
from tests.servers import Registry

IMAGES: Final = 400
REPOSITORIES: Final = 20
SHARDS: Final = 8
KILLED: Final = 3
PLAIN: Final = ("--src-tls-verify=false", "--dest-tls-verify=false")
_ROOT: Final = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class Job:
    """What all shards have in common, as the pods of a Job with an index have.

    Attributes:
        folder: holds the list, the plan and the reports.
    """

    folder: Path

    def start(self, index: int, *, events: int | None = None) -> subprocess.Popen[bytes]:
        """Start the process with that index, counted from 0; its events go to a descriptor."""
        report = str(self.report(index))
        told = ("--progress", "none") if events is None else ("--progress-fd", str(events))
        return subprocess.Popen(
            [
                *(sys.executable, "-m", "regcopy", "batch", *PLAIN, "--jobs", "4", *told),
                *("--shard", f"auto/{SHARDS}", "--plan", str(self.folder / "plan")),
                *("--report", report, "--resume", report, str(self.folder / "list")),
            ],
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(_ROOT),
                "JOB_COMPLETION_INDEX": str(index),
            },
            pass_fds=() if events is None else (events,),
            stdout=subprocess.DEVNULL,
        )

    def start_and_kill(self, index: int, after: int) -> None:
        """Start a process, and kill it in the middle of something, after so many events."""
        reader, writer = os.pipe()
        with os.fdopen(reader, "rb") as told:
            process = self.start(index, events=writer)
            os.close(writer)
            for _ in range(after):
                assert told.readline(), "it ended before it could be killed"
            process.kill()
            assert process.wait(timeout=60) < 0

    def run(self, index: int, killed_after: int | None) -> int:
        """Run a shard to its end, and give its exit code; it may be killed once before."""
        if killed_after is not None:
            self.start_and_kill(index, killed_after)
        return self.start(index).wait(timeout=200)

    def report(self, index: int) -> Path:
        """Where a shard writes its report."""
        return self.folder / f"report-{index}"


def digests_at(registry: Registry, names: Sequence[str]) -> list[str]:
    tools = RegistryTools(registry.url)
    found = [tools.get_manifest(*name.rsplit(":", 1)) for name in names]
    return [str(manifest.digest) if manifest else "" for manifest in found]


@pytest.mark.timeout(300)
def test_eight_shards_of_four_hundred_images_survive_three_that_are_killed(
    registry: Registry, second_registry: Registry, repository: str, tmp_path: Path
) -> None:
    images = family(IMAGES, bases=5, layer_bytes=300)
    names = [f"{repository}-{n % REPOSITORIES}:{n}" for n in range(IMAGES)]
    push_all(RegistryTools(registry.url), dict(zip(names, images, strict=True)))
    (tmp_path / "list").write_text(
        "".join(
            f"docker://{registry.host}/{name} docker://{second_registry.host}/{name}\n"
            for name in names
        )
    )
    plan = ("plan", "--shards", str(SHARDS), "--json", "-o", str(tmp_path / "plan"))
    assert run_cli(*plan, *PLAIN[:1], str(tmp_path / "list")).code == 0

    job, chance = Job(tmp_path), random.Random()
    killed = {index: chance.randint(1, 150) for index in chance.sample(range(SHARDS), KILLED)}
    with ThreadPoolExecutor(SHARDS) as threads:
        codes = list(threads.map(lambda index: job.run(index, killed.get(index)), range(SHARDS)))
    assert codes == [0] * SHARDS, f"killed after so many events: {killed}"

    assert digests_at(second_registry, names) == [str(image.top.digest) for image in images]
    reports = [str(job.report(index)) for index in range(SHARDS)]
    merged = run_cli("report", "merge", "--list", str(tmp_path / "list"), *reports)
    assert merged.code == 0
    entries = [json.loads(line) for line in merged.out.splitlines()]
    assert [entry["line"] for entry in entries] == list(range(1, IMAGES + 1))
