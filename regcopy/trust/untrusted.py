"""What a signature claims to say, read without any look at who made it: for curiosity only."""

from __future__ import annotations

from dataclasses import dataclass

from regcopy.config.environment import Environment
from regcopy.errors import ManifestInvalid, SignatureInvalid
from regcopy.model._json import load_object
from regcopy.trust.claim import Claim, parse_claim
from regcopy.trust.gpg import read_unverified
from regcopy.trust.programs import Limits


@dataclass(frozen=True, slots=True)
class Untrusted:
    """What a signature says of itself.

    Attributes:
        claim: manifest and name.
        creator: program that made it; None where it does not say.
        timestamp: seconds since 1970; None where it does not say.
        key_id: last 16 digits of the key's fingerprint.
    """

    claim: Claim
    creator: str | None
    timestamp: int | None
    key_id: str


def read_untrusted(signature: bytes, *, environment: Environment) -> Untrusted:
    """Read a simple signature.

    Raises:
        SignatureInvalid: it is no such signature.
        TransportUnavailable: there is no gpg.
    """
    content, key_id = read_unverified(signature, environment=environment, limits=Limits())
    claim = parse_claim(content, "simple")
    try:
        optional = load_object(content, what="the signed payload")["optional"]
    except ManifestInvalid as error:
        raise SignatureInvalid(error.message) from None
    members = optional if isinstance(optional, dict) else {}
    creator, timestamp = members.get("creator"), members.get("timestamp")
    return Untrusted(
        claim,
        creator if isinstance(creator, str) else None,
        int(timestamp) if isinstance(timestamp, int | float) else None,
        key_id,
    )
