"""The step of the Task in the container, against registries with TLS and passwords."""

from __future__ import annotations

import json
import random
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import pytest

from regcopy.cli.tekton_results import NAMES
from regcopy.testing.samples import (
    SampleImage,
    multi_platform_image,
    single_image,
    write_layout,
)
from tests.cluster import Cluster, Place
from tests.fake_registry import Exchange, FakeRegistry
from tests.tekton_runner import PipelineRun, as_node, documents, job_container, the_task

pytestmark = pytest.mark.timeout(600)

COUNT: Final = 9
HOSTILE: Final = "x' \"; $(touch /tmp/run)\n`touch /tmp/run` --help"


def images(source: Place, repository: str) -> list[SampleImage]:
    made = [single_image(seed=f"image-{n}", layers=2) for n in range(COUNT)]
    for number, image in enumerate(made):
        source.push(image, f"{repository}:{number}")
    return made


def lines(source: Place, destination: Place, repository: str) -> list[str]:
    return [
        f"{source.reference(f'{repository}:{n}')} {destination.reference(f'{repository}:{n}')}"
        for n in range(COUNT)
    ]


def arrived(destination: Place, repository: str, made: Sequence[SampleImage]) -> list[bool]:
    return [destination.holds(image, f"{repository}:{n}") for n, image in enumerate(made)]


def test_one_image_with_all_its_platforms_is_copied(
    cluster: Cluster, source: Place, destination: Place, repository: str
) -> None:
    image = multi_platform_image()
    name = f"{repository}:1"
    params = {
        "srcImageURL": source.push(image, name),
        "destImageURL": destination.reference(name),
        "multiArch": "all",
    }
    run = cluster.task_run(params)
    ended = cluster.run(run)
    assert ended.code == 0, ended.err
    assert destination.holds(image, name)
    digest = str(image.digest)
    assert {name: run.result(name) for name in NAMES} == {
        "IMAGE_URL": f"{destination.host}/{name}",
        "IMAGE_DIGEST": digest,
        "SOURCE_DIGEST": digest,
        "DESTINATION_DIGEST": digest,
        "IMAGES": f"{destination.host}/{repository}@{digest}",
        "FAILED_COUNT": "0",
    }


def test_a_list_is_copied_and_the_line_that_fails_is_counted(
    cluster: Cluster, source: Place, destination: Place, repository: str
) -> None:
    made = images(source, repository)
    texts = lines(source, destination, repository)
    texts.insert(3, f"{source.reference('no/such:1')} {destination.reference('no/such:1')}")
    output = cluster.volume("output")
    run = cluster.task_run(
        {"report": "report.jsonl", "failures": "failures.txt"},
        {"images-url": cluster.list(["# a list\r", "", *texts]), "output": output},
    )
    ended = cluster.run(run)
    assert ended.code == 3
    assert all(arrived(destination, repository, made))
    assert run.result("FAILED_COUNT") == "1"
    assert run.result("IMAGES").count("@sha256:") == COUNT
    assert texts[3] in (output / "failures.txt").read_text().splitlines()
    report = [json.loads(text) for text in (output / "report.jsonl").read_text().splitlines()]
    assert sorted(entry["status"] for entry in report) == ["done"] * COUNT + ["failed"]


def test_credentials_may_come_in_a_workspace(
    cluster: Cluster, source: Place, destination: Place, repository: str
) -> None:
    image, name = single_image(), f"{repository}:1"
    secret = cluster.volume("secret")
    (secret / ".dockerconfigjson").write_text(cluster.credentials())
    names = {
        "srcImageURL": source.push(image, name),
        "destImageURL": destination.reference(name),
    }
    run = cluster.task_run(names, {"dockerconfig": secret})
    assert cluster.run(run, logged_in=False).code == 0
    assert destination.holds(image, name)


def test_any_user_will_do(
    cluster: Cluster, source: Place, destination: Place, repository: str
) -> None:
    image, name = single_image(), f"{repository}:1"
    names = {
        "srcImageURL": source.push(image, name),
        "destImageURL": destination.reference(name),
    }
    user = random.randint(1_000_000, 2_000_000_000)
    ended = cluster.run(cluster.task_run(names), user=user)
    assert ended.code == 0, f"as user {user}: {ended.err}"
    assert destination.holds(image, name)


def test_without_credentials_the_registry_says_no(
    cluster: Cluster, source: Place, destination: Place, repository: str
) -> None:
    name = f"{repository}:1"
    names = {
        "srcImageURL": source.push(single_image(), name),
        "destImageURL": destination.reference(name),
    }
    run = cluster.task_run(names)
    ended = cluster.run(run, logged_in=False)
    assert ended.code == 6
    assert run.result("FAILED_COUNT") == "1"


def test_certificates_of_nobody_are_only_taken_where_that_is_said(
    cluster: Cluster, source: Place, destination: Place, repository: str
) -> None:
    image, name = single_image(), f"{repository}:1"
    names = {
        "srcImageURL": source.push(image, name),
        "destImageURL": destination.reference(name),
        "srcTLSverify": "false",
    }
    assert cluster.run(cluster.task_run(names, trusts=False)).code == 4
    assert not destination.holds(image, name)
    names["destTLSverify"] = "false"
    assert cluster.run(cluster.task_run(names, trusts=False)).code == 0
    assert destination.holds(image, name)


@pytest.mark.parametrize("name", ["srcImageURL", "destImageURL", "multiArch", "jobs"])
def test_no_parameter_is_taken_apart(cluster: Cluster, name: str) -> None:
    params = {"srcImageURL": "oci:a", "destImageURL": "oci:b", "args": ["--debug"], name: HOSTILE}
    run = cluster.task_run(params)
    ended = cluster.run(run)
    assert ended.code == 1
    assert ended.fatal
    assert list((run.scratch / "volume-tmp").iterdir()) == []


@pytest.fixture
def stuck(fake: FakeRegistry) -> Iterator[threading.Event]:
    """The registry takes no blob; set once one was sent."""
    sent, over = threading.Event(), threading.Event()

    def hang(_: Exchange) -> bool:
        sent.set()
        over.wait(60)
        return False

    fake.on("PUT", "/v2/out/blobs/", hang, forever=True)
    yield sent
    over.set()


def test_a_copy_that_is_told_to_stop_stops_and_leaves_nothing(
    cluster: Cluster, fake: FakeRegistry, stuck: threading.Event
) -> None:
    write_layout(single_image(), cluster.volume("output") / "in", "1")
    params = {
        "srcImageURL": "oci:in:1",
        "destImageURL": f"docker://{fake.host}/out:1",
        "destTLSverify": "false",
    }
    run = cluster.task_run(params, {"output": cluster.volume("output")})
    with cluster.image.start(run.step(the_task()), "stopped") as process:
        assert stuck.wait(60)
        cluster.image.engine.run("kill", "--signal=TERM", "stopped")
        out, err = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM
    assert "stopped by SIGTERM" in err
    assert "1 not finished" in out
    assert ("out", "1") not in fake.manifests
    assert fake.uploads == {}
    assert run.result("FAILED_COUNT") == "1"
    assert list((run.scratch / "volume-tmp").iterdir()) == []


def test_the_parts_of_the_pipeline_copy_the_whole_list(
    cluster: Cluster, source: Place, destination: Place, repository: str
) -> None:
    [document] = documents("pipeline-shards.yaml")
    made = images(source, repository)
    output = cluster.volume("output")
    listed = cluster.list(lines(source, destination, repository))
    workspaces = {"images-url": listed, "output": output, "certs": cluster.certificates()}
    pipeline = PipelineRun(as_node(document["spec"]), cluster.folder, {}, workspaces)
    for name in ("plan", "copy", "merge"):
        for task, run in pipeline.task_runs(name):
            container = run.step(task)
            cluster.log_in(run)
            ended = cluster.image.run(container)
            assert ended.code == 0, ended.err
    assert all(arrived(destination, repository, made))
    report = (output / "report.jsonl").read_text().splitlines()
    assert [json.loads(text)["line"] for text in report] == list(range(1, COUNT + 1))
    assert (output / "failures.txt").read_text() == ""


def test_the_pods_of_the_job_copy_the_whole_list(
    cluster: Cluster, source: Place, destination: Place, repository: str
) -> None:
    [document] = documents("job-indexed.yaml")
    count = as_node(document["spec"])["completions"]
    assert isinstance(count, int)
    made = images(source, repository)
    secret = cluster.volume("secret")
    (secret / ".dockerconfigjson").write_text(cluster.credentials())
    volumes = {
        "list": cluster.list(lines(source, destination, repository)),
        "credentials": secret,
        "output": cluster.volume("output"),
        "tmp": cluster.volume("tmp"),
    }
    certificates = {"/etc/containers/certs.d": cluster.certificates()}

    def run(index: int) -> int:
        container = job_container(document, index, volumes)
        return cluster.image.run(container.with_mounts(certificates)).code

    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(run, range(count))) == [0] * count
    assert all(arrived(destination, repository, made))
    reports = [Path(volumes["output"], f"report-{n}.jsonl").read_text() for n in range(count)]
    assert sum(len(text.splitlines()) for text in reports) == COUNT
