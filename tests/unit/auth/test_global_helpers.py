"""`credential-helpers` of registries.conf: programs that are asked for every registry."""

from __future__ import annotations

from pathlib import Path

import pytest

from regcopy.auth.chain import FileKeychain, keychain_for
from regcopy.auth.credential import Credential
from regcopy.auth.keychain import FixedKeychain
from regcopy.errors import ConfigurationError
from tests.credentials import (
    HOST,
    NOT_FOUND,
    answer,
    basic,
    environment,
    user_found,
    write_helper,
    write_json,
)


@pytest.fixture
def keychain(tmp_path: Path) -> FileKeychain:
    """A keychain with an auth file, and helpers on PATH; registries.conf is `conf`."""
    (tmp_path / "conf").touch()
    write_helper(tmp_path / "bin", "has", answer("helper"))
    write_helper(tmp_path / "bin", "has-not", NOT_FOUND)
    write_helper(tmp_path / "bin", "bad", "exit 1")
    authfile = write_json(tmp_path / "auth.json", {"auths": {HOST: basic("file")}})
    variables = environment(
        PATH=f"{tmp_path}/bin:/usr/bin:/bin", CONTAINERS_REGISTRIES_CONF=tmp_path / "conf"
    )
    return FileKeychain(variables, str(authfile))


def write(folder: Path, helpers: str) -> None:
    (folder / "conf").write_text(f"credential-helpers = [{helpers}]\n")


@pytest.mark.parametrize(
    ("helpers", "user"),
    [
        ("", "file"),
        ('"containers-auth.json"', "file"),
        ('"containers-auth.json", "has"', "file"),
        ('"has", "containers-auth.json"', "helper"),
        ('"has-not", "containers-auth.json"', "file"),
        ('"has"', "helper"),
        ('"has-not"', None),
    ],
)
def test_helpers_and_files_are_asked_in_the_order_of_the_list(
    keychain: FileKeychain, tmp_path: Path, helpers: str, user: str | None
) -> None:
    write(tmp_path, helpers)
    assert user_found(keychain, HOST) == user


def test_a_helper_that_fails_is_an_error_and_not_anonymous_access(
    keychain: FileKeychain, tmp_path: Path
) -> None:
    write(tmp_path, '"bad", "containers-auth.json"')
    with pytest.raises(ConfigurationError, match=r"docker-credential-bad.*registries\.conf"):
        keychain.find(HOST, "app")


def test_each_step_is_explained(keychain: FileKeychain, tmp_path: Path) -> None:
    write(tmp_path, '"has-not", "has"')
    explained = keychain.explain(HOST, "app")
    assert [(lookup.state, lookup.entry) for lookup in explained.lookups] == [
        ("no entry", "docker-credential-has-not"),
        ("used", "docker-credential-has"),
    ]
    assert explained.kind == "password"


def test_a_broken_registries_conf_is_explained(keychain: FileKeychain, tmp_path: Path) -> None:
    (tmp_path / "conf").write_text("[[")
    explained = keychain.explain(HOST, "app")
    assert explained.kind == "error"
    assert "loading registries configuration" in explained.problem


def test_a_given_credential_leaves_the_files_to_other_registries() -> None:
    given = keychain_for(Credential("u", "p"), False, "", environment())
    assert isinstance(given, FixedKeychain)
    assert isinstance(given.elsewhere, FileKeychain)
    assert keychain_for(None, True, "", environment()) == FixedKeychain()
