"""Completion: the scripts are run by the shells that they are for."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

from regcopy.cli.command import COMMANDS
from regcopy.cli.completion_words import commands, root_flags
from tests.command_line import run_cli

SHELLS: Final = ("bash", "zsh", "fish")
_BASH: Final = """
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_regcopy
printf '%s\\n' "${COMPREPLY[@]}"
"""


def shell(name: str) -> str:
    """Give the path of a shell. Nothing of ours needs it, so it may be missing everywhere."""
    found = shutil.which(name)
    return found or pytest.skip(f"{name} is not installed")


@pytest.fixture
def script(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """The script for the shell of the test."""
    path = tmp_path / "script"
    path.write_text(run_cli("completion", request.param).out)
    return path


def bash(script: Path, *words: str) -> list[str]:
    """What bash offers for the last of the words."""
    done = subprocess.run(
        [shell("bash"), "-c", _BASH, "bash", str(script), "regcopy", *words],
        cwd=script.parent,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout.split()


@pytest.mark.parametrize("script", ["bash"], indirect=True)
@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["cop"], ["copy"]),
        (["--debug", "insp"], ["inspect"]),
        (["--tmpdir", "/tmp", "list"], ["list-tags"]),
        (["--tmpdir", "=", "/tmp", "list"], ["list-tags"]),
        (["copy", "--src-authf"], ["--src-authfile"]),
        (["copy", "--override-a"], ["--override-arch"]),
        (["copy", "docker:"], ["docker://"]),
        # bash itself takes a name of an image apart at its colons.
        (["copy", "oci-archive", ":", "scr"], ["script"]),
        (["copy", "dir", ":"], ["folder", "script"]),
        (["copy", "dir", ":", "do"], []),
        (["copy", "docker", ":"], []),
        (["copy", "docker", ":", "//localhost", ":", "scr"], []),
        (["copy", "oci", ":", "script", ":", "scr"], []),
        (["inspect", "--format", ""], []),
        (["completion", ""], ["bash", "zsh", "fish"]),
        (["help", "logi"], ["login"]),
        (["--deb"], ["--debug"]),
        (["manifest-digest", "scr"], ["script"]),
        (["copy", "--src-authfile", "scr"], ["script"]),
        (["copy", "--src-authfile", "=", "scr"], ["script"]),
        (["login", "--cert-dir", "scr"], []),
        (["login", "--cert-dir", "fol"], ["folder"]),
    ],
    ids=" ".join,
)
def test_bash_completes(script: Path, words: list[str], offered: list[str]) -> None:
    (script.parent / "folder").mkdir()
    assert sorted(bash(script, *words)) == sorted(offered)


@pytest.mark.parametrize("script", ["fish"], indirect=True)
@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("regcopy cop", ["copy"]),
        ("regcopy copy --src-authf", ["--src-authfile"]),
        ("regcopy copy docker-a", ["docker-archive:"]),
        ("regcopy completion z", ["zsh"]),
        ("regcopy manifest-digest scr", ["script"]),
    ],
)
def test_fish_completes(script: Path, line: str, offered: list[str]) -> None:
    fish = shell("fish")
    command = f"source script; complete -C {shlex.quote(line)}"
    done = subprocess.run(
        [fish, "--no-config", "-c", command],
        cwd=script.parent,
        env={"HOME": str(script.parent), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert [line.split("\t")[0] for line in done.stdout.splitlines()] == offered


@pytest.mark.parametrize("script", SHELLS, indirect=True)
def test_the_scripts_follow_the_grammar_of_their_shells(
    script: Path, request: pytest.FixtureRequest
) -> None:
    program = shell(request.node.callspec.params["script"])
    subprocess.run([program, "-n", str(script)], timeout=60, check=True)


@pytest.mark.parametrize("name", SHELLS)
def test_all_commands_and_flags_are_in_the_script(name: str) -> None:
    script = run_cli("completion", name).out
    for command in commands():
        assert command.name in script
        for flag in command.flags:
            assert f"--{flag.long}" in script or f"-l {flag.long} " in script


@pytest.mark.parametrize("name", SHELLS)
def test_the_script_is_for_the_program_by_the_name_it_was_called(name: str) -> None:
    script = run_cli("completion", name, program="skopeo").out
    assert "_skopeo" in script or "complete -c skopeo" in script
    assert "_regcopy" not in script
    assert "complete -c regcopy" not in script


def test_commands_are_those_of_the_table_and_help() -> None:
    assert [command.name for command in commands()] == [*COMMANDS, "help"]


def test_hidden_and_unsupported_flags_are_not_offered() -> None:
    flags = {flag.long for command in commands() for flag in command.flags}
    assert flags & {"screds", "no-descriptions"} == set()
    assert "version" in {flag.long for flag in root_flags()}


def test_without_a_shell_completion_explains_itself() -> None:
    ended = run_cli("completion")
    assert ended.code == 0
    assert ended.out.startswith("Usage: regcopy completion [flags] bash|zsh|fish")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nope",), 'there is no completion for "nope"'),
        (("bash", "x"), 'unknown command "x" for "regcopy completion bash"'),
        (("--nope",), "unknown flag: --nope"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments: tuple[str, ...], message: str) -> None:
    ended = run_cli("completion", *arguments)
    assert (ended.code, ended.out, ended.fatal) == (1, "", message)


def test_the_flag_of_skopeo_is_taken() -> None:
    assert run_cli("completion", "bash", "--no-descriptions").code == 0
