"""What a user demands of TLS, as the file says it."""

from __future__ import annotations

import pytest

from regcopy.config.tls_details import TlsDetails, parse_tls_details
from regcopy.errors import ConfigurationError


def parsed(text: str) -> TlsDetails:
    return parse_tls_details(text, what="tls.yaml")


def test_an_empty_file_demands_nothing() -> None:
    assert parsed("") == parsed("cipherSuites:\nnamedGroups: []\n") == TlsDetails()


@pytest.mark.parametrize("version", ["1.0", "1.1", "1.2"])
def test_older_versions_than_ours_change_nothing(version: str) -> None:
    assert parsed(f'minVersion: "{version}"') == TlsDetails()


def test_all_that_can_be_demanded() -> None:
    text = """
    minVersion: "1.3"
    cipherSuites: [TLS_AES_128_GCM_SHA256, TLS_CHACHA20_POLY1305_SHA256]
    namedGroups: [x25519]
    """
    suites = ("TLS_AES_128_GCM_SHA256", "TLS_CHACHA20_POLY1305_SHA256")
    assert parsed(text) == TlsDetails(True, suites, "x25519")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("minVersion: 2", 'unrecognized TLS minimum version "2"'),
        ("minVersion: [1.2]", "unrecognized TLS minimum version"),
        ("cipherSuites: [RC4]", 'unrecognized TLS cipher suite "RC4"'),
        ("cipherSuites: TLS_AES_128_GCM_SHA256", "cipherSuites is no list of names"),
        ("cipherSuites: []", "cipherSuites is empty"),
        ("namedGroups: [{}]", "namedGroups is no list of names"),
        ("namedGroups: [prime256v1]", 'unrecognized TLS named group "prime256v1"'),
        ("namedGroups: [x25519, secp256r1]", "Python's TLS can be held to one"),
        ("minVersions: 1.2", "there is no field minVersions"),
        ("- minVersion", "is no mapping"),
        ("minVersion: 1.3\ncipherSuites: [TLS_RSA_WITH_AES_128_CBC_SHA]", "no suite of TLS 1.3"),
    ],
)
def test_what_cannot_be_had_is_refused(text: str, told: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^tls\.yaml") as caught:
        parsed(text)
    assert told in str(caught.value)
