"""Which file wins, and what stops a search."""

from __future__ import annotations

import threading

import pytest

from regcopy.auth.chain import FileKeychain
from regcopy.config.environment import Environment
from regcopy.errors import ConfigurationError
from tests.credentials import (
    ALL_VARIABLES,
    CANARY,
    HOST,
    Machine,
    basic,
    environment,
    make_unusable,
    user_found,
    write_json,
)

ORDER_WITH_ALL = (
    "REGISTRY_AUTH_FILE",
    "XDG_RUNTIME_DIR",
    "XDG_CONFIG_HOME",
    "DOCKER_CONFIG",
    "~/.dockercfg",
)
ORDER_WITH_HOME = ("/run/containers", "~/.config", "~/.docker", "~/.dockercfg")


@pytest.mark.parametrize(
    ("variables", "order"),
    [(ALL_VARIABLES, ORDER_WITH_ALL), (("HOME",), ORDER_WITH_HOME)],
    ids=["all variables", "only HOME"],
)
def test_files_are_asked_in_this_order(
    variables: tuple[str, ...], order: tuple[str, ...], machine: Machine
) -> None:
    machine.log_in(*machine.files)

    winners = []
    for place in order:
        winners.append(user_found(machine.keychain(*variables), HOST))
        machine.files[place].unlink()

    assert tuple(winners) == order
    # The other files are there, and nobody asks them.
    assert user_found(machine.keychain(*variables), HOST) is None


def test_the_named_file_is_the_only_one(machine: Machine) -> None:
    machine.log_in(*machine.files)
    write_json(machine.files["--authfile"], {"auths": {"other.example": basic("x")}})

    keychain = machine.keychain(*ALL_VARIABLES, authfile=str(machine.files["--authfile"]))

    assert user_found(keychain, HOST) is None
    assert user_found(keychain, "other.example") == "x"


def test_without_home_and_without_any_variable_access_is_anonymous(machine: Machine) -> None:
    assert FileKeychain(Environment({}), run_folder=machine.run_folder).find(HOST, "app") is None


@pytest.mark.parametrize("home", ["", "relative", "."])
def test_a_home_that_is_no_absolute_path_is_none(
    home: str, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(machine.root)
    for folder in (machine.root, machine.root / "relative"):
        write_json(folder / ".docker/config.json", {"auths": {HOST: basic("ann")}})

    keychain = FileKeychain(environment(HOME=home), run_folder=machine.run_folder)

    assert keychain.find(HOST, "app") is None


def test_an_entry_in_a_later_file_is_found(machine: Machine) -> None:
    machine.log_in("~/.docker")
    write_json(machine.files["~/.config"], {"auths": {"other.example": basic("x")}})

    assert user_found(machine.keychain("HOME"), HOST) == "~/.docker"


@pytest.mark.parametrize("how", ["missing", "malformed", "unreadable", "a link to itself"])
@pytest.mark.parametrize("place", ["~/.config", "~/.docker", "/run/containers", "~/.dockercfg"])
def test_a_default_file_that_cannot_be_used_is_no_file(
    place: str, how: str, machine: Machine
) -> None:
    make_unusable(machine.files[place], how)
    machine.log_in(*({"~/.docker", "~/.dockercfg"} - {place}))

    assert user_found(machine.keychain("HOME"), HOST) in {"~/.docker", "~/.dockercfg"}


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ("missing", "named.json does not exist"),
        ("malformed", "named.json is no usable auth file: it is not valid JSON"),
        ("unreadable", "cannot read auth file .*named.json: Is a directory"),
        ("a link to itself", "cannot read auth file .*named.json: Too many levels"),
        ("behind a file", "named.json does not exist"),
    ],
)
def test_a_named_file_that_cannot_be_used_is_an_error(how: str, why: str, machine: Machine) -> None:
    machine.log_in(*ORDER_WITH_ALL)
    path = machine.root / "folder" / "named.json"
    make_unusable(path, how)
    keychain = machine.keychain(*ALL_VARIABLES, authfile=str(path))

    for _ in range(2):  # the file is read once; the error comes each time
        with pytest.raises(ConfigurationError, match=why) as caught:
            keychain.find(HOST, "app")
        assert CANARY not in str(caught.value)


@pytest.mark.parametrize("path", ["nul\0", "lone\udcff\ud800", "x" * 5000])
def test_a_named_file_that_no_file_can_be_called_is_an_error(path: str, machine: Machine) -> None:
    with pytest.raises(ConfigurationError) as caught:
        machine.keychain(authfile=path).find(HOST, "app")

    assert str(caught.value).isprintable()


def test_a_missing_file_of_the_variable_is_passed_over(machine: Machine) -> None:
    # Images of container tools set the variable to a file that is often not there.
    machine.log_in("~/.docker")

    assert user_found(machine.keychain("REGISTRY_AUTH_FILE", "HOME"), HOST) == "~/.docker"


@pytest.mark.parametrize("how", ["malformed", "unreadable"])
def test_a_file_of_the_variable_that_is_there_must_be_usable(how: str, machine: Machine) -> None:
    machine.log_in("~/.docker")
    make_unusable(machine.files["REGISTRY_AUTH_FILE"], how)

    with pytest.raises(ConfigurationError, match=r"registry-auth\.json"):
        machine.keychain("REGISTRY_AUTH_FILE", "HOME").find(HOST, "app")


def test_each_caller_gets_an_error_of_its_own(machine: Machine) -> None:
    # Errors are told on their way up where they happened.
    keychain = machine.keychain(authfile="/no/such/file")
    caught = []
    for _ in range(2):
        with pytest.raises(ConfigurationError) as one:
            keychain.find(HOST, "app")
        caught.append(one.value)

    assert caught[0] is not caught[1]


def test_files_are_read_once_for_all_threads(machine: Machine) -> None:
    machine.log_in("~/.docker")
    keychain = machine.keychain("HOME")
    assert user_found(keychain, HOST) == "~/.docker"
    machine.files["~/.docker"].unlink()

    found: list[str | None] = []
    threads = [
        threading.Thread(target=lambda: found.append(user_found(keychain, HOST))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == ["~/.docker"] * 8
