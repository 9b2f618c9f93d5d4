"""What a cluster makes of the manifests in `tekton/`: variables replaced, commands without a shell.

It does as Tekton and Kubernetes do with the few things that our manifests use, and stops with an
AssertionError where they would refuse them. Running the containers is left to others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, cast

import yaml

ROOT: Final = Path(__file__).resolve().parents[1]
MANIFESTS: Final = ROOT / "tekton"
RESULTS: Final = "/tekton/results"
HOME: Final = "/tekton/home"

Node = Mapping[str, object]
Params = Mapping[str, str | Sequence[str]]

_TEKTON: Final = re.compile(r"\$\(((?:params|workspaces|results|context|tasks)\.[^()]*)\)")
_WHOLE_ARRAY: Final = re.compile(r"\$\(params\.([\w-]+)\[\*\]\)")
_KUBERNETES: Final = re.compile(r"\$(?:(\$)|\(([-._a-zA-Z0-9]+)\))")


@dataclass(frozen=True)
class Container:
    """A container that a cluster would start.

    Attributes:
        command: replaces the image's entrypoint; () for the image's own.
        arguments: of the command.
        variables: environment that the manifest gives.
        folder: where it starts; "" for the image's own.
        mounts: folders of this machine, by the path in the container.
        read_only: paths of mounts that cannot be written to.
        security: the manifest's `securityContext`.
    """

    command: tuple[str, ...]
    arguments: tuple[str, ...]
    variables: Mapping[str, str]
    folder: str
    mounts: Mapping[str, Path]
    read_only: frozenset[str]
    security: Node

    @property
    def words(self) -> tuple[str, ...]:
        """Command and arguments."""
        return (*self.command, *self.arguments)

    def with_mounts(self, mounts: Mapping[str, Path]) -> Container:
        """The same with more mounts."""
        return replace(self, mounts={**self.mounts, **mounts})


def documents(name: str) -> list[Node]:
    """Read the documents of a manifest, by its name in `tekton/`."""
    text = (MANIFESTS / name).read_text(encoding="utf-8")
    return [as_node(document) for document in yaml.safe_load_all(text)]


def as_node(value: object) -> Node:
    """A mapping of the document."""
    assert isinstance(value, dict), f"no mapping: {value!r}"
    return cast("Node", value)


def as_nodes(value: object) -> list[Node]:
    """A list of mappings; [] where it is missing."""
    assert value is None or isinstance(value, list), f"no list: {value!r}"
    return [as_node(one) for one in value or ()]


def as_text(value: object) -> str:
    """A string; "" where it is missing."""
    assert value is None or isinstance(value, str), f"no string: {value!r}"
    return value or ""


def named(nodes: object) -> dict[str, Node]:
    """A list of mappings by their names."""
    found = {as_text(one["name"]): one for one in as_nodes(nodes)}
    assert len(found) == len(as_nodes(nodes)), "a name is there twice"
    return found


def the_task() -> Node:
    """The specification of the Task."""
    [document] = documents("task.yaml")
    return as_node(document["spec"])


@dataclass(frozen=True)
class TaskRun:
    """What a user gives a Task, and where its files are on this machine.

    Attributes:
        scratch: the cluster's own folders of this run: results, home, temporary files.
        workspaces: folders that are bound.
    """

    scratch: Path
    params: Params
    workspaces: Mapping[str, Path]

    @property
    def results(self) -> Path:
        """Folder with a file for each result."""
        return self.scratch / "results"

    @property
    def home(self) -> Path:
        """Home of the steps."""
        return self.scratch / "home"

    def result(self, name: str) -> str:
        """Value of a result."""
        return (self.results / name).read_text(encoding="utf-8")

    def step(self, task: Node) -> Container:
        """Give the one step of a Task with all its variables replaced."""
        [step] = as_nodes(task["steps"])
        assert "script" not in step
        values = self._values(task)
        container = _container(step, values)
        declared = named(task.get("workspaces"))
        mounts = {RESULTS: self.results, HOME: self.home}
        mounts |= {_path_of(declared[name]): path for name, path in self.workspaces.items()}
        mounts |= self._volumes(task, step)
        for path in (self.results, self.home):
            path.mkdir(parents=True, exist_ok=True)
            path.chmod(0o777)
        read_only = {_path_of(one) for one in declared.values() if one.get("readOnly")}
        return replace(container, mounts=mounts, read_only=frozenset(read_only))

    def _volumes(self, task: Node, step: Node) -> Iterator[tuple[str, Path]]:
        volumes = named(task.get("volumes"))
        for mount in as_nodes(step.get("volumeMounts")):
            name = as_text(mount["name"])
            assert volumes[name]["emptyDir"] == {}
            path = self.scratch / f"volume-{name}"
            path.mkdir(parents=True, exist_ok=True)
            path.chmod(0o777)
            yield as_text(mount["mountPath"]), path

    def _values(self, task: Node) -> dict[str, str | Sequence[str]]:
        declared, workspaces = named(task.get("params")), named(task.get("workspaces"))
        assert set(self.params) <= set(declared), f"unknown: {set(self.params) - set(declared)}"
        assert set(self.workspaces) <= set(workspaces)
        values: dict[str, str | Sequence[str]] = {}
        for name, param in declared.items():
            given = self.params.get(name, cast("str | None", param.get("default")))
            assert given is not None, f"the parameter {name} is missing"
            assert isinstance(given, str) is (param.get("type", "string") == "string"), name
            values[f"params.{name}"] = given
        for name, workspace in workspaces.items():
            bound = name in self.workspaces
            assert bound or workspace.get("optional"), f"the workspace {name} is missing"
            values[f"workspaces.{name}.path"] = _path_of(workspace) if bound else ""
            values[f"workspaces.{name}.bound"] = "true" if bound else "false"
        for name in named(task.get("results")):
            values[f"results.{name}.path"] = f"{RESULTS}/{name}"
        return values


def _path_of(workspace: Node) -> str:
    return as_text(workspace.get("mountPath")) or f"/workspace/{as_text(workspace['name'])}"


def _container(node: Node, values: Mapping[str, str | Sequence[str]]) -> Container:
    """Replace Tekton's variables, and then those of Kubernetes."""
    variables: dict[str, str] = {}
    for name, entry in named(node.get("env")).items():
        variables[name] = expand(substitute(as_text(entry.get("value")), values), variables)
    command, arguments = (
        tuple(expand(word, variables) for word in _words(node.get(part), values))
        for part in ("command", "args")
    )
    return Container(
        command=command,
        arguments=arguments,
        variables=variables,
        folder=substitute(as_text(node.get("workingDir")), values),
        mounts={},
        read_only=frozenset(),
        security=as_node(node["securityContext"]),
    )


def _words(texts: object, values: Mapping[str, str | Sequence[str]]) -> Iterator[str]:
    assert texts is None or isinstance(texts, list)
    for text in texts or ():
        array = _WHOLE_ARRAY.fullmatch(as_text(text))
        if array:
            yield from values[f"params.{array[1]}"]
        else:
            yield substitute(as_text(text), values)


def substitute(text: str, values: Mapping[str, str | Sequence[str]]) -> str:
    """Replace Tekton's variables, once; one that does not exist is refused."""

    def value(found: re.Match[str]) -> str:
        one = values[found[1]]
        assert isinstance(one, str), f"{found[0]} is a list"
        return one

    return _TEKTON.sub(value, text)


def expand(text: str, variables: Mapping[str, str]) -> str:
    """Replace `$(NAME)` as Kubernetes does: unknown names stay, and `$$` is one `$`."""

    def value(found: re.Match[str]) -> str:
        return "$" if found[1] else variables.get(found[2], found[0])

    return _KUBERNETES.sub(value, text)


def on_this_machine(container: Container) -> tuple[tuple[str, ...], dict[str, str], Path]:
    """Give the words, the variables and the folder that do the same without a container."""

    def moved(text: str) -> str:
        for inside, outside in container.mounts.items():
            if text == inside or text.startswith(f"{inside}/"):
                return str(outside) + text.removeprefix(inside)
        return text

    variables = {name: moved(value) for name, value in container.variables.items()}
    return container.words, variables, Path(moved(container.folder) or "/")


@dataclass(frozen=True)
class PipelineRun:
    """A run of a Pipeline; its volumes are folders of this machine."""

    pipeline: Node
    scratch: Path
    params: Params
    workspaces: Mapping[str, Path]
    name: str = "regcopy-shards-1"

    def task_runs(self, name: str) -> list[tuple[Node, TaskRun]]:
        """Give the runs of one task of the Pipeline, each with its Task."""
        declared = named(self.pipeline.get("params"))
        given = {n: self.params.get(n, as_text(p.get("default"))) for n, p in declared.items()}
        values = {f"params.{n}": value for n, value in given.items()}
        values["context.pipelineRun.name"] = self.name
        task = named(self.pipeline["tasks"]) | named(self.pipeline.get("finally"))
        spec = as_node(task[name].get("taskSpec") or the_task())
        bound = {
            as_text(one["name"]): self.workspaces[as_text(one["workspace"])]
            for one in as_nodes(task[name].get("workspaces"))
            if as_text(one["workspace"]) in self.workspaces
        }
        fixed = _params(task[name], values)
        matrix = as_node(task[name].get("matrix") or {})
        combinations = as_nodes(matrix.get("include")) or [{}]
        return [
            (spec, TaskRun(self.scratch / f"{name}-{n}", fixed | _params(one, values), bound))
            for n, one in enumerate(combinations)
        ]


def _params(node: Node, values: Mapping[str, str | Sequence[str]]) -> dict[str, str]:
    return {
        n: substitute(as_text(p["value"]), values) for n, p in named(node.get("params")).items()
    }


def job_container(job: Node, index: int, volumes: Mapping[str, Path]) -> Container:
    """Give the container of the pod with that index, whose volumes are folders of this machine."""
    pod = as_node(as_node(as_node(job["spec"])["template"])["spec"])
    [node] = as_nodes(pod["containers"])
    own = [{"name": "JOB_COMPLETION_INDEX", "value": str(index)}]
    container = _container({**node, "env": [*as_nodes(node.get("env")), *own]}, {})
    mounts = as_nodes(node["volumeMounts"])
    assert {as_text(one["name"]) for one in mounts} == set(named(pod["volumes"]))
    return replace(
        container,
        mounts={as_text(m["mountPath"]): volumes[as_text(m["name"])] for m in mounts},
        read_only=frozenset(as_text(m["mountPath"]) for m in mounts if m.get("readOnly")),
    )
