from __future__ import annotations

import os
from pathlib import Path

import pytest

from regcopy.config.environment import Environment
from tests.credentials import CANARY


def test_the_repr_shows_no_values() -> None:
    environment = Environment({"REGISTRY_PASSWORD": CANARY})

    assert CANARY not in repr(environment) + str(environment)


def test_the_environment_of_the_process_is_a_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ann")
    environment = Environment.of_process()
    monkeypatch.setenv("HOME", "/home/bob")

    assert environment.home == Path("/home/ann")


def test_a_variable_that_is_not_set_is_empty() -> None:
    assert not Environment({}).get("HTTPS_PROXY")


@pytest.mark.parametrize("value", ["", "relative", "./x", "~"])
def test_only_absolute_paths_are_places(value: str) -> None:
    environment = Environment({"HOME": value, "XDG_RUNTIME_DIR": value, "XDG_CONFIG_HOME": value})

    assert environment.home is None
    assert environment.runtime_dir is None
    assert environment.config_home is None


def test_places_follow_the_variables() -> None:
    environment = Environment({"HOME": "/h", "XDG_RUNTIME_DIR": "/r", "XDG_CONFIG_HOME": "/c"})

    assert (environment.home, environment.runtime_dir) == (Path("/h"), Path("/r"))
    assert environment.config_home == Path("/c")


@pytest.mark.parametrize("config_home", ["", "relative"])
def test_the_folder_of_configuration_is_in_the_home_folder_otherwise(config_home: str) -> None:
    environment = Environment({"HOME": "/h", "XDG_CONFIG_HOME": config_home})

    assert environment.config_home == Path("/h/.config")


@pytest.mark.parametrize("may_enter", [True, False])
def test_a_folder_that_this_user_may_not_enter_holds_nothing_of_this_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, may_enter: bool
) -> None:
    folder = tmp_path / ".config" / "containers"
    folder.mkdir(parents=True)
    monkeypatch.setattr(os, "access", lambda path, _mode: may_enter and path == folder)

    found = Environment({"HOME": str(tmp_path)}).containers_folder()

    assert found == (folder if may_enter else None)
