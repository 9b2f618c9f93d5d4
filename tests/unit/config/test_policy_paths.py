"""Which policy file counts."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from regcopy.config.environment import Environment
from regcopy.config.policy_paths import MAX_POLICY_BYTES, find_policy, read_policy
from regcopy.errors import ConfigurationError


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home folder, and beside it `etc` and `usr` for the machine."""
    for folder in ("home/.config/containers", "xdg/containers", "etc", "usr"):
        (tmp_path / folder).mkdir(parents=True)
    return tmp_path / "home"


def found(home: Path, **variables: str) -> str:
    root = home.parent
    files = (root / "etc" / "policy.json", root / "usr" / "policy.json")
    path = find_policy(Environment({"HOME": str(home), **variables}), system_files=files)
    return str(path.relative_to(root)) if path else ""


def write(home: Path, *names: str) -> None:
    for name in names:
        (home.parent / name).write_text("{}")


USER = "home/.config/containers/policy.json"


def test_there_may_be_none(home: Path) -> None:
    assert found(home) == ""


def test_the_users_comes_before_the_machines(home: Path) -> None:
    write(home, "usr/policy.json")
    assert found(home) == "usr/policy.json"
    write(home, "etc/policy.json")
    assert found(home) == "etc/policy.json"
    write(home, USER)
    assert found(home) == USER


def test_the_one_in_xdg_config_home_comes_first_and_does_not_hide_the_old_place(
    home: Path,
) -> None:
    write(home, USER, "etc/policy.json")
    xdg = str(home.parent / "xdg")
    assert found(home, XDG_CONFIG_HOME=xdg) == USER
    write(home, "xdg/containers/policy.json")
    assert found(home, XDG_CONFIG_HOME=xdg) == "xdg/containers/policy.json"


def test_a_variable_names_another(home: Path) -> None:
    write(home, USER)
    assert found(home, CONTAINERS_POLICY_JSON=str(home / "mine")) == "home/mine"


def test_without_a_home_the_machines_counts(home: Path) -> None:
    write(home, "etc/policy.json")
    assert found(home, HOME="") == "etc/policy.json"


def test_a_link_that_leads_nowhere_counts(home: Path) -> None:
    write(home, "etc/policy.json")
    (home.parent / USER).symlink_to("gone")
    assert found(home) == USER
    with pytest.raises(ConfigurationError, match="no such file"):
        read_policy(home.parent / USER)


def test_a_file_where_a_folder_should_be_means_that_there_is_none(home: Path) -> None:
    (home / ".config" / "containers").rmdir()
    (home / ".config" / "containers").write_text("")
    assert found(home) == ""


def test_a_folder_that_cannot_be_entered_is_an_error(home: Path) -> None:
    (home / ".config" / "containers").rmdir()
    (home / ".config" / "containers").symlink_to("containers")
    with pytest.raises(ConfigurationError, match="too many levels"):
        found(home)


def test_a_folder_is_no_policy(home: Path) -> None:
    with pytest.raises(ConfigurationError, match="is a directory"):
        read_policy(home)


def test_a_pipe_is_not_waited_for(home: Path) -> None:
    os.mkfifo(home / "pipe")
    assert read_policy(home / "pipe") == b""


def test_a_huge_file_is_no_policy(home: Path) -> None:
    with (home / "huge").open("wb") as file:
        file.truncate(MAX_POLICY_BYTES + 1)
    with pytest.raises(ConfigurationError, match="at most 4194304 bytes"):
        read_policy(home / "huge")


def test_a_name_that_no_file_has_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match="no possible path"):
        read_policy(Path("a\0b"))


def barred(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Let nothing in a folder be seen, as happens to who may not enter it."""
    real = os.lstat

    def lstat(path: Path) -> os.stat_result:
        if folder in Path(path).parents:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "lstat", lstat)


def test_a_home_that_may_not_be_entered_holds_no_policy_of_this_user(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(home, USER, "etc/policy.json")
    barred(monkeypatch, home)
    assert found(home) == "etc/policy.json"


def test_a_folder_of_the_machine_that_may_not_be_entered_is_an_error(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    barred(monkeypatch, home.parent / "etc")
    with pytest.raises(ConfigurationError, match="permission denied"):
        found(home)
