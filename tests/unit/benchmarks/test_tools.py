"""How each program is told to copy."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchmarks.tools import CopyJob, FileJob, Tool, find_tools

ONE = CopyJob("127.0.0.1:1/a:1", "127.0.0.1:2/b:1", platforms=False)
ALL = CopyJob("127.0.0.1:1/a:1", "127.0.0.1:1/b:1", platforms=True)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Tool]:
    """A PATH on which all peers stand, each saying its version."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("skopeo", "crane", "regctl"):
        (folder / name).write_text(f"#!/bin/sh\necho {name} version 7.8.9\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return {tool.name: tool for tool in find_tools(tmp_path)}


def test_all_that_is_on_path_is_compared(installed: dict[str, Tool]) -> None:
    assert list(installed) == ["regcopy", "skopeo", "crane", "regctl"]
    assert {installed[name].version for name in ("skopeo", "crane", "regctl")} == {"7.8.9"}


def test_only_the_named_programs_are_taken(installed: dict[str, Tool], tmp_path: Path) -> None:
    assert [tool.name for tool in find_tools(tmp_path, ["crane"])] == ["crane"]


def test_skopeo_and_regcopy_take_the_same_names_and_flags(installed: dict[str, Tool]) -> None:
    ours = installed["regcopy"].copy_arguments(ALL)
    assert installed["skopeo"].copy_arguments(ALL) == ["--insecure-policy", *ours]
    assert ours[:2] == ["copy", "--all"]
    assert ours[-2:] == ["docker://127.0.0.1:1/a:1", "docker://127.0.0.1:1/b:1"]
    assert "--all" not in installed["regcopy"].copy_arguments(ONE)


def test_regctl_is_told_that_each_registry_speaks_plain_http(installed: dict[str, Tool]) -> None:
    assert installed["regctl"].copy_arguments(ONE)[:4] == [
        "--host",
        "reg=127.0.0.1:1,tls=disabled",
        "--host",
        "reg=127.0.0.1:2,tls=disabled",
    ]
    assert installed["regctl"].copy_arguments(ALL).count("--host") == 1


def test_regcopy_is_the_code_of_this_checkout(installed: dict[str, Tool]) -> None:
    assert installed["regcopy"].version != "unknown"
    assert (Path(installed["regcopy"].environment["PYTHONPATH"]) / "pyproject.toml").is_file()


def test_files_have_their_transports_in_their_names(installed: dict[str, Tool]) -> None:
    job = FileJob("docker://127.0.0.1:1/a:1", "oci:/tmp/x:1")
    ours = installed["regcopy"].file_command(job)
    assert installed["skopeo"].file_command(job)[2:] == ours[1:]
    assert ours[-2:] == [job.source, job.destination]


def test_a_program_that_knows_no_files_says_so(installed: dict[str, Tool]) -> None:
    assert installed["crane"].file_arguments is None
    with pytest.raises(ValueError, match="crane copies between registries only"):
        installed["crane"].file_command(FileJob("dir:/a", "dir:/b"))


def test_regcopy_copies_a_list_in_one_process(installed: dict[str, Tool], tmp_path: Path) -> None:
    program, *arguments, path = installed["regcopy"].list_command([ONE, ALL], tmp_path)
    assert program == installed["regcopy"].program
    assert arguments[0] == "batch"
    assert Path(path).read_text().splitlines() == [
        "docker://127.0.0.1:1/a:1 docker://127.0.0.1:2/b:1",
        "docker://127.0.0.1:1/a:1 docker://127.0.0.1:1/b:1",
    ]


def test_a_peer_is_run_once_for_each_line_of_a_list(
    installed: dict[str, Tool], tmp_path: Path
) -> None:
    *shell, path = installed["skopeo"].list_command([ONE, ALL], tmp_path)
    assert shell == ["/bin/sh", "-e"]
    lines = Path(path).read_text().splitlines()
    assert [line.split() for line in lines] == [
        installed["skopeo"].command(ONE),
        installed["skopeo"].command(ALL),
    ]
