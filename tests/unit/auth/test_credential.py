from __future__ import annotations

import pytest

from regcopy.auth.credential import Credential
from regcopy.errors import ConfigurationError
from tests.credentials import CANARY


def test_the_repr_shows_the_account_and_no_secret() -> None:
    credential = Credential(
        "ann", CANARY, identity_token=CANARY, registry_token=CANARY, origin="--creds"
    )

    assert "ann" in repr(credential)
    assert "--creds" in repr(credential)
    assert CANARY not in repr(credential) + str(credential)


@pytest.mark.parametrize("character", ["\r", "\n", "\0", "\x7f", "é", "\ud800"])
def test_a_registry_token_that_no_header_may_have_is_refused(character: str) -> None:
    with pytest.raises(ConfigurationError, match="--registry-token: the registry token") as caught:
        Credential(registry_token=CANARY + character, origin="--registry-token")

    assert CANARY not in str(caught.value)


@pytest.mark.parametrize("name", ["username", "password", "identity_token"])
def test_bytes_of_the_command_line_that_are_not_utf_8_are_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match="not valid UTF-8") as caught:
        Credential(**{name: f"{CANARY}\udcff"}, origin="--creds")

    assert CANARY not in str(caught.value)
    assert caught.value.__suppress_context__


def test_a_password_may_be_any_text() -> None:
    assert Credential("ann", "pä:\n\0 ß€").password == "pä:\n\0 ß€"
