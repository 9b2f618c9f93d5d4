"""How one registry wants to be convinced, learnt from its challenges and remembered.

There is no ping: the first request goes out as it is, and a 401 brings the challenge. From
then on requests carry their token or password from the start.
"""

from __future__ import annotations

import threading
from typing import NamedTuple

from regcopy.auth.credential import Credential
from regcopy.errors import Refused
from regcopy.transports.base import Context
from regcopy.transports.docker.challenge import Challenge, parse_challenges
from regcopy.transports.docker.messages import Scope, Secret
from regcopy.transports.docker.origin import Origin, resolve
from regcopy.transports.docker.tokens import (
    Exchange,
    TokenCache,
    TokenRequest,
    TokenService,
    basic,
    bearer,
    login_hint,
    secrets_of,
)

Scopes = tuple[Scope, ...]


class _Bearer(NamedTuple):
    """The registry takes tokens of this service."""

    realm: str
    service: str


class _Basic:
    """The registry takes a user name and password."""


class Authenticator:
    """Gives the secret for a request; safe for use by several threads.

    Args:
        registry: host and port as in the reference, which is what a keychain knows.
        context: whose keychain and options hold.
        exchange: sends one request to a token service.
    """

    def __init__(self, registry: str, context: Context, exchange: Exchange) -> None:
        self._registry = registry
        self._keychain = context.keychain
        self._service = TokenService(exchange, context.options.token_hosts)
        self._tokens = TokenCache()
        self._lock = threading.Lock()
        self._credentials: dict[str, Credential | None] = {}
        self._way: _Bearer | _Basic | None = None
        self._asked_for: dict[Scopes, tuple[str, ...]] = {}

    def secret_for(self, home: Origin, scopes: Scopes, what: str) -> Secret | None:
        """Give what a request should carry from the start, as far as that is known.

        Raises:
            ConfigurationError: a file or helper with credentials cannot be used.
            TransportError: the token service cannot be asked, or refuses.
        """
        credential = self._credential(scopes)
        if credential is not None and credential.registry_token:
            return bearer(credential.registry_token)
        match self._way:
            case _Bearer() as way:
                return self._token(way, home, scopes, what)
            case _Basic():
                return basic(credential) if credential and credential.username else None
            case None:
                return None

    def answer(
        self, home: Origin, challenges: str, scopes: Scopes, sent: Secret | None, what: str
    ) -> Secret | None:
        """Answer a 401; None where nothing better than what was sent can be given.

        Args:
            home: the registry, where the 401 came from.
            challenges: its `WWW-Authenticate` header.
            scopes: what the request needs.
            sent: the secret that it carried.
            what: what is being done, for messages.

        Raises:
            As `secret_for`.
        """
        credential = self._credential(scopes)
        if credential is not None and credential.registry_token:
            return None
        way, asked_for = _choose(home, parse_challenges(challenges))
        if isinstance(way, _Bearer):
            self._learn(way, scopes, asked_for)
            if sent is not None and sent.is_fresh:
                return None
            if sent is not None:
                self._tokens.drop(sent)
            return self._token(way, home, scopes, what)
        if way is None or credential is None or not credential.username:
            return None
        self._learn(way, scopes, ())
        secret = basic(credential)
        return None if secret == sent else secret

    def hint(self, scopes: Scopes) -> str:
        """What to try where the registry says 401 after all."""
        return login_hint(self._credential(scopes))

    def secrets(self, scopes: Scopes, sent: Secret | None) -> tuple[str, ...]:
        """What must not be shown even where the registry repeats it."""
        token = sent.header.partition(" ")[2] if sent else ""
        return (*secrets_of(self._credential(scopes)), *((token,) if token else ()))

    def _credential(self, scopes: Scopes) -> Credential | None:
        repository = scopes[0].repository if scopes else ""
        with self._lock:
            if repository not in self._credentials:
                found = self._keychain.find(self._registry, repository)
                self._credentials[repository] = found
            return self._credentials[repository]

    def _learn(self, way: _Bearer | _Basic, scopes: Scopes, asked_for: tuple[str, ...]) -> None:
        with self._lock:
            self._way = way
            self._asked_for[scopes] = tuple(
                scope for scope in asked_for if not _is_covered(scope, scopes)
            )

    def _token(self, way: _Bearer, home: Origin, scopes: Scopes, what: str) -> Secret:
        credential = self._credential(scopes)
        if credential is not None and not (credential.username or credential.identity_token):
            credential = None
        with self._lock:
            more = self._asked_for.get(scopes, ())
        wanted = TokenRequest(way.realm, way.service, (*map(str, scopes), *more))
        return self._tokens.get(wanted, lambda: self._service.fetch(wanted, credential, home, what))


def _choose(
    home: Origin, challenges: tuple[Challenge, ...]
) -> tuple[_Bearer | _Basic | None, tuple[str, ...]]:
    """Prefer tokens, where the challenge says where to get them."""
    for challenge in challenges:
        realm = challenge.parameters.get("realm", "")
        if challenge.scheme != "bearer" or not realm:
            continue
        try:
            url = resolve(f"{home}/v2/", realm, home)
        except Refused:
            continue
        scopes = tuple(challenge.parameters.get("scope", "").split())
        return _Bearer(url, challenge.parameters.get("service", "")), scopes
    if any(challenge.scheme == "basic" for challenge in challenges):
        return _Basic(), ()
    return None, ()


def _is_covered(asked: str, scopes: Scopes) -> bool:
    """Tell whether a scope that a challenge asks for is part of ours."""
    resource, _, actions = asked.rpartition(":")
    return any(
        resource == f"repository:{scope.repository}"
        and set(actions.split(",")) <= set(scope.actions)
        for scope in scopes
    )
