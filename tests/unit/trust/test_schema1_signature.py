"""The signature that makes a manifest of schema 1 acceptable."""

from __future__ import annotations

import base64
import json
import sys
from datetime import datetime

import pytest

from regcopy.errors import TransportUnavailable
from regcopy.model.jws import payload_of
from regcopy.trust.schema1_signature import sign_schema1

ec = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.ec")

TEXT = b'{"name":"a","schemaVersion":1}'


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def test_what_is_signed_is_the_text() -> None:
    assert payload_of(sign_schema1(TEXT)) == TEXT


@pytest.mark.parametrize("text", [b'{"a": 1}\n', b'{\n   "a": 1\n}', b'{"a":1 } ', TEXT])
def test_blanks_at_the_end_are_part_of_the_text(text: bytes) -> None:
    assert payload_of(sign_schema1(text)) == text


def test_the_key_that_is_named_made_the_signature() -> None:
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
    from cryptography.hazmat.primitives.hashes import SHA256

    (made,) = json.loads(sign_schema1(TEXT))["signatures"]
    key, protected = made["header"]["jwk"], made["protected"]
    x, y = (int.from_bytes(decoded(key[name]), "big") for name in ("x", "y"))
    r, s = (int.from_bytes(half, "big") for half in halves(decoded(made["signature"])))
    about = f"{protected}.{base64.urlsafe_b64encode(TEXT).decode().rstrip('=')}".encode()

    public = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    public.verify(encode_dss_signature(r, s), about, ec.ECDSA(SHA256()))
    assert datetime.fromisoformat(json.loads(decoded(protected))["time"]).tzinfo is not None


def halves(signature: bytes) -> tuple[bytes, bytes]:
    assert len(signature) == 64
    return signature[:32], signature[32:]


def test_each_manifest_has_a_key_of_its_own() -> None:
    keys = {json.loads(sign_schema1(TEXT))["signatures"][0]["header"]["jwk"]["kid"] for _ in "ab"}

    assert len(keys) == 2
    assert all(len(key) == 59 for key in keys)


def test_without_the_library_it_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.asymmetric", None)

    with pytest.raises(TransportUnavailable, match="cryptography") as caught:
        sign_schema1(TEXT)
    assert "regcopy[trust]" in caught.value.hint
