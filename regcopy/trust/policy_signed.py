"""Requirements of policy.json that demand signatures (containers-policy.json(5))."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Final

from regcopy.errors import InvalidReference
from regcopy.model._json import JsonObject
from regcopy.model.reference import ImageName
from regcopy.text import printable
from regcopy.trust.identity import (
    ExactReference,
    ExactRepository,
    IdentityMatch,
    MatchExact,
    MatchRepoDigestOrExact,
    MatchRepository,
    RemapIdentity,
)
from regcopy.trust.policy_members import child, only, string, strings
from regcopy.trust.requirements import KeySource, SignedBaseLayer, SignedBy, SigstoreSigned

if TYPE_CHECKING:
    from regcopy.trust.policy import Requirement

_KEY_TYPES: Final = frozenset({"GPGKeys", "signedByGPGKeys", "X509Certificates", "signedByX509CAs"})
_REKOR: Final = (
    "rekorPublicKeyPath",
    "rekorPublicKeyPaths",
    "rekorPublicKeyData",
    "rekorPublicKeyDatas",
)
_SIGSTORE_KEYS: Final = ("keyPath", "keyPaths", "keyData", "keyDatas", "fulcio", "pki")
_FULCIO: Final = frozenset({"caPath", "caData", "oidcIssuer", "subjectEmail", "buildSignerURI"})
_PKI: Final = frozenset(
    {
        "caRootsPath",
        "caRootsData",
        "caIntermediatesPath",
        "caIntermediatesData",
        "subjectEmail",
        "subjectHostname",
    }
)
_HOST: Final = re.compile(
    r"(?:\[[0-9a-fA-F:.]+\]|[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
    r"(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*)(?::[0-9]+)?"
)
_PATH: Final = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*")
_LONGEST_PREFIX: Final = 512


def _signed_base_layer(source: JsonObject) -> Requirement:
    only(source, {"type", "baseLayerIdentity"})
    _identity(child(source, "baseLayerIdentity"))
    return SignedBaseLayer()


def _signed_by(source: JsonObject) -> Requirement:
    only(source, {"type", "keyType", "keyPath", "keyPaths", "keyData", "signedIdentity"})
    key_type = string(source, "keyType")
    if key_type not in _KEY_TYPES:
        source.fail("keyType", f'is the unknown type "{printable(key_type, limit=100)}"')
    _exactly_one(source, ("keyPath", "keyPaths", "keyData"))
    return SignedBy(key_type, _keys(source), _signed_identity(source))


def _sigstore_signed(source: JsonObject) -> Requirement:
    only(source, {"type", *_SIGSTORE_KEYS, *_REKOR, "signedIdentity"})
    _exactly_one(source, _SIGSTORE_KEYS)
    rekor = [key for key in _REKOR if key in source.members]
    if len(rekor) > 1:
        source.fail(rekor[1], f'cannot stand beside "{rekor[0]}"')
    for key, known in (("fulcio", _FULCIO), ("pki", _PKI)):
        if key in source.members:
            inner = child(source, key)
            only(inner, known)
            for member in inner.members:
                string(inner, member)
    if "fulcio" in source.members and not rekor:
        source.fail("fulcio", "needs a rekorPublicKey… beside it")
    for key in rekor:
        _check_key_member(source, key)
    unsupported = tuple(key for key in ("fulcio", "pki", *rekor) if key in source.members)
    return SigstoreSigned(_keys(source), _signed_identity(source), unsupported)


SIGNED: Final[Mapping[str, Callable[[JsonObject], Requirement]]] = {
    "signedBy": _signed_by,
    "sigstoreSigned": _sigstore_signed,
    "signedBaseLayer": _signed_base_layer,
}


def _keys(source: JsonObject) -> KeySource:
    if "keyPath" in source.members:
        return KeySource(paths=(string(source, "keyPath"),))
    if "keyPaths" in source.members:
        return KeySource(paths=strings(source, "keyPaths"))
    if "keyData" in source.members:
        return KeySource(contents=(_decoded(source, "keyData", string(source, "keyData")),))
    if "keyDatas" in source.members:
        texts = strings(source, "keyDatas")
        return KeySource(contents=tuple(_decoded(source, "keyDatas", text) for text in texts))
    return KeySource()


def _check_key_member(source: JsonObject, key: str) -> None:
    texts = strings(source, key) if key.endswith("s") else (string(source, key),)
    if "Data" in key:
        for text in texts:
            _decoded(source, key, text)


def _decoded(source: JsonObject, key: str, text: str) -> bytes:
    try:
        # Go's decoder skips line ends, and nothing else.
        content = base64.b64decode(text.replace("\r", "").replace("\n", ""), validate=True)
    except (binascii.Error, ValueError):
        source.fail(key, "is not base64")
    if not content:
        source.fail(key, "is empty")
    return content


def _signed_identity(source: JsonObject) -> IdentityMatch:
    if "signedIdentity" not in source.members:
        return MatchRepoDigestOrExact()
    return _identity(child(source, "signedIdentity"))


def _identity(source: JsonObject) -> IdentityMatch:
    kind = string(source, "type")
    make = _IDENTITIES.get(kind)
    if make is None:
        source.fail("type", f'is the unknown kind of identity "{printable(kind, limit=100)}"')
    return make(source)


def _exact_reference(source: JsonObject) -> IdentityMatch:
    only(source, {"type", "dockerReference"})
    name = _name(source, "dockerReference")
    if not name.tag and name.digest is None:
        source.fail("dockerReference", "has neither tag nor digest")
    return ExactReference(name)


def _exact_repository(source: JsonObject) -> IdentityMatch:
    only(source, {"type", "dockerRepository"})
    return ExactRepository(_name(source, "dockerRepository"))


def _remap(source: JsonObject) -> IdentityMatch:
    only(source, {"type", "prefix", "signedPrefix"})
    return RemapIdentity(_prefix(source, "prefix"), _prefix(source, "signedPrefix"))


def _plain(made: IdentityMatch) -> Callable[[JsonObject], IdentityMatch]:
    def make(source: JsonObject) -> IdentityMatch:
        only(source, {"type"})
        return made

    return make


_IDENTITIES: Final[Mapping[str, Callable[[JsonObject], IdentityMatch]]] = {
    "matchExact": _plain(MatchExact()),
    "matchRepoDigestOrExact": _plain(MatchRepoDigestOrExact()),
    "matchRepository": _plain(MatchRepository()),
    "exactReference": _exact_reference,
    "exactRepository": _exact_repository,
    "remapIdentity": _remap,
}


def _name(source: JsonObject, key: str) -> ImageName:
    try:
        return ImageName.parse(string(source, key))
    except InvalidReference as error:
        source.fail(key, f"is no name of an image: {error.message}")


def _prefix(source: JsonObject, key: str) -> str:
    text = string(source, key)
    host, slash, path = text.partition("/")
    is_path = not slash or all(_PATH.fullmatch(part) for part in path.split("/"))
    if len(text) > _LONGEST_PREFIX or _HOST.fullmatch(host) is None or not is_path:
        source.fail(key, "is no host, namespace or repository in its full form")
    return text


def _exactly_one(source: JsonObject, keys: Collection[str]) -> None:
    given = [key for key in keys if key in source.members]
    if len(given) != 1:
        source.fail(given[1] if given else min(keys), f"exactly one of {', '.join(keys)} is needed")
