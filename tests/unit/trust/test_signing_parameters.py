"""The file of `--sign-by-sigstore`: a private key, and what cannot be done yet."""

from __future__ import annotations

import pytest

from regcopy.errors import ConfigurationError
from regcopy.trust.signing_parameters import SigningParameters, parse_signing_parameters


def parsed(text: str) -> SigningParameters:
    return parse_signing_parameters(text, what="sign.yaml")


def test_a_key_and_the_file_of_its_passphrase() -> None:
    text = 'privateKeyFile: "/keys/private.key"\nprivateKeyPassphraseFile: /keys/passphrase\n'
    assert parsed(text) == SigningParameters("/keys/private.key", "/keys/passphrase")


def test_a_key_whose_passphrase_is_to_be_asked_for() -> None:
    assert parsed("{privateKeyFile: key, rekorURL: }") == SigningParameters("key")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "privateKeyFile is missing"),
        ("privateKeyFile: ''", "privateKeyFile is missing"),
        ("privateKeyFile: [a]", "privateKeyFile is no text"),
        ("privateKey: a", "there is no field privateKey"),
        ("fulcio: {url: x}", "there is no field url"),
        ("fulcio: x", "fulcio is no mapping"),
        ("fulcio: {fulcioURL: x}", "with a certificate of Fulcio is not supported"),
        ("{privateKeyFile: a, rekorURL: b}", "into a transparency log is not supported"),
        ("a", "is no mapping"),
    ],
)
def test_what_cannot_be_done_is_refused(text: str, told: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^sign\.yaml") as caught:
        parsed(text)
    assert told in str(caught.value)
