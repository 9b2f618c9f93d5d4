"""The signature that registries want on a manifest of Docker's schema 1 (RFC 7515, libtrust).

It proves nothing: its key is made for it, and forgotten. skopeo and podman do the same.
"""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from regcopy.errors import TransportUnavailable
from regcopy.model.jws import encode, protected_header, with_signature

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

_NUMBER_BYTES: Final = 32
_KEY_ID_BYTES: Final = 30


def sign_schema1(text: bytes) -> bytes:
    """Sign a manifest with a key of its own: ECDSA P-256 over SHA-256 (ES256).

    Args:
        text: the manifest without signatures.

    Raises:
        TransportUnavailable: the library for it is not installed.
    """
    try:
        from cryptography.hazmat.primitives.asymmetric import ec, utils
        from cryptography.hazmat.primitives.hashes import SHA256
    except ImportError:
        raise TransportUnavailable(
            "manifests of Docker schema 1 are signed with the Python library cryptography, "
            "which is not installed",
            hint="pip install 'regcopy[trust]'",
        ) from None
    key = ec.generate_private_key(ec.SECP256R1())
    protected = protected_header(text, f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}")
    made = key.sign(f"{protected}.{encode(text)}".encode(), ec.ECDSA(SHA256()))
    signature = b"".join(map(_number, utils.decode_dss_signature(made)))
    header = {"jwk": _jwk(key.public_key()), "alg": "ES256"}
    return with_signature(
        text, {"header": header, "signature": encode(signature), "protected": protected}
    )


def _number(value: int) -> bytes:
    return value.to_bytes(_NUMBER_BYTES, "big")


def _jwk(key: EllipticCurvePublicKey) -> dict[str, object]:
    """Members of the key (RFC 7518, section 6.2.1), with its ID as libtrust makes it."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    text = base64.b32encode(hashlib.sha256(der).digest()[:_KEY_ID_BYTES]).decode()
    numbers = key.public_numbers()
    return {
        "crv": "P-256",
        "kid": ":".join(text[at : at + 4] for at in range(0, len(text), 4)),
        "kty": "EC",
        "x": encode(_number(numbers.x)),
        "y": encode(_number(numbers.y)),
    }
