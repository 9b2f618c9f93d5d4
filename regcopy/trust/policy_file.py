"""Read policy.json, strictly (containers-policy.json(5), "FORMAT").

A key that is unknown, stands twice or has the wrong type makes the whole file unusable: a
policy with a typing mistake must not turn into one that allows more.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from regcopy.errors import ConfigurationError, ManifestInvalid
from regcopy.model._json import JsonObject, load_object
from regcopy.text import printable
from regcopy.trust.policy import AcceptAnything, Policy, Reject
from regcopy.trust.policy_members import child, only, string

if TYPE_CHECKING:
    from regcopy.trust.policy import Requirement, Requirements

# Their scopes are paths, absolute and plain; docker's are names, which need no check.
_SCOPES_ARE_PATHS: Final = frozenset({"dir", "oci", "oci-archive", "sif"})
_NO_SCOPES: Final = frozenset({"docker-archive", "tarball"})


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
    only(top, {"default", "transports"})
    default = _requirements(top, "default")
    transports: dict[str, Mapping[str, Requirements]] = {}
    if "transports" in top.members:
        listed = child(top, "transports")
        for transport in listed.members:
            scopes = child(listed, transport)
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
    kind = string(source, "type")
    make = _PLAIN.get(kind) or _demands_signature(kind)
    if make is None:
        source.fail("type", f'is the unknown requirement "{printable(kind, limit=100)}"')
    return make(source)


def _demands_signature(kind: str) -> Callable[[JsonObject], Requirement] | None:
    from regcopy.trust.policy_signed import SIGNED  # most policies demand none

    return SIGNED.get(kind)


def _accept_anything(source: JsonObject) -> Requirement:
    only(source, {"type"})
    return AcceptAnything()


def _reject(source: JsonObject) -> Requirement:
    only(source, {"type"})
    return Reject()


_PLAIN: Final[Mapping[str, Callable[[JsonObject], Requirement]]] = {
    "insecureAcceptAnything": _accept_anything,
    "reject": _reject,
}
