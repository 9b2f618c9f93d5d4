from __future__ import annotations

from pathlib import Path

import pytest

from regcopy.auth.chain import FileKeychain, keychain_for
from regcopy.auth.credential import Credential
from regcopy.auth.keychain import FixedKeychain
from regcopy.errors import ConfigurationError
from tests.credentials import basic, environment, write_json

ANN = Credential("ann", "secret")


def test_a_credential_that_was_given_answers_for_every_registry() -> None:
    keychain = keychain_for(ANN, False, "", environment())

    assert keychain.find("example.com", "app") is ANN
    assert keychain.find("docker.io", "library/busybox") is ANN


def test_a_credential_that_was_given_wins_over_a_file(tmp_path: Path) -> None:
    keychain = keychain_for(ANN, False, str(tmp_path / "missing"), environment())

    assert keychain.find("example.com", "app") is ANN


def test_anonymous_access_reads_no_file(tmp_path: Path) -> None:
    keychain = keychain_for(None, True, str(tmp_path / "missing"), environment())

    assert keychain.find("example.com", "app") is None
    assert keychain == FixedKeychain(None)


def test_with_nothing_given_the_files_are_asked(tmp_path: Path) -> None:
    path = write_json(tmp_path / "auth.json", {"auths": {"example.com": basic("ann")}})
    keychain = keychain_for(None, False, str(path), environment())

    assert isinstance(keychain, FileKeychain)
    found = keychain.find("example.com", "app")
    assert found is not None
    assert found.username == "ann"


def test_a_credential_and_anonymous_access_exclude_each_other() -> None:
    with pytest.raises(ConfigurationError, match="exclude each other"):
        keychain_for(ANN, True, "", environment())


def test_two_sides_of_a_copy_may_be_two_accounts_of_one_registry(tmp_path: Path) -> None:
    reader = write_json(tmp_path / "reader.json", {"auths": {"example.com": basic("reader")}})
    source = keychain_for(None, False, str(reader), environment())
    destination = keychain_for(Credential("writer", "secret"), False, "", environment())

    found = [side.find("example.com", "app") for side in (source, destination, source)]
    assert [one.username for one in found if one] == ["reader", "writer", "reader"]
