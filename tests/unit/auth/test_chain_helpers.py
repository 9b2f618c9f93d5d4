"""Entries of an auth file that name a program."""

from __future__ import annotations

from pathlib import Path

import pytest

from regcopy.auth.chain import FileKeychain
from regcopy.config.environment import Environment
from regcopy.errors import ConfigurationError
from tests.credentials import (
    CANARY,
    HOST,
    NOT_FOUND,
    answer,
    basic,
    environment,
    user_found,
    write_helper,
    write_json,
)


class KeychainOf:
    """Makes the keychain of one auth file, with some helpers on PATH."""

    def __init__(self, root: Path, asked: Path) -> None:
        self.root = root
        bin_folder = root / "bin"
        note = f"{{ cat; echo; }} >>{asked}\n"
        write_helper(bin_folder, "has", answer("helper"))
        write_helper(bin_folder, "has-not", note + NOT_FOUND)
        write_helper(bin_folder, "bad", f"echo {CANARY}; echo {CANARY} >&2; exit 1")
        write_helper(root, "bad", answer("outside of PATH"))

    def environment(self, **variables: str | Path) -> Environment:
        return environment(PATH=f"{self.root}/bin:/usr/bin:/bin", **variables)

    def __call__(self, document: object) -> FileKeychain:
        path = write_json(self.root / "auth.json", document)
        return FileKeychain(self.environment(), str(path))


@pytest.fixture
def asked(tmp_path: Path) -> Path:
    """A file with the servers that helpers were asked for, one a line."""
    return tmp_path / "asked"


@pytest.fixture
def keychain_of(tmp_path: Path, asked: Path) -> KeychainOf:
    return KeychainOf(tmp_path, asked)


def test_the_helper_of_the_registry_comes_first(keychain_of: KeychainOf) -> None:
    keychain = keychain_of(
        {"auths": {HOST: basic("file")}, "credHelpers": {HOST: "has"}, "credsStore": "bad"}
    )

    assert user_found(keychain, HOST, "team/app") == "helper"


def test_an_entry_comes_before_the_store(keychain_of: KeychainOf) -> None:
    keychain = keychain_of({"auths": {HOST: basic("file")}, "credsStore": "has"})

    assert user_found(keychain, HOST) == "file"


def test_the_store_answers_for_an_empty_entry(keychain_of: KeychainOf) -> None:
    # `docker login` leaves the empty entry as a note that the store has the secret.
    keychain = keychain_of({"auths": {HOST: {}}, "credsStore": "has"})

    assert user_found(keychain, HOST) == "helper"


def test_the_store_is_not_asked_where_the_registry_has_a_helper(keychain_of: KeychainOf) -> None:
    document = {"credHelpers": {HOST: "has-not"}, "credsStore": "has"}

    assert keychain_of(document).find(HOST, "app") is None


def test_an_empty_name_means_no_helper_for_this_registry(keychain_of: KeychainOf) -> None:
    document = {"credHelpers": {HOST: ""}, "credsStore": "has"}

    assert keychain_of(document).find(HOST, "app") is None


def test_an_entry_is_next_where_the_helper_has_nothing(keychain_of: KeychainOf) -> None:
    keychain = keychain_of({"auths": {HOST: basic("file")}, "credHelpers": {HOST: "has-not"}})

    assert user_found(keychain, HOST) == "file"


def test_the_next_file_is_read_where_the_store_has_nothing(
    keychain_of: KeychainOf, tmp_path: Path
) -> None:
    write_json(tmp_path / "docker/config.json", {"auths": {HOST: basic("docker")}})
    path = write_json(tmp_path / "first.json", {"credsStore": "has-not"})
    asked = keychain_of.environment(REGISTRY_AUTH_FILE=path, DOCKER_CONFIG=tmp_path / "docker")

    assert user_found(FileKeychain(asked, run_folder=tmp_path), HOST) == "docker"


@pytest.mark.parametrize(
    "document",
    [
        {"credHelpers": {HOST: "bad"}, "auths": {HOST: basic("file")}},
        {"credHelpers": {HOST: "missing"}, "auths": {HOST: basic("file")}},
        {"credHelpers": {HOST: "../bad"}},
        {"credHelpers": {HOST: 7}},
        {"credsStore": "bad"},
        {"credsStore": "missing"},
        {"credsStore": "../bad"},
    ],
)
def test_a_helper_that_fails_is_an_error_that_names_the_file(
    document: object, keychain_of: KeychainOf
) -> None:
    keychain = keychain_of(document)

    with pytest.raises(ConfigurationError, match=r"auth\.json") as caught:
        keychain.find(HOST, "app")

    assert CANARY not in str(caught.value) + repr(keychain.explain(HOST, "app"))


def test_a_helper_of_another_registry_is_left_alone(keychain_of: KeychainOf) -> None:
    keychain = keychain_of({"credHelpers": {"other.example": "bad"}})

    assert keychain.find(HOST, "app") is None


def test_a_helper_is_asked_for_the_registry_alone(keychain_of: KeychainOf, asked: Path) -> None:
    keychain_of({"credsStore": "has-not"}).find(f"{HOST}:5000", "team/app")

    assert asked.read_text().splitlines() == [f"{HOST}:5000"]


@pytest.mark.parametrize(
    ("document", "servers"),
    [
        ({"credsStore": "has-not"}, ["https://index.docker.io/v1/", "docker.io"]),
        (
            {"credHelpers": {"docker.io": "has-not"}},
            ["docker.io", "https://index.docker.io/v1/"],
        ),
        (
            {"credHelpers": {"index.docker.io": "has-not"}},
            ["index.docker.io", "https://index.docker.io/v1/", "docker.io"],
        ),
    ],
)
def test_docker_hub_is_asked_for_under_all_its_names(
    document: object, servers: list[str], keychain_of: KeychainOf, asked: Path
) -> None:
    keychain_of(document).find("docker.io", "library/busybox")

    assert asked.read_text().splitlines() == servers
