"""Read `auth.json` (containers-auth.json(5)) and Docker's `config.json` and `.dockercfg`.

A file is parsed whole, an entry only when it is used: one broken entry does not stop access
to the other registries. Nothing here puts a secret into a repr or a message.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from regcopy.auth.credential import Credential
from regcopy.errors import ConfigurationError
from regcopy.text import printable

MAX_FILE_BYTES: Final = 4 * 1024 * 1024

# The user name that stands for "the password is an identity token": Docker's helpers write
# it (docker-credential-helpers, README, "get"), and some tools copy it into `auth`.
TOKEN_USER: Final = "<token>"  # noqa: S105 — no secret

DOCKER_HUB: Final = "docker.io"
# `docker login` stores Docker Hub under this address, and asks helpers for it.
DOCKER_HUB_SERVER: Final = "https://index.docker.io/v1/"
_DOCKER_HUB_HOSTS: Final = frozenset({DOCKER_HUB, "index.docker.io", "registry-1.docker.io"})


def scope_of(key: str) -> str:
    """Give `host[:port][/path]` for a key as people and programs have written it.

    `https://host/v1/` is what old versions of `docker login` wrote; it stands for the host,
    and so does `host/v1/`, because a namespace is written without a slash at its end
    (containers-auth.json(5)). Any other path is a namespace, after a scheme too: to take
    `https://host/team` for the whole host would give one team's password to all others.
    """
    bare = key.removeprefix("https://").removeprefix("http://")
    host, _, path = bare.partition("/")
    is_address = bare != key or path.endswith("/")
    path = path.rstrip("/")
    if is_address and path in {"v1", "v2"}:
        path = ""
    if host in _DOCKER_HUB_HOSTS:
        host = DOCKER_HUB
    return f"{host}/{path}" if path else host


@dataclass(frozen=True, slots=True)
class AuthFile:
    """A parsed file; its entries are decoded when they are asked for.

    Attributes:
        path: where it was read from.
        auths: entries by key, as they are in the file.
        helpers: names of credential helpers by scope, for single registries.
        store: name of the credential helper for all other registries; "" for none.
    """

    path: Path
    auths: Mapping[str, object] = field(repr=False)
    helpers: Mapping[str, tuple[str, object]] = field(repr=False)
    store: str
    _keys: Mapping[str, tuple[str, ...]] = field(repr=False)

    def matching_keys(self, registry: str, repository: str) -> Iterator[str]:
        """Give the keys for `registry/repository`, the longest scope first.

        Only whole path components count: `host/te` is no match for `host/team/app`, and no
        part of a host name ever is. Among several spellings of one scope the one that was
        asked for comes first, then the order of the file.
        """
        components = repository.split("/") if repository else []
        for length in range(len(components), -1, -1):
            asked = "/".join((registry, *components[:length]))
            keys = self._keys.get(scope_of(asked), ())
            yield from sorted(keys, key=lambda key: key != asked)

    def helper_for(self, registry: str) -> tuple[str, str] | None:
        """Give key and name of the helper in `credHelpers` for a registry, or None.

        The name may be "": this registry has no helper, and `credsStore` is not asked either
        (as in Docker).

        Raises:
            ConfigurationError: the entry is not a name.
        """
        # Whole registries only: helpers know no namespaces (containers/image says the same).
        found = self.helpers.get(scope_of(registry))
        if found is None:
            return None
        key, name = found
        if not isinstance(name, str):
            raise self._broken(key, "the name of the credential helper is not text")
        return key, name

    def credential(self, key: str) -> Credential | None:
        """Decode an entry; None where it holds no secret.

        Docker leaves `{}` as a note that a helper has the secret. A user name without a
        password, or the reverse, is no credential either, as in containers/image.

        Raises:
            ConfigurationError: the entry cannot be decoded.
        """
        entry = self.auths[key]
        if entry is None:
            return None
        if not isinstance(entry, dict):
            raise self._broken(key, "it is not an object")
        registry_token = self._text(key, entry, "registrytoken")
        identity_token = self._text(key, entry, "identitytoken")
        username, password = self._user_and_password(key, entry)
        if username == TOKEN_USER:
            identity_token = identity_token or password
        origin = f'{self.path} entry "{key}"'
        if registry_token:
            return Credential(username, registry_token=registry_token, origin=origin)
        if identity_token:
            return Credential(username, identity_token=identity_token, origin=origin)
        if username and password:
            return Credential(username, password, origin=origin)
        return None

    def _user_and_password(self, key: str, entry: Mapping[str, object]) -> tuple[str, str]:
        encoded = self._text(key, entry, "auth")
        if not encoded:
            return self._text(key, entry, "username"), self._text(key, entry, "password")
        try:
            # Line breaks are allowed because Go's decoder skips them.
            plain = encoded.replace("\r", "").replace("\n", "").encode("ascii")
            text = base64.b64decode(plain, validate=True).decode("utf-8")
        except (binascii.Error, UnicodeError):
            # Not chained: the cause holds the secret.
            raise self._broken(key, '"auth" is not valid base64 of UTF-8 text') from None
        username, colon, password = text.partition(":")
        if not colon:
            raise self._broken(key, '"auth" holds no "user:password"')
        # Some writers pad the password with NUL; Docker and containers/image trim it.
        return username, password.strip("\0")

    def _text(self, key: str, entry: Mapping[str, object], name: str) -> str:
        value = entry.get(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise self._broken(key, f'"{name}" is not text')
        return value

    def _broken(self, key: str, why: str) -> ConfigurationError:
        shown = printable(f'{self.path} entry "{key}"', limit=500)
        return ConfigurationError(
            f"{shown} cannot be used: {why}", hint="log in again, or remove the entry"
        )


def read_auth_file(path: Path, *, legacy: bool = False) -> AuthFile:
    """Read and parse a file.

    Args:
        path: the file.
        legacy: it has the flat shape of `.dockercfg`: entries by key, and nothing else.

    Raises:
        ConfigurationError: it is too large, not JSON, or not of the shape it should have.
        OSError: it is missing (`FileNotFoundError`) or cannot be read.
    """
    with path.open("rb") as file:
        content = file.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        raise _malformed(path, f"it is larger than {MAX_FILE_BYTES} bytes")
    try:
        document: object = json.loads(content)
    except (ValueError, RecursionError):
        # Not chained: the cause of a JSON error holds the whole document.
        raise _malformed(path, "it is not valid JSON") from None
    if not isinstance(document, dict):
        raise _malformed(path, "it is not a JSON object")
    if legacy:
        return _build(path, document, {}, "")
    store = document.get("credsStore") or ""
    if not isinstance(store, str):
        raise _malformed(path, '"credsStore" is not text')
    helpers = _table(path, document, "credHelpers")
    return _build(path, _table(path, document, "auths"), helpers, store)


def _build(
    path: Path, auths: Mapping[str, object], helpers: Mapping[str, object], store: str
) -> AuthFile:
    keys: dict[str, tuple[str, ...]] = {}
    for key in auths:
        scope = scope_of(key)
        keys[scope] = (*keys.get(scope, ()), key)
    by_scope: dict[str, tuple[str, object]] = {}
    for key, name in helpers.items():
        scope = scope_of(key)
        # A plain host name is preferred to the other ways to write it.
        if scope not in by_scope or key == scope:
            by_scope[scope] = (key, name)
    return AuthFile(path, auths, by_scope, store, keys)


def _table(path: Path, document: Mapping[str, object], name: str) -> Mapping[str, object]:
    table = document.get(name)
    if table is None:
        return {}
    if not isinstance(table, dict):
        raise _malformed(path, f'"{name}" is not an object')
    return table


def _malformed(path: Path, why: str) -> ConfigurationError:
    return ConfigurationError(f"{printable(str(path))} is no usable auth file: {why}")
