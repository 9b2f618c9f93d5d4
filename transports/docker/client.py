"""Requests to one registry: the one door through which the docker transport speaks HTTP.

A `RegistryClient` knows one registry and one side of a run. It answers challenges, follows
redirects in its own loop, bounds every wait and every read, and turns whatever goes wrong
into the errors of `regcopy.errors`. Sources and destinations build `Request` values and
read `Reply` objects; they never see requests, urllib3 or a credential.

Nothing heavy is imported with this module: requests is loaded when a client is made.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

from regcopy.errors import (
    ConnectionFailed,
    RateLimited,
    Refused,
    TransportError,
    Unauthorized,
)
from regcopy.model.reference import ImageName
from regcopy.transports.base import Context
from regcopy.transports.docker.errors import MAX_ERROR_BODY, answer_error, parse_complaint
from regcopy.transports.docker.messages import (
    Hop,
    Outgoing,
    Reply,
    Request,
    Scope,
    Secret,
    StreamBody,
)
from regcopy.transports.docker.origin import Origin, may_follow, resolve
from regcopy.transports.docker.request_rate import RequestRate

if TYPE_CHECKING:
    from regcopy.transports.docker.retry import Retrier

__all__ = [
    "Outgoing",
    "RegistryClient",
    "Reply",
    "Request",
    "Scope",
    "StreamBody",
    "client_at",
    "client_for",
]

MAX_REDIRECTS: Final = 5
# A token that has become stale is renewed, and the way may turn out to be another one.
MAX_CHALLENGES: Final = 4
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_REDIRECTS_WITH_BODY: Final = frozenset({307, 308})


class RegistryClient:
    """Speaks to one registry for one side of a run; safe for use by several threads.

    Attributes:
        registry: host and port as in the reference (`docker.io` for Docker Hub).
        retrier: repeats what may pass, within the side's budget; for work of several
            requests, such as an upload.
    """

    registry: str
    retrier: Retrier

    def __init__(self, registry: str, context: Context) -> None:
        # Here and not above: they load requests and tenacity, which takes 100 ms.
        from regcopy.transports.docker.authenticator import Authenticator
        from regcopy.transports.docker.exchange import Exchanger
        from regcopy.transports.docker.retry import Retrier

        self.registry = registry
        self.retrier = Retrier(context)
        self._rate = RequestRate(context)
        self._http = Exchanger(registry, context)
        self._auth = Authenticator(registry, context, self._http.exchange)
        self._deciding = threading.Lock()
        self._decided = threading.Event()
        self._undecided: ConnectionFailed | None = None
        if len(self._http.candidates) == 1:
            self._decided.set()

    def send(self, request: Request) -> Reply:
        """Send once: challenges are answered and redirects followed, nothing is repeated.

        Raises:
            NotFound, Unauthorized, Forbidden, RateLimited, Refused, ServerFault: the answer
                was not one of `request.expect`; the error has `answer` set.
            ConnectionFailed (TimedOut, Stalled, TlsFailed): there was no whole answer.
            Cancelled: the run was cancelled.

        What `StreamBody.stream` raises comes through as it is.
        """
        given = self._rate.wait_for_turn()
        try:
            reply = self._send_somewhere(request)
        except RateLimited:
            self._rate.was_refused(given)
            raise
        self._rate.was_taken()
        return reply

    def _send_somewhere(self, request: Request) -> Reply:
        if self._decided.is_set():
            return self._send(request)
        before = self._undecided
        with self._deciding:
            if not self._decided.is_set():
                failure = self._undecided
                if failure is None or failure is before:
                    return self._send_first(request)
                # A silent host is not waited for by one request after the other.
                raise _placed(type(failure)(failure.message, hint=failure.hint), request)
        return self._send(request)

    def _send_first(self, request: Request) -> Reply:
        """Send, and find out by that whether a registry without verification speaks TLS.

        Only where the user named this registry insecure. Plain HTTP is for one that never
        completed a TLS handshake.
        """
        secure, plain = self._http.candidates
        try:
            return self._send_to(secure, request)
        except ConnectionFailed:
            if self._http.is_reached(secure):
                raise
        try:
            return self._send_to(plain, request)
        except ConnectionFailed as error:
            self._undecided = type(error)(error.message, hint=error.hint)
            raise

    def _send_to(self, home: Origin, request: Request) -> Reply:
        self._http.home = home
        try:
            return self._send(request)
        finally:
            if self._http.is_reached(home):
                self._decided.set()

    def _send(self, request: Request) -> Reply:
        # A path is always one of the registry itself, also where it begins with two slashes.
        asked = request.target
        asked = f"{self._http.home}{asked}" if asked.startswith("/") else asked
        url = resolve(f"{self._http.home}/", asked, self._http.home)
        is_home = Origin.of(url) == self._http.home
        secret = self._secret_for(request) if is_home else None
        answered = 0
        while True:
            reply = self._follow(request, url, secret)
            if reply.status in request.expect:
                return reply
            error = self._error(reply, request, secret)
            if not isinstance(error, Unauthorized) or not self._is_ours(reply):
                raise error
            # A front that wants a password may stand before a registry that wants a token.
            if answered == MAX_CHALLENGES:
                raise error
            answered += 1
            better = self._answer(reply, request, secret)
            if better is None or not _rewind(request.body):
                raise error
            secret = better

    def call(self, request: Request) -> Reply:
        """Send, and repeat what may pass; only for bodies that are bytes.

        Raises:
            As `send`.
        """
        return self.retrier.call(lambda: self.send(request))

    def abort(self) -> None:
        """Make all calls under way fail soon; may be called from any thread, and twice."""
        self._http.abort()

    def close(self) -> None:
        """Close all connections; may be called twice."""
        self._http.close()

    def _follow(self, request: Request, url: str, secret: Secret | None) -> Reply:
        """Exchange, following redirects; each hop is built from nothing."""
        for _ in range(MAX_REDIRECTS + 1):
            is_home = Origin.of(url) == self._http.home
            if not is_home:
                secret = None  # and it stays so, should the way lead back
                self._check_leaving(request, url)
            reply = self._http.exchange(_hop(request, url, secret))
            if reply.status not in _REDIRECTS or reply.status in request.expect:
                return reply
            with reply:
                next_url = reply.location
            self._check_redirect(request, reply, next_url)
            url = next_url
        place = _hop(request, url, None).place
        raise _placed(Refused(f"{place.address}: more than {MAX_REDIRECTS} redirects"), request)

    def _check_leaving(self, request: Request, url: str) -> None:
        """Refuse addresses that a registry must not send us to."""
        target = Origin.of(url)
        if not may_follow(self._http.home, target):
            raise _placed(
                Refused(f"{self._http.home.netloc} points to {target}, where it must not"), request
            )

    def _check_redirect(self, request: Request, reply: Reply, url: str) -> None:
        """Refuse to repeat a body somewhere else (CVE-2023-45803 and its like)."""
        if request.method in {"GET", "HEAD"}:
            return
        same = Origin.of(url) == Origin.of(reply.url)
        if not same or reply.status not in _REDIRECTS_WITH_BODY or not _rewind(request.body):
            place = _hop(request, reply.url, None).place
            told = f"{place.method} {place.address}: {reply.status} redirects to {Origin.of(url)}"
            raise _placed(Refused(f"{told}, where a body must not follow"), request)

    def _is_ours(self, reply: Reply) -> bool:
        return Origin.of(reply.url) == self._http.home

    def _secret_for(self, request: Request) -> Secret | None:
        return self._auth.secret_for(self._http.home, request.scopes, request.what)

    def _answer(self, reply: Reply, request: Request, sent: Secret | None) -> Secret | None:
        challenges = reply.headers.get("WWW-Authenticate", "")
        return self._auth.answer(self._http.home, challenges, request.scopes, sent, request.what)

    def _error(self, reply: Reply, request: Request, sent: Secret | None) -> TransportError:
        """Make an error of an answer, with what its body says."""
        try:
            with reply:
                body = b"" if request.method == "HEAD" else _beginning(reply)
        except ConnectionFailed:
            body = b""  # the status says enough
        complaint = parse_complaint(body, self._auth.secrets(request.scopes, sent))
        hint = self._auth.hint(request.scopes) if reply.status == 401 else ""
        place = _hop(request, reply.url, None).place
        return answer_error(place, reply.status, reply.headers, complaint, hint=hint)


def _hop(request: Request, url: str, secret: Secret | None) -> Hop:
    return Hop(
        request.method,
        url,
        request.what,
        request.headers,
        request.body,
        secret,
        request.answer_seconds,
        request.target.partition("?")[0] if request.target.startswith("/") else "",
    )


def _rewind(body: bytes | StreamBody) -> bool:
    """Go back to the beginning of a body, where that can be done."""
    if isinstance(body, bytes):
        return True
    if body.rewind is None:
        return False
    body.rewind()
    return True


def _beginning(reply: Reply) -> bytes:
    """Read an error body, at most as much of it as is worth reading."""
    blocks = []
    left = MAX_ERROR_BODY
    while left and (block := reply.read(left)):
        blocks.append(block)
        left -= len(block)
    return b"".join(blocks)


def _placed(error: TransportError, request: Request) -> TransportError:
    error.operation = request.what
    return error


def client_for(name: ImageName, context: Context) -> RegistryClient:
    """Give the client for the registry of `name`; one for each side of a run.

    Raises:
        UsageError: registries.conf blocks the registry, or cannot be used.
    """
    from regcopy.transports.docker.mirrors import settled  # it loads tomllib

    return client_at(name, settled(name, context))


def client_at(name: ImageName, context: Context) -> RegistryClient:
    """Give the client for the registry of `name`, reached as the context says."""
    return context.resources.get(
        RegistryClient,
        # One registry may be somebody's mirror and be named by the user too: what is allowed
        # to the one is not allowed to the other.
        (context.side, name.registry, context.options, id(context.keychain)),
        lambda: RegistryClient(name.registry, context),
    )
