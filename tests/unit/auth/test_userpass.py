from __future__ import annotations

import pytest

from regcopy.auth.userpass import parse_creds
from regcopy.errors import ConfigurationError
from tests.credentials import CANARY


@pytest.mark.parametrize(
    ("text", "username", "password"),
    [
        ("ann:secret", "ann", "secret"),
        ("ann", "ann", ""),
        ("ann:", "ann", ""),
        ("ann:a:b:c", "ann", "a:b:c"),
        ("ann: spaced ", "ann", " spaced "),
        ("$oauthtoken:key", "$oauthtoken", "key"),
    ],
)
def test_the_first_colon_ends_the_user_name(text: str, username: str, password: str) -> None:
    credential = parse_creds(text)

    assert (credential.username, credential.password) == (username, password)


def test_the_option_is_the_origin_of_the_credential() -> None:
    assert parse_creds("ann:secret", origin="--src-creds").origin == "--src-creds"


@pytest.mark.parametrize("text", ["", f":{CANARY}"])
def test_without_a_user_name_there_is_no_credential(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"--src-creds: .* cannot be empty") as caught:
        parse_creds(text, origin="--src-creds")

    assert CANARY not in str(caught.value)
