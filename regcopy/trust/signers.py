"""Who signs what is written: a key of the user, under the name of the copy."""

from __future__ import annotations

import base64
import time
from dataclasses import dataclass, field
from typing import Protocol

from regcopy import __version__
from regcopy.config.environment import Environment
from regcopy.errors import UsageError
from regcopy.model.digest import Digest
from regcopy.transports.base import ImageReference
from regcopy.transports.signatures import NamesImages
from regcopy.trust.claim import Claim
from regcopy.trust.signatures import (
    SIGSTORE_SIGNATURE,
    SIGSTORE_TYPE,
    Signature,
    SigstoreSignature,
    SimpleSignature,
)

CREATOR = f"regcopy {__version__}"
# A person may have to type a passphrase, or press a button.
SIGN_SECONDS = 300.0


class Signer(Protocol):
    """Somebody who signs manifests."""

    def check(self, image: ImageReference, /) -> None:
        """Raise where images of that name cannot be signed.

        Raises:
            UsageError: there is no name to sign.
        """
        ...

    def sign(self, digest: Digest, image: ImageReference, /) -> Signature:
        """Sign that a manifest has the image's name.

        Raises:
            RegcopyError: it cannot be signed.
        """
        ...


@dataclass(frozen=True, slots=True)
class GpgSigner:
    """Makes simple signatures by gpg.

    Attributes:
        key: fingerprint of a secret key of the user.
        environment: tells where gpg and its keyring are.
        identity: name to sign; "" for the name of the copy.
        passphrase: of the key; None leaves it to the user's agent.
    """

    key: str
    environment: Environment
    identity: str = ""
    passphrase: str | None = field(default=None, repr=False)

    def check(self, image: ImageReference, /) -> None:
        """Raise UsageError where there is no name to sign."""
        signed_name(image, self.identity)

    def sign(self, digest: Digest, image: ImageReference, /) -> Signature:
        """Sign; errors as `regcopy.trust.gpg.Gpg.sign`."""
        claim = Claim(digest, signed_name(image, self.identity))
        return sign_simple(
            claim, self.key, environment=self.environment, passphrase=self.passphrase
        )


@dataclass(frozen=True, slots=True)
class SigstoreSigner:
    """Makes sigstore signatures by a private key.

    Attributes:
        private_key: content of the file that `generate-sigstore-key` made.
        passphrase: of the key.
        identity: name to sign; "" for the name of the copy.
    """

    private_key: bytes = field(repr=False)
    passphrase: bytes = field(default=b"", repr=False)
    identity: str = ""

    def check(self, image: ImageReference, /) -> None:
        """Raise UsageError where there is no name to sign."""
        signed_name(image, self.identity)

    def sign(self, digest: Digest, image: ImageReference, /) -> Signature:
        """Sign; errors as `regcopy.trust.sigstore_keys.sign`."""
        from regcopy.trust.sigstore_keys import sign

        claim = Claim(digest, signed_name(image, self.identity))
        payload = claim.to_bytes("sigstore", creator=CREATOR, timestamp=int(time.time()))
        made = sign(payload, self.private_key, self.passphrase)
        annotations = {SIGSTORE_SIGNATURE: base64.b64encode(made).decode()}
        return SigstoreSignature(SIGSTORE_TYPE, payload, annotations)


def sign_simple(
    claim: Claim, key: str, *, environment: Environment, passphrase: str | None = None
) -> SimpleSignature:
    """Make a simple signature. Errors as `regcopy.trust.gpg.Gpg.sign`."""
    from regcopy.trust.gpg import Gpg
    from regcopy.trust.programs import Limits

    content = claim.to_bytes("simple", creator=CREATOR, timestamp=int(time.time()))
    limits = Limits(seconds=SIGN_SECONDS)
    made = Gpg(environment).sign(content, key, passphrase=passphrase, limits=limits)
    return SimpleSignature(made)


def signed_name(image: ImageReference, identity: str) -> str:
    """Give the name that is signed.

    Raises:
        UsageError: the place of the image gives it none, and none was given.
    """
    if identity:
        return identity
    if isinstance(image, NamesImages):
        return str(image.image_name)
    raise UsageError(
        f"Cannot determine canonical Docker reference for destination {image}",
        hint="give the name to sign with --sign-identity",
    )
