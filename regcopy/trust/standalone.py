"""Sign a manifest, and verify a signature, without any image around them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from regcopy.config.environment import Environment
from regcopy.errors import ConfigurationError, SignatureInvalid
from regcopy.model.digest import Digest
from regcopy.model.jws import payload_of_any
from regcopy.model.reference import ImageName
from regcopy.text import printable
from regcopy.trust.claim import Claim, parse_claim
from regcopy.trust.gpg import Gpg, Signed, TrustedKeys
from regcopy.trust.programs import Limits
from regcopy.trust.signers import sign_simple


@dataclass(frozen=True, slots=True)
class Verified:
    """What a verified signature says, and which of the expected keys made it."""

    digest: Digest
    fingerprint: str


def sign_manifest(
    manifest: bytes,
    name: str,
    key: str,
    *,
    environment: Environment,
    passphrase: str | None = None,
) -> bytes:
    """Make a simple signature by a secret key of the user.

    Args:
        manifest: its bytes.
        name: name to sign, with a tag or digest.
        key: fingerprint of the key.
        environment: tells where gpg and its keyring are.
        passphrase: of the key; None leaves it to the user's agent.

    Raises:
        InvalidReference: that is no name of an image.
        SignatureInvalid: gpg did not sign.
        ManifestUnsupported: the digest of such a manifest is another matter.
        TransportUnavailable: there is no gpg.
    """
    ImageName.parse(name)
    claim = Claim(Digest.of(payload_of_any(manifest)), name)
    return sign_simple(claim, key, environment=environment, passphrase=passphrase).to_bytes()


def verify_signature(
    signature: bytes,
    manifest: bytes,
    name: str,
    fingerprints: Sequence[str],
    *,
    environment: Environment,
    keys: bytes | None = None,
) -> Verified:
    """Verify a simple signature.

    Args:
        signature: as it is stored.
        manifest: bytes that it must be about.
        name: name that it must give them, exactly.
        fingerprints: of the keys that may have made it; `any` alone for all of `keys`.
        environment: tells where gpg and its keyring are.
        keys: public keys; None for the keyring of the user.

    Raises:
        ConfigurationError: any key of the user's keyring would do.
        InvalidReference: `name` is no name of an image.
        SignatureInvalid: it does not verify, and why.
        TransportUnavailable: there is no gpg.
    """
    any_key = tuple(fingerprints) == ("any",)
    if any_key and keys is None:
        raise ConfigurationError("Cannot use any fingerprint without a public key file")
    expected = ImageName.parse(name)
    signed = _verify(signature, environment, keys)
    fingerprint = signed.fingerprint if any_key else _matching(signed, fingerprints)
    claim = parse_claim(signed.content, "simple")
    if Digest.of(payload_of_any(manifest), claim.digest.algorithm) != claim.digest:
        raise SignatureInvalid(f'Signature for docker digest "{claim.digest}" does not match')
    if _parsed(claim.reference) != expected:
        shown = printable(claim.reference, limit=300)
        raise SignatureInvalid(f'Docker reference "{shown}" does not match "{name}"')
    return Verified(claim.digest, fingerprint)


def _verify(signature: bytes, environment: Environment, keys: bytes | None) -> Signed:
    limits = Limits()
    if keys is None:
        return Gpg(environment).verify(signature, limits=limits)
    with TrustedKeys(environment, [keys], limits=limits) as trusted:
        return trusted.verify(signature)


def _matching(signed: Signed, fingerprints: Sequence[str]) -> str:
    for made_by in (signed.fingerprint, signed.primary):
        if made_by in fingerprints:
            return made_by
    told = printable(" ".join(fingerprints), limit=300)
    raise SignatureInvalid(
        f"Signature by {signed.fingerprint} does not match expected fingerprints [{told}]"
    )


def _parsed(reference: str) -> ImageName | None:
    try:
        return ImageName.parse(reference)
    except ValueError:
        return None
