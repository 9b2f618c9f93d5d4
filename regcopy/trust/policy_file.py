"""Read policy.json, strictly (containers-policy.json(5), "FORMAT").

A key that is unknown, stands twice or has the wrong type makes the whole file unusable: a
policy with a typing mistake must not turn into one that allows more.
"""

from __future__ import annotations

import base64
import binascii
import posixpath
import re
from collections.abc import Callable, Collection, Mapping
from typing import Final, NoReturn

from regcopy.errors import ConfigurationError, InvalidReference, ManifestInvalid
from regcopy.model._json import JsonObject, load_object
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
from regcopy.trust.policy import (
    AcceptAnything,
    KeySource,
    Policy,
    Reject,
    Requirement,
    Requirements,
    SignedBaseLayer,
    SignedBy,
    SigstoreSigned,
)

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
# Their scopes are paths, absolute and plain; docker's are names, which need no check.
_SCOPES_ARE_PATHS: Final = frozenset({"dir", "oci", "oci-archive", "sif"})
_NO_SCOPES: Final = frozenset({"docker-archive", "tarball"})
_HOST: Final = re.compile(
    r"(?:\[[0-9a-fA-F:.]+\]|[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
    r"(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*)(?::[0-9]+)?"
)
_PATH: Final = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*")
_LONGEST_PREFIX: Final = 512


def parse_policy(content: bytes, *, name: str = "") -> Policy:
    """Parse the content of a policy file.

    Args:
        content: the file.
        name: its name, for messages.

    Raises:
        ConfigurationError: it breaks the format in any way.
    """
    what = f"trust policy {printable(name, limit=300)}".rstrip()
    try:
        return _policy(JsonObject(load_object(content, what=what), what=what))
    except ManifestInvalid as error:
        raise ConfigurationError(
            error.message,
            hint="see containers-policy.json(5); nothing is trusted by a broken policy",
        ) from None


def _policy(top: JsonObject) -> Policy:
    _only(top, {"default", "transports"})
    default = _requirements(top, "default")
    transports: dict[str, Mapping[str, Requirements]] = {}
    if "transports" in top.members:
        listed = _child(top, "transports")
        for transport in listed.members:
            scopes = _child(listed, transport)
            transports[transport] = {
                _scope(scopes, transport, scope): _requirements(scopes, scope)
                for scope in scopes.members
            }
    return Policy(default, transports)


def _scope(scopes: JsonObject, transport: str, scope: str) -> str:
    if not scope:
        return scope
    if transport in _NO_SCOPES:
        scopes.fail(scope, f'is a scope, and {transport}: has only the default one, ""')
    if transport in _SCOPES_ARE_PATHS and (
        not scope.startswith("/") or scope == "/" or posixpath.normpath(scope) != scope
    ):
        scopes.fail(scope, "is no absolute path, or not the shortest one; / is not allowed")
    return scope


def _requirements(source: JsonObject, key: str) -> Requirements:
    found = source.children(key)
    if not found:
        source.fail(key, "is missing or empty, and must be a list of requirements")
    return tuple(_requirement(one) for one in found)


def _requirement(source: JsonObject) -> Requirement:
    kind = _string(source, "type")
    make = _REQUIREMENTS.get(kind)
    if make is None:
        source.fail("type", f'is the unknown requirement "{printable(kind, limit=100)}"')
    return make(source)


def _accept_anything(source: JsonObject) -> Requirement:
    _only(source, {"type"})
    return AcceptAnything()


def _reject(source: JsonObject) -> Requirement:
    _only(source, {"type"})
    return Reject()


def _signed_base_layer(source: JsonObject) -> Requirement:
    _only(source, {"type", "baseLayerIdentity"})
    _identity(_child(source, "baseLayerIdentity"))
    return SignedBaseLayer()


def _signed_by(source: JsonObject) -> Requirement:
    _only(source, {"type", "keyType", "keyPath", "keyPaths", "keyData", "signedIdentity"})
    key_type = _string(source, "keyType")
    if key_type not in _KEY_TYPES:
        source.fail("keyType", f'is the unknown type "{printable(key_type, limit=100)}"')
    _exactly_one(source, ("keyPath", "keyPaths", "keyData"))
    return SignedBy(key_type, _keys(source), _signed_identity(source))


def _sigstore_signed(source: JsonObject) -> Requirement:
    _only(source, {"type", *_SIGSTORE_KEYS, *_REKOR, "signedIdentity"})
    _exactly_one(source, _SIGSTORE_KEYS)
    rekor = [key for key in _REKOR if key in source.members]
    if len(rekor) > 1:
        source.fail(rekor[1], f'cannot stand beside "{rekor[0]}"')
    for key, known in (("fulcio", _FULCIO), ("pki", _PKI)):
        if key in source.members:
            inner = _child(source, key)
            _only(inner, known)
            for member in inner.members:
                _string(inner, member)
    if "fulcio" in source.members and not rekor:
        source.fail("fulcio", "needs a rekorPublicKey… beside it")
    for key in rekor:
        _check_key_member(source, key)
    unsupported = tuple(key for key in ("fulcio", "pki", *rekor) if key in source.members)
    return SigstoreSigned(_keys(source), _signed_identity(source), unsupported)


_REQUIREMENTS: Final[Mapping[str, Callable[[JsonObject], Requirement]]] = {
    "insecureAcceptAnything": _accept_anything,
    "reject": _reject,
    "signedBy": _signed_by,
    "sigstoreSigned": _sigstore_signed,
    "signedBaseLayer": _signed_base_layer,
}


def _keys(source: JsonObject) -> KeySource:
    if "keyPath" in source.members:
        return KeySource(paths=(_string(source, "keyPath"),))
    if "keyPaths" in source.members:
        return KeySource(paths=_strings(source, "keyPaths"))
    if "keyData" in source.members:
        return KeySource(contents=(_decoded(source, "keyData", _string(source, "keyData")),))
    if "keyDatas" in source.members:
        texts = _strings(source, "keyDatas")
        return KeySource(contents=tuple(_decoded(source, "keyDatas", text) for text in texts))
    return KeySource()


def _check_key_member(source: JsonObject, key: str) -> None:
    texts = _strings(source, key) if key.endswith("s") else (_string(source, key),)
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
    return _identity(_child(source, "signedIdentity"))


def _identity(source: JsonObject) -> IdentityMatch:
    kind = _string(source, "type")
    make = _IDENTITIES.get(kind)
    if make is None:
        source.fail("type", f'is the unknown kind of identity "{printable(kind, limit=100)}"')
    return make(source)


def _exact_reference(source: JsonObject) -> IdentityMatch:
    _only(source, {"type", "dockerReference"})
    name = _name(source, "dockerReference")
    if not name.tag and name.digest is None:
        source.fail("dockerReference", "has neither tag nor digest")
    return ExactReference(name)


def _exact_repository(source: JsonObject) -> IdentityMatch:
    _only(source, {"type", "dockerRepository"})
    return ExactRepository(_name(source, "dockerRepository"))


def _remap(source: JsonObject) -> IdentityMatch:
    _only(source, {"type", "prefix", "signedPrefix"})
    return RemapIdentity(_prefix(source, "prefix"), _prefix(source, "signedPrefix"))


def _plain(made: IdentityMatch) -> Callable[[JsonObject], IdentityMatch]:
    def make(source: JsonObject) -> IdentityMatch:
        _only(source, {"type"})
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
        return ImageName.parse(_string(source, key))
    except InvalidReference as error:
        source.fail(key, f"is no name of an image: {error.message}")


def _prefix(source: JsonObject, key: str) -> str:
    text = _string(source, key)
    host, slash, path = text.partition("/")
    is_path = not slash or all(_PATH.fullmatch(part) for part in path.split("/"))
    if len(text) > _LONGEST_PREFIX or _HOST.fullmatch(host) is None or not is_path:
        source.fail(key, "is no host, namespace or repository in its full form")
    return text


def _only(source: JsonObject, known: Collection[str]) -> None:
    for key in source.members:
        if key not in known:
            source.fail(key, "is unknown")


def _exactly_one(source: JsonObject, keys: Collection[str]) -> None:
    given = [key for key in keys if key in source.members]
    if len(given) != 1:
        source.fail(given[1] if given else min(keys), f"exactly one of {', '.join(keys)} is needed")


def _child(source: JsonObject, key: str) -> JsonObject:
    child = source.child(key)
    return _missing(source, key) if child is None else child


def _string(source: JsonObject, key: str) -> str:
    return source.string(key) or _missing(source, key)


def _strings(source: JsonObject, key: str) -> tuple[str, ...]:
    texts = source.strings(key)
    return texts if texts and all(texts) else _missing(source, key)


def _missing(source: JsonObject, key: str) -> NoReturn:
    source.fail(key, "is missing or empty")
