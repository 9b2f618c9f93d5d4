"""What a signature says: this manifest has this name (containers-signature(5)).

The payloads of simple signatures and of sigstore's have the same form, and another type.
Consumers must refuse whatever they do not know in the part `critical`.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, Literal, NoReturn

from regcopy.errors import InvalidDigest, ManifestInvalid, SignatureInvalid
from regcopy.model._json import JsonObject, load_object
from regcopy.model.digest import Digest

ClaimKind = Literal["simple", "sigstore"]

_TYPES: Final[dict[ClaimKind, str]] = {
    "simple": "atomic container signature",
    "sigstore": "cosign container image signature",
}


@dataclass(frozen=True, slots=True)
class Claim:
    """A manifest, and the name that its signer gives it.

    Attributes:
        reference: the name as it was written; whoever compares it parses it.
    """

    digest: Digest
    reference: str

    def to_bytes(self, kind: ClaimKind, *, creator: str, timestamp: int) -> bytes:
        """Encode for signing, as containers/image does.

        Args:
            kind: which type of payload.
            creator: name and version of the program that signs.
            timestamp: seconds since 1970.
        """
        document = {
            "critical": {
                "identity": {"docker-reference": self.reference},
                "image": {"docker-manifest-digest": str(self.digest)},
                "type": _TYPES[kind],
            },
            "optional": {"creator": creator, "timestamp": timestamp},
        }
        return json.dumps(document, separators=(",", ":")).encode()


def parse_claim(content: bytes, kind: ClaimKind) -> Claim:
    """Decode a payload, after its signature was verified and never before.

    Raises:
        SignatureInvalid: a member is missing, unknown, stands twice, or has the wrong type.
    """
    try:
        return _claim(JsonObject(load_object(content, what="the signed payload")), kind)
    except ManifestInvalid as error:
        raise SignatureInvalid(error.message) from None


def _claim(top: JsonObject, kind: ClaimKind) -> Claim:
    _exactly(top, ("critical", "optional"))
    _check_optional(top, kind)
    critical = _object(top, "critical")
    _exactly(critical, ("type", "image", "identity"))
    if _string(critical, "type") != _TYPES[kind]:
        _fail(f'the signed payload is no "{_TYPES[kind]}"')
    image, identity = _object(critical, "image"), _object(critical, "identity")
    _exactly(image, ("docker-manifest-digest",))
    _exactly(identity, ("docker-reference",))
    try:
        digest = Digest.parse(_string(image, "docker-manifest-digest"))
    except InvalidDigest as error:
        _fail(f"the signed payload names no manifest: {error.message}")
    return Claim(digest, _string(identity, "docker-reference"))


def _check_optional(top: JsonObject, kind: ClaimKind) -> None:
    # cosign writes null where there is nothing to say.
    if kind == "sigstore" and top.members["optional"] is None:
        return
    optional = _object(top, "optional").members
    if not isinstance(optional.get("creator", ""), str):
        _fail('"optional.creator" of the signed payload is no text')
    if not _is_whole(optional.get("timestamp", 0)):
        _fail('"optional.timestamp" of the signed payload is no whole number')


def _is_whole(number: object) -> bool:
    if isinstance(number, bool) or not isinstance(number, int | float):
        return False
    return abs(number) < 2**63 and number == int(number)


def _exactly(source: JsonObject, keys: Collection[str]) -> None:
    if set(source.members) != set(keys):
        place = f'"{source.path}" of the signed payload' if source.path else "the signed payload"
        _fail(f"{place} must have exactly the members {', '.join(sorted(keys))}")


def _object(source: JsonObject, key: str) -> JsonObject:
    child = source.child(key)
    return _fail(f'"{key}" of the signed payload is no object') if child is None else child


def _string(source: JsonObject, key: str) -> str:
    value = source.members.get(key)
    if not isinstance(value, str) or not value:
        _fail(f'"{key}" of the signed payload is no text')
    return value


def _fail(problem: str) -> NoReturn:
    raise SignatureInvalid(problem)
