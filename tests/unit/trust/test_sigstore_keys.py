"""Keys for sigstore signatures, as cosign and skopeo write them."""

from __future__ import annotations

import base64
import json
import sys

import pytest

from regcopy.errors import ConfigurationError, TransportUnavailable
from regcopy.trust.signatures import SIGSTORE_SIGNATURE, SIGSTORE_TYPE, SigstoreSignature
from regcopy.trust.sigstore import PublicKeys
from regcopy.trust.sigstore_keys import KeyPair, generate_key_pair, sign
from tests.signing import Json

pytest.importorskip("nacl")
pytest.importorskip("cryptography")


@pytest.fixture(scope="module")
def pair() -> KeyPair:
    return generate_key_pair(b"passphrase")


def unwrapped(pair: KeyPair) -> dict[str, Json]:
    lines = pair.private.decode().splitlines()
    document: dict[str, Json] = json.loads(base64.b64decode("".join(lines[1:-1])))
    return document


def wrapped(document: object, kind: str = "SIGSTORE") -> bytes:
    text = base64.b64encode(json.dumps(document).encode()).decode()
    name = f"ENCRYPTED {kind} PRIVATE KEY"
    return f"-----BEGIN {name}-----\n{text}\n-----END {name}-----\n".encode()


def test_what_the_private_key_signs_the_public_key_verifies(pair: KeyPair) -> None:
    made = base64.b64encode(sign(b"payload", pair.private, b"passphrase")).decode()
    signature = SigstoreSignature(SIGSTORE_TYPE, b"payload", {SIGSTORE_SIGNATURE: made})
    assert PublicKeys([pair.public]).verify(signature) == b"payload"


def test_the_private_key_is_encrypted_and_not_shown(pair: KeyPair) -> None:
    document = unwrapped(pair)
    assert document["kdf"]["name"] == "scrypt"
    assert document["kdf"]["params"] == {"N": 65536, "r": 8, "p": 1}
    assert document["cipher"]["name"] == "nacl/secretbox"
    assert "PRIVATE" not in repr(pair)


def test_two_pairs_share_nothing(pair: KeyPair) -> None:
    other = unwrapped(generate_key_pair(b"passphrase"))
    assert other["kdf"]["salt"] != unwrapped(pair)["kdf"]["salt"]
    assert other["cipher"]["nonce"] != unwrapped(pair)["cipher"]["nonce"]


def test_a_key_of_older_cosign_is_taken(pair: KeyPair) -> None:
    assert sign(b"x", wrapped(unwrapped(pair), "COSIGN"), b"passphrase")


def test_a_wrong_passphrase_is_told(pair: KeyPair) -> None:
    with pytest.raises(ConfigurationError, match="wrong passphrase"):
        sign(b"x", pair.private, b"other")


@pytest.mark.parametrize(
    ("part", "member", "value"),
    [
        ("kdf", "name", "argon2"),
        ("kdf", "params", {"N": 2**30, "r": 8, "p": 1}),
        ("kdf", "params", {"N": 2, "r": 8, "p": 1}),
        ("kdf", "params", {"N": 65536, "r": 800, "p": 1}),
        ("kdf", "params", None),
        ("kdf", "salt", "!"),
        ("cipher", "name", "aes"),
        ("cipher", "nonce", "YWJj"),
    ],
)
def test_unusual_encryption_is_refused(
    pair: KeyPair, part: str, member: str, value: object
) -> None:
    document = unwrapped(pair)
    document[part][member] = value
    with pytest.raises(ConfigurationError, match="no private key"):
        sign(b"x", wrapped(document), b"passphrase")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"text",
        wrapped("x").replace(b"I", b"!"),
        b"-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\nYQ==\nYQ==",
        b"-----BEGIN PRIVATE KEY-----\nYQ==\n-----END PRIVATE KEY-----",
        b"x" * 100_000,
        wrapped([]),
        wrapped({}),
    ],
)
def test_what_is_no_key_is_refused(content: bytes) -> None:
    with pytest.raises(ConfigurationError, match="no private key"):
        sign(b"x", content, b"passphrase")


@pytest.mark.parametrize(("module", "name"), [("nacl", "PyNaCl"), ("cryptography", "cryptography")])
def test_a_missing_library_names_the_extra(
    monkeypatch: pytest.MonkeyPatch, module: str, name: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(TransportUnavailable, match=name) as caught:
        generate_key_pair(b"")
    assert caught.value.hint == "pip install 'regcopy[sign]'"


def test_checking_signatures_without_the_library_names_the_extra(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.exceptions", None)
    with pytest.raises(TransportUnavailable) as caught:
        PublicKeys([b"key"])
    assert caught.value.hint == "pip install 'regcopy[trust]'"


@pytest.mark.parametrize(
    "content", [b"", b"text", b"-----BEGIN PUBLIC KEY-----\nYQ==\n-----END PUBLIC KEY-----"]
)
def test_a_public_key_that_is_none_is_refused(content: bytes) -> None:
    with pytest.raises(ConfigurationError, match="parsing public key 1"):
        PublicKeys([content])


def test_no_public_key_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="no public key"):
        PublicKeys([])
