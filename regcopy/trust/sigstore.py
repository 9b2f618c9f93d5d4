"""Signatures by a plain key, as cosign and containers/image make them.

The library cryptography is loaded here, when it is needed and not before.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

from regcopy.errors import ConfigurationError, SignatureInvalid, TransportUnavailable
from regcopy.trust.signatures import SIGSTORE_SIGNATURE, SIGSTORE_TYPE, SigstoreSignature

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

_MOST_SIGNATURE_TEXT = 16 * 1024


class PublicKeys:
    """The keys of one requirement; any of them will do."""

    def __init__(self, pems: Sequence[bytes]) -> None:
        """Load public keys in PEM form.

        Raises:
            ConfigurationError: one is no key of a kind that is known, or there is none.
            TransportUnavailable: the library for it is not installed.
        """
        if not pems:
            raise ConfigurationError("there is no public key to check signatures with")
        self._keys = [_load(pem, number) for number, pem in enumerate(pems, 1)]

    def verify(self, signature: SigstoreSignature) -> bytes:
        """Verify a signature, and give the payload that it is over.

        Raises:
            SignatureInvalid: it is not by one of these keys, or is no such signature.
        """
        if signature.media_type != SIGSTORE_TYPE:
            raise SignatureInvalid("it is another kind of attachment than a signature")
        text = signature.annotations.get(SIGSTORE_SIGNATURE, "")
        if not text:
            raise SignatureInvalid(f"missing {SIGSTORE_SIGNATURE} annotation")
        made = _decoded(text)
        if not any(_is_by(key, made, signature.payload) for key in self._keys):
            raise SignatureInvalid(
                "cryptographic signature verification failed: it is by none of the trusted keys"
            )
        return signature.payload


def _decoded(text: str) -> bytes:
    if len(text) > _MOST_SIGNATURE_TEXT:
        raise SignatureInvalid("the signature is far too long to be one")
    try:
        return base64.b64decode(text.replace("\r", "").replace("\n", ""), validate=True)
    except (binascii.Error, ValueError):
        raise SignatureInvalid("the signature is not base64") from None


def _load(pem: bytes, number: int) -> PublicKeyTypes:
    try:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
        from cryptography.hazmat.primitives.serialization import load_pem_public_key
    except ImportError:
        _not_installed()
    try:
        key = load_pem_public_key(pem)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ConfigurationError(f"parsing public key {number}: it is no PEM public key") from None
    if not isinstance(key, EllipticCurvePublicKey | RSAPublicKey | Ed25519PublicKey):
        raise ConfigurationError(f"public key {number} is neither ECDSA, RSA nor Ed25519")
    return key


def _not_installed() -> NoReturn:
    raise TransportUnavailable(
        "sigstore signatures need the Python library cryptography, which is not installed",
        hint="pip install 'regcopy[trust]'",
    ) from None


def _is_by(key: PublicKeyTypes, signature: bytes, payload: bytes) -> bool:
    """Tell whether this key made the signature over the SHA-256 of the payload."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.hashes import SHA256

    try:
        if isinstance(key, EllipticCurvePublicKey):
            key.verify(signature, payload, ECDSA(SHA256()))
        elif isinstance(key, RSAPublicKey):
            key.verify(signature, payload, PKCS1v15(), SHA256())
        elif isinstance(key, Ed25519PublicKey):
            key.verify(signature, payload)
        else:
            return False
    except InvalidSignature:
        return False
    return True
