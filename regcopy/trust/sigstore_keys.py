"""Key pairs for sigstore signatures: ECDSA P-256, the private one under a passphrase.

The private key is a PEM block around JSON: scrypt makes a key of the passphrase, and NaCl's
secretbox encrypts the PKCS #8 form with it. cosign, skopeo and podman write the same.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import secrets
import textwrap
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NoReturn

from regcopy.errors import ConfigurationError, ManifestInvalid, TransportUnavailable
from regcopy.model._json import JsonObject, load_object

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

_PEM_TYPE: Final = "ENCRYPTED SIGSTORE PRIVATE KEY"
# What cosign wrote before version 2.
_OLD_PEM_TYPE: Final = "ENCRYPTED COSIGN PRIVATE KEY"
_SALT_BYTES: Final = 32
_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 24
_N: Final = 65536
_R: Final = 8
_P: Final = 1
# Others would be a way to keep us busy, or weak.
_ALLOWED_N: Final = frozenset({32768, 65536, 131072})
_SCRYPT_MEMORY: Final = 192 * 1024 * 1024
_MAX_KEY_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class KeyPair:
    """Both halves in PEM form; the private one is encrypted."""

    private: bytes = field(repr=False)
    public: bytes


def generate_key_pair(passphrase: bytes) -> KeyPair:
    """Make a new pair.

    Raises:
        TransportUnavailable: a library for it is not installed.
    """
    check_libraries()
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    plain = key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return KeyPair(_pem(_encrypt(plain, passphrase)), public)


def sign(payload: bytes, private: bytes, passphrase: bytes) -> bytes:
    """Sign with an encrypted private key: ECDSA over SHA-256.

    Raises:
        ConfigurationError: this is no such key, or the passphrase is wrong.
        TransportUnavailable: a library for it is not installed.
    """
    key = _load(private, passphrase)
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
    from cryptography.hazmat.primitives.hashes import SHA256

    return key.sign(payload, ECDSA(SHA256()))


def _load(private: bytes, passphrase: bytes) -> EllipticCurvePrivateKey:
    check_libraries()
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.serialization import load_der_private_key

    plain = _decrypt(_unwrap(private), passphrase)
    try:
        key = load_der_private_key(plain, None)
    except (ValueError, TypeError):
        _broken("it holds no key")
    if not isinstance(key, EllipticCurvePrivateKey):
        raise ConfigurationError("only ECDSA keys can sign")
    return key


def _encrypt(plain: bytes, passphrase: bytes) -> bytes:
    from nacl.secret import SecretBox

    salt, nonce = secrets.token_bytes(_SALT_BYTES), secrets.token_bytes(_NONCE_BYTES)
    box = SecretBox(_derive(passphrase, salt, _N))
    document = {
        "kdf": {
            "name": "scrypt",
            "params": {"N": _N, "r": _R, "p": _P},
            "salt": base64.b64encode(salt).decode(),
        },
        "cipher": {"name": "nacl/secretbox", "nonce": base64.b64encode(nonce).decode()},
        "ciphertext": base64.b64encode(box.encrypt(plain, nonce).ciphertext).decode(),
    }
    return json.dumps(document, separators=(",", ":")).encode()


def _decrypt(content: bytes, passphrase: bytes) -> bytes:
    from nacl.exceptions import CryptoError
    from nacl.secret import SecretBox

    try:
        top = JsonObject(load_object(content, what="the private key"), what="private key")
        kdf, cipher = top.child("kdf"), top.child("cipher")
        params = kdf.child("params") if kdf else None
        if kdf is None or cipher is None or params is None:
            _broken("a part of it is missing")
        if (kdf.string("name"), cipher.string("name")) != ("scrypt", "nacl/secretbox"):
            _broken("it is encrypted in another way")
        numbers = params.integer("N"), params.integer("r"), params.integer("p")
        salt, nonce = _bytes(kdf, "salt"), _bytes(cipher, "nonce")
        ciphertext = _bytes(top, "ciphertext")
    except ManifestInvalid as error:
        _broken(error.message)
    if numbers[0] not in _ALLOWED_N or numbers[1:] != (_R, _P) or len(nonce) != _NONCE_BYTES:
        _broken("it has unusual parameters")
    try:
        return SecretBox(_derive(passphrase, salt, numbers[0])).decrypt(ciphertext, nonce)
    except CryptoError:
        raise ConfigurationError("the private key cannot be decrypted: wrong passphrase?") from None


def _derive(passphrase: bytes, salt: bytes, n: int) -> bytes:
    return hashlib.scrypt(
        passphrase, salt=salt, n=n, r=_R, p=_P, maxmem=_SCRYPT_MEMORY, dklen=_KEY_BYTES
    )


def _bytes(source: JsonObject, key: str) -> bytes:
    try:
        return base64.b64decode(source.string(key), validate=True)
    except (binascii.Error, ValueError):
        _broken(f'its "{key}" is no base64')


def _pem(content: bytes) -> bytes:
    lines = textwrap.wrap(base64.b64encode(content).decode(), 64)
    return "\n".join(
        (f"-----BEGIN {_PEM_TYPE}-----", *lines, f"-----END {_PEM_TYPE}-----", "")
    ).encode()


def _unwrap(pem: bytes) -> bytes:
    if len(pem) > _MAX_KEY_BYTES:
        _broken("it is far too long to be one")
    lines = pem.decode("ascii", "replace").strip().splitlines()
    for kind in (_PEM_TYPE, _OLD_PEM_TYPE):
        if len(lines) > 2 and lines[0] == f"-----BEGIN {kind}-----":
            if lines[-1] != f"-----END {kind}-----":
                _broken("it has no end")
            try:
                return base64.b64decode("".join(lines[1:-1]), validate=True)
            except (binascii.Error, ValueError):
                _broken("it is no base64")
    return _broken(f'it does not begin with "-----BEGIN {_PEM_TYPE}-----"')


def _broken(problem: str) -> NoReturn:
    raise ConfigurationError(f"this is no private key for sigstore signatures: {problem}")


def check_libraries() -> None:
    """Raise TransportUnavailable where a library is missing that keys need."""
    import importlib.util

    for module, name in (("cryptography", "cryptography"), ("nacl", "PyNaCl")):
        if importlib.util.find_spec(module) is None:
            raise TransportUnavailable(
                f"keys for sigstore signatures need the Python library {name}, which is not "
                "installed",
                hint="pip install 'regcopy[sign]'",
            )
