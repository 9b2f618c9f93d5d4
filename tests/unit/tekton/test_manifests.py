"""What stands in the manifests: nothing is missing, and they agree with the program."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

import regcopy
from regcopy.cli.tekton_parameters import PARAMETERS, PREFIX
from regcopy.cli.tekton_results import NAMES
from tests.tekton_runner import (
    MANIFESTS,
    ROOT,
    Node,
    as_node,
    as_nodes,
    as_text,
    documents,
    named,
    the_task,
)

# Parameters of the catalogue's skopeo-copy 0.4 and 0.5, and their defaults.
SKOPEO_COPY: Final = {
    "srcImageURL": "",
    "destImageURL": "",
    "srcTLSverify": "true",
    "destTLSverify": "true",
    "multiArch": "system",
}
PLATFORMS: Final = {"linux/amd64", "linux/arm64", "linux/ppc64le", "linux/s390x"}
FILES: Final = sorted(str(path.relative_to(MANIFESTS)) for path in MANIFESTS.rglob("*.yaml"))
SAMPLES: Final = [name for name in FILES if name.startswith("samples/")]
IMAGE: Final = f"registry.example.com/regcopy:{regcopy.__version__}"


def containers(node: object) -> Iterator[Node]:
    """All that a manifest would start, wherever it stands."""
    if isinstance(node, dict):
        if "image" in node:
            yield node
        for value in node.values():
            yield from containers(value)
    elif isinstance(node, list):
        for value in node:
            yield from containers(value)


def all_containers() -> list[Node]:
    return [one for name in FILES for document in documents(name) for one in containers(document)]


def task_document() -> Node:
    [document] = documents("task.yaml")
    return document


def shards() -> dict[str, Node]:
    [document] = documents("pipeline-shards.yaml")
    spec = as_node(document["spec"])
    return named(spec["tasks"]) | named(spec["finally"])


def test_there_are_manifests() -> None:
    assert len(FILES) >= 10
    assert len(all_containers()) == 4


@pytest.mark.parametrize(("name", "default"), SKOPEO_COPY.items())
def test_parameters_of_skopeo_copy_have_their_names_and_defaults(name: str, default: str) -> None:
    param = named(the_task()["params"])[name]
    assert (param["type"], param["default"]) == ("string", default)


def test_every_parameter_is_optional_and_described() -> None:
    for param in as_nodes(the_task()["params"]):
        assert "default" in param
        assert as_text(param["description"])


def test_every_workspace_is_optional() -> None:
    workspaces = named(the_task()["workspaces"])
    assert "images-url" in workspaces
    assert all(one["optional"] for one in workspaces.values())


def test_the_task_has_the_results_that_the_program_knows() -> None:
    assert set(named(the_task()["results"])) == set(NAMES)


def test_each_variable_of_the_step_means_something_to_the_program() -> None:
    [step] = as_nodes(the_task()["steps"])
    known = {f"{PREFIX}{one.variable}" for one in PARAMETERS}
    known |= {f"{PREFIX}RESULT_{name}" for name in NAMES}
    known |= {"HOME", "TMPDIR", "DOCKER_CONFIG", "REGISTRY_AUTH_FILE"}
    assert set(named(step["env"])) <= known
    assert {f"{PREFIX}RESULT_{name}" for name in NAMES} <= set(named(step["env"]))


def test_each_parameter_of_the_task_reaches_the_step_as_a_value_of_its_own() -> None:
    [step] = as_nodes(the_task()["steps"])
    values = {as_text(one["value"]) for one in as_nodes(step["env"])}
    for name, param in named(the_task()["params"]).items():
        if param["type"] == "array":
            assert step["args"] == [f"$(params.{name}[*])"]
        else:
            assert f"$(params.{name})" in values


def test_messages_call_parameters_by_their_names_in_the_task() -> None:
    [step] = as_nodes(the_task()["steps"])
    shown = {f"{PREFIX}{one.variable}": one.shown for one in PARAMETERS}
    for name, entry in named(step["env"]).items():
        found = re.fullmatch(r"\$\(params\.(\w+)\)", as_text(entry["value"]))
        assert found is None or shown[name] == found[1]


@pytest.mark.parametrize("name", ["task.yaml", "pipeline-shards.yaml"])
def test_labels_and_annotations_are_those_of_the_catalogue(name: str) -> None:
    [document] = documents(name)
    meta = as_node(document["metadata"])
    notes = as_node(meta["annotations"])
    assert document["apiVersion"] == "tekton.dev/v1"
    assert as_node(meta["labels"])["app.kubernetes.io/version"] == regcopy.__version__
    assert set(as_text(notes["tekton.dev/platforms"]).split(",")) == PLATFORMS
    assert {"tekton.dev/pipelines.minVersion", "tekton.dev/displayName"} <= set(notes)


def test_nothing_is_run_by_a_shell() -> None:
    words = {"sh", "bash", "-c"}
    for container in all_containers():
        assert "script" not in container
        command, args = container.get("command", []), container.get("args", [])
        assert isinstance(command, list)
        assert isinstance(args, list)
        assert not words & {*command, *args}


def test_every_container_may_do_next_to_nothing() -> None:
    for container in all_containers():
        assert container["securityContext"] == {
            "runAsNonRoot": True,
            "runAsUser": 65532,
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        }


def test_every_container_has_the_image_of_this_version() -> None:
    assert {as_text(one["image"]) for one in all_containers()} == {IMAGE}


@pytest.mark.parametrize("name", SAMPLES)
def test_runs_of_the_samples_fit_the_task(name: str) -> None:
    task = task_document()
    known, places = named(the_task()["params"]), named(the_task()["workspaces"])
    for document in documents(name):
        spec = as_node(document.get("spec") or {})
        runs = [spec] if document["kind"] == "TaskRun" else as_nodes(spec.get("tasks"))
        for run in runs:
            assert as_node(run["taskRef"])["name"] == as_node(task["metadata"])["name"]
            assert set(named(run.get("params"))) <= set(known)
            assert set(named(run.get("workspaces"))) <= set(places)


def test_the_samples_name_what_is_there() -> None:
    made = {
        (document["kind"], as_node(document["metadata"]).get("name"))
        for name in FILES
        for document in documents(name)
    }
    [account] = documents("samples/serviceaccount.yaml")
    assert {("Secret", name) for name in named(account["secrets"])} <= made
    text = "\n".join((MANIFESTS / name).read_text(encoding="utf-8") for name in FILES)
    for kind, key in (
        ("ServiceAccount", "serviceAccountName"),
        ("PersistentVolumeClaim", "claimName"),
        ("Secret", "secretName"),
    ):
        used = set(re.findall(rf"{key}: (\S+)", text))
        assert used
        assert {(kind, name) for name in used} <= made


def test_the_parts_of_the_pipeline_are_a_whole_list() -> None:
    tasks = shards()
    matrix = as_nodes(as_node(tasks["copy"]["matrix"])["include"])
    count = len(matrix)
    [plan] = as_nodes(as_node(tasks["plan"]["taskSpec"])["steps"])
    [merge] = as_nodes(as_node(tasks["merge"]["taskSpec"])["steps"])
    values = [{n: p["value"] for n, p in named(one["params"]).items()} for one in matrix]
    reports = [f"report-$(context.pipelineRun.name)-{n}.jsonl" for n in range(1, count + 1)]
    assert [one["shard"] for one in values] == [f"{n}/{count}" for n in range(1, count + 1)]
    assert [one["report"] for one in values] == [one["resume"] for one in values] == reports
    assert f"--shards={count}" in str(plan["args"])
    assert isinstance(merge["args"], list)
    assert as_nodes(tasks["merge"]["params"]) == [
        {"name": "run", "value": "$(context.pipelineRun.name)"}
    ]
    told = [name.replace("context.pipelineRun.name", "params.run") for name in reports]
    assert merge["args"][-count:] == told


def test_the_parts_of_the_job_are_a_whole_list() -> None:
    [job] = documents("job-indexed.yaml")
    spec = as_node(job["spec"])
    [container] = containers(job)
    assert spec["completionMode"] == "Indexed"
    assert f"--shard=auto/{spec['completions']}" in str(container["args"])


def test_the_page_names_every_parameter_workspace_result_and_manifest() -> None:
    page = (MANIFESTS / "README.md").read_text(encoding="utf-8")
    task = the_task()
    wanted = [*named(task["params"]), *named(task["workspaces"]), *named(task["results"])]
    assert [name for name in [*wanted, *FILES] if f"`{name}`" not in page] == []


def test_the_container_image_has_the_version_of_the_program() -> None:
    text = (ROOT / "Containerfile").read_text(encoding="utf-8")
    assert f"ARG VERSION={regcopy.__version__}\n" in text
    assert f"regcopy:{regcopy.__version__} ." in text


def test_the_container_image_is_made_of_nothing_but_the_product() -> None:
    lines = (ROOT / ".containerignore").read_text(encoding="utf-8").splitlines()
    kept = {line[1:] for line in lines if line.startswith("!")}
    assert lines[1] == "*"
    assert {Path(name) for name in kept} >= {Path("pyproject.toml"), Path("regcopy")}
    assert all((ROOT / name).exists() for name in kept)
