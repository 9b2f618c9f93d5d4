"""Tokens: asked from the service that a challenge names, kept while they are good.

Follows the distribution token specification (GET with Basic credentials or without) and its
OAuth 2 part (POST with an identity token).
"""

from __future__ import annotations

import copy
import json
import threading
import time
from base64 import b64encode
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlencode, urlsplit, urlunsplit

from regcopy.auth.credential import Credential
from regcopy.errors import ConfigurationError, Refused, Unauthorized
from regcopy.transports.docker.errors import (
    MAX_ERROR_BODY,
    Place,
    answer_error,
    parse_complaint,
)
from regcopy.transports.docker.messages import Hop, Reply, Secret
from regcopy.transports.docker.origin import Origin, may_ask_anonymously, may_send_secret, resolve

if TYPE_CHECKING:
    from concurrent.futures import Future

MAX_TOKEN_BODY: Final = 1024 * 1024
_MAX_REDIRECTS: Final = 5
_CLIENT_ID: Final = "regcopy"
_DEFAULT_LIFETIME_SECONDS: Final = 60.0
_LONGEST_LIFETIME_SECONDS: Final = 24 * 3600.0

Exchange = Callable[[Hop], Reply]


class TokenRequest(NamedTuple):
    """What a token is for: two requests alike can share one token.

    Attributes:
        scopes: as in the token specification, "repository:name:pull,push".
    """

    realm: str
    service: str
    scopes: tuple[str, ...]


class Token(NamedTuple):
    """A bearer token, good until `good_until` on the monotonic clock."""

    secret: Secret
    good_until: float


class TokenCache:
    """Tokens that are still good; of several threads that want the same one, one asks."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[TokenRequest, Future[Token]] = {}

    def get(self, wanted: TokenRequest, fetch: Callable[[], Token]) -> Secret:
        """Give a token, from the cache or from `fetch`.

        Raises:
            As `fetch`; a thread that waited for another one gets an error of its own.
        """
        from concurrent.futures import Future  # many registries ask for no token

        with self._lock:
            known = self._known.get(wanted)
            if known is not None and _is_usable(known):
                mine = None
            else:
                known = mine = self._known[wanted] = Future()
        if mine is not None:
            self._fetch(wanted, mine, fetch)
        elif known.done():
            return known.result().secret
        error = known.exception()
        if error is not None:
            raise copy.copy(error) from None
        return _fresh(known.result().secret)

    def _fetch(self, wanted: TokenRequest, mine: Future[Token], fetch: Callable[[], Token]) -> None:
        try:
            mine.set_result(fetch())
        except BaseException as error:
            self._forget(wanted, mine)
            mine.set_exception(error)
            raise

    def _forget(self, wanted: TokenRequest, known: Future[Token]) -> None:
        with self._lock:
            if self._known.get(wanted) is known:
                del self._known[wanted]

    def drop(self, stale: Secret) -> None:
        """Forget a token that was not accepted."""
        with self._lock:
            for wanted, known in list(self._known.items()):
                if known.done() and known.result().secret == stale:
                    del self._known[wanted]


def _is_usable(known: Future[Token]) -> bool:
    return not known.done() or known.result().good_until > time.monotonic()


def _fresh(secret: Secret) -> Secret:
    return Secret(secret.header, is_fresh=True)


def basic(credential: Credential) -> Secret:
    """User name and password as an `Authorization` header."""
    pair = f"{credential.username}:{credential.password}".encode()
    return Secret(f"Basic {b64encode(pair).decode()}")


def bearer(token: str) -> Secret:
    """A token as an `Authorization` header.

    Raises:
        ConfigurationError: the token cannot stand in a header. The message does not show it.
    """
    if not (token.isascii() and token.isprintable()) or " " in token or not token:
        raise ConfigurationError("a token holds characters that no header can carry")
    return Secret(f"Bearer {token}")


class TokenService:
    """Asks for tokens on behalf of a registry.

    Args:
        exchange: sends one request.
        allowed: `host[:port]` of services that may get credentials wherever they are.
    """

    def __init__(self, exchange: Exchange, allowed: tuple[str, ...]) -> None:
        self._exchange = exchange
        self._allowed = allowed

    def fetch(
        self, wanted: TokenRequest, credential: Credential | None, home: Origin, what: str
    ) -> Token:
        """Ask once for a token.

        Args:
            wanted: what the token is for.
            credential: who asks; None asks for what everybody may do.
            home: the registry.
            what: what is being done, for messages.

        Raises:
            Unauthorized: the service may not be asked, or refuses.
            Refused: what it answers is no token.
            TransportError: it cannot be reached, or said no.
        """
        self._check(wanted.realm, credential, home)
        began = time.monotonic()
        reply = self._ask(_hop(wanted, credential, what), home)
        if reply.status != 200:
            raise _refusal(reply, credential, what)
        body = reply.read_all(MAX_TOKEN_BODY, "the token service's answer")
        return _parse(body, began, Place("GET", wanted.realm, what))

    def _check(self, realm: str, credential: Credential | None, home: Origin) -> None:
        target = Origin.of(realm)
        if credential is not None and not may_send_secret(home, target, self._allowed):
            raise Unauthorized(
                f"{home.netloc} wants its credentials sent to {target}, which is no part of it",
                hint=f"if that is its token service, allow it with --token-host {target.netloc}",
            )
        if not may_ask_anonymously(home, target, self._allowed):
            raise Unauthorized(
                f"{home.netloc} names {target} as its token service, which must not be asked",
                hint=f"allow it with --token-host {target.netloc}"
                if target.scheme == "https" or home.scheme == "http"
                else "a token service has to use https where the registry does",
            )

    def _ask(self, hop: Hop, home: Origin) -> Reply:
        """Exchange, following redirects of a GET within the service's own origin."""
        for _ in range(_MAX_REDIRECTS + 1):
            reply = self._exchange(hop)
            location = reply.headers.get("Location", "").strip(" \t")
            if reply.status not in {301, 302, 303, 307, 308} or not location:
                return reply
            reply.close()
            url = resolve(hop.url, location, home)
            if hop.method != "GET" or Origin.of(url) != Origin.of(hop.url):
                raise Refused(f"the token service {hop.place.host} redirects to another place")
            hop = Hop("GET", url, hop.what, secret=hop.secret)
        raise Refused(
            f"the token service {hop.place.host} redirects more than {_MAX_REDIRECTS} times"
        )


def _hop(wanted: TokenRequest, credential: Credential | None, what: str) -> Hop:
    if credential is not None and credential.identity_token:
        form = {
            "grant_type": "refresh_token",
            "service": wanted.service,
            "client_id": _CLIENT_ID,
            "scope": " ".join(wanted.scopes),
            "refresh_token": credential.identity_token,
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        secret = Secret(form=urlencode(form).encode())
        return Hop("POST", wanted.realm, what, headers, secret=secret)
    query = [("service", wanted.service)] if wanted.service else []
    query += [("scope", scope) for scope in wanted.scopes]
    if credential is not None and credential.username:
        query.insert(0, ("account", credential.username))
    parts = urlsplit(wanted.realm)
    asked = "&".join(part for part in (parts.query, urlencode(query)) if part)
    url = urlunsplit((parts.scheme, parts.netloc, parts.path or "/", asked, ""))
    return Hop("GET", url, what, secret=basic(credential) if credential is not None else None)


def _refusal(reply: Reply, credential: Credential | None, what: str) -> Exception:
    secrets = secrets_of(credential)
    complaint = parse_complaint(reply.read_all(MAX_ERROR_BODY, "the error"), secrets)
    place = Place("POST" if credential and credential.identity_token else "GET", reply.url, what)
    hint = login_hint(credential) if reply.status in {400, 401} else ""
    error = answer_error(place, reply.status, reply.headers, complaint, hint=hint)
    # OAuth 2 says invalid_grant with 400 (RFC 6749 section 5.2).
    if reply.status == 400:
        refused = Unauthorized(error.message, answer=error.answer, hint=hint)
        refused.operation = what
        return refused
    return error


def secrets_of(credential: Credential | None) -> tuple[str, ...]:
    """What must not be shown even where a server repeats it."""
    if credential is None:
        return ()
    header = basic(credential).header.removeprefix("Basic ")
    secrets = (header, credential.password, credential.identity_token, credential.registry_token)
    return tuple(secret for secret in secrets if secret)


def login_hint(credential: Credential | None) -> str:
    """What to try where a registry or its token service said 401."""
    if credential is None:
        return "no credentials were found for it: log in, or give --creds or --authfile"
    return f"the credentials of {credential.origin or 'the caller'} were not accepted"


def _parse(body: bytes, began: float, place: Place) -> Token:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        document = None
    fields = document if isinstance(document, dict) else {}
    for key in ("token", "access_token"):
        token = fields.get(key)
        if isinstance(token, str) and token:
            break
    else:
        raise Refused(f"{place.address}: the token service answered without a token")
    try:
        secret = bearer(token)
    except ConfigurationError as error:
        raise Refused(f"{place.address}: {error.message}") from None
    return Token(secret, began + _good_for(fields.get("expires_in")))


def _good_for(lifetime: object) -> float:
    """Seconds that a token is used: a little less than it lives."""
    known = isinstance(lifetime, int | float) and 0 < lifetime < float("inf")
    seconds = float(lifetime) if known and isinstance(lifetime, int | float) else 0.0
    seconds = min(seconds or _DEFAULT_LIFETIME_SECONDS, _LONGEST_LIFETIME_SECONDS)
    return seconds - min(60.0, seconds * 0.2)
