"""A keychain that is made when it is first asked."""

from __future__ import annotations

from regcopy.auth.credential import Credential
from regcopy.auth.keychain import FixedKeychain
from regcopy.auth.late import LateKeychain

ANN = Credential("ann", "secret")


class Maker:
    """Makes a keychain, and counts."""

    def __init__(self) -> None:
        self.made = 0

    def __call__(self) -> FixedKeychain:
        self.made += 1
        return FixedKeychain(ANN)


def test_it_is_not_made_before_it_is_asked() -> None:
    make = Maker()
    LateKeychain(make)

    assert make.made == 0


def test_it_is_made_once_and_answers() -> None:
    make = Maker()
    keychain = LateKeychain(make)

    found = [keychain.find("example.com", "app"), keychain.find("docker.io", "library/app")]
    assert found == [ANN, ANN]
    assert make.made == 1
