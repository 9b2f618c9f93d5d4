"""Which file a login is written to."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from regcopy.auth.login_key import LoginKey
from regcopy.auth.login_place import LoginPlace, find_login_place
from regcopy.errors import ConfigurationError
from tests.credentials import environment

TEAM = LoginKey.parse("example.com/team")


def test_the_file_of_the_command_line_comes_first(tmp_path: Path) -> None:
    around = environment(REGISTRY_AUTH_FILE="/a", DOCKER_CONFIG="/d", XDG_RUNTIME_DIR=tmp_path)
    assert find_login_place(around, authfile="/n") == LoginPlace(Path("/n"))
    assert find_login_place(around, compat_auth_file="/c") == LoginPlace(Path("/c"), True)


def test_then_the_variables_count_in_their_order(tmp_path: Path) -> None:
    runtime = environment(XDG_RUNTIME_DIR=tmp_path)
    docker = environment(XDG_RUNTIME_DIR=tmp_path, DOCKER_CONFIG="/d")
    named = environment(XDG_RUNTIME_DIR=tmp_path, DOCKER_CONFIG="/d", REGISTRY_AUTH_FILE="/a")
    assert find_login_place(runtime) == LoginPlace(tmp_path / "containers" / "auth.json")
    assert find_login_place(docker) == LoginPlace(Path("/d/config.json"), is_dockers=True)
    assert find_login_place(named) == LoginPlace(Path("/a"))


def test_without_any_variable_it_is_the_file_of_the_user(tmp_path: Path) -> None:
    place = find_login_place(environment(HOME="/home/x"), run_folder=tmp_path)
    assert place.path == tmp_path / str(os.getuid()) / "auth.json"


def test_two_files_make_no_sense() -> None:
    with pytest.raises(ConfigurationError, match="can not be set simultaneously"):
        find_login_place(environment(), authfile="/a", compat_auth_file="/b")


def test_a_folder_that_should_be_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="set by \\$XDG_RUNTIME_DIR does not exist"):
        find_login_place(environment(XDG_RUNTIME_DIR=tmp_path / "none"))


def test_docker_hub_has_its_old_address_in_dockers_file() -> None:
    hub = LoginKey.parse("docker.io")
    assert LoginPlace(Path("f")).entry_for(hub) == "docker.io"
    assert LoginPlace(Path("f"), True).entry_for(hub) == "https://index.docker.io/v1/"


def test_dockers_file_knows_no_namespaces() -> None:
    assert LoginPlace(Path("f")).entry_for(TEAM) == "example.com/team"
    with pytest.raises(ConfigurationError, match="namespaced key"):
        LoginPlace(Path("f"), True).entry_for(TEAM)
