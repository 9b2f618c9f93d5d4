"""One request, one answer: the only place where a request is written to a connection.

requests and urllib3 are used for what they are good at, pools of connections, TLS and
proxies. Their redirects, retries, cookies, `.netrc` and decoding are not used.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, cast

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from urllib3.response import BaseHTTPResponse

from regcopy import __version__
from regcopy.config.proxies import proxy_for
from regcopy.errors import ConfigurationError, Refused, RegcopyError, SizeMismatch, Unauthorized
from regcopy.streams.blob import BLOCK_BYTES
from regcopy.transports.base import Context
from regcopy.transports.docker.connection import PlainConnection, TlsConnection, Wire
from regcopy.transports.docker.errors import exchange_error, wire_failures
from regcopy.transports.docker.messages import Hop, Outgoing, Reply, StreamBody
from regcopy.transports.docker.origin import Origin, may_send_secret
from regcopy.transports.docker.tls import TlsContexts

# More than a list of 16 jobs has in use at once: urllib3 closes what it has no place for, and
# warns of it in the log of the program.
_POOLED_CONNECTIONS: Final = 64
_POOLED_HOSTS: Final = 16
_METHODS_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})
_DIALLED: Final = {"docker.io": "registry-1.docker.io"}

_log = logging.getLogger("regcopy.http")


class Exchanger:
    """Exchanges requests for answers, on behalf of one registry; safe for several threads.

    Attributes:
        home: the registry's origin. Where its scheme has to be found out, it is the first of
            `candidates` until the client has done so.
        candidates: origins that the registry may have.
    """

    def __init__(self, registry: str, context: Context) -> None:
        self._context = context
        self._wire = Wire(context.clocks)
        self._answered: set[Origin] = set()
        self.candidates = _candidates(registry, context)
        self.home = self.candidates[0]
        self._agent = " ".join(
            part for part in (context.options.user_agent_prefix, f"regcopy/{__version__}") if part
        )
        self._adapter = _Adapter(self._wire, TlsContexts(registry, context), self.candidates)
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.mount("https://", self._adapter)
        self._session.mount("http://", self._adapter)

    def exchange(self, hop: Hop) -> Reply:
        """Send and wait for the head of the answer.

        Raises:
            Unauthorized: the hop holds a secret that must not go there.
            ConnectionFailed: there was no answer.
            ConfigurationError: a proxy or certificate cannot be used.
            Cancelled: the run was cancelled.

        What the stream of the body raises comes through as it is.
        """
        self._context.check_cancelled()
        origin = Origin.of(hop.url)
        prepared, proxies = self._prepare(hop, origin), self._proxies(origin)
        self._adapter.make_ready(origin)
        clocks = self._context.clocks
        seconds = (clocks.connect_seconds, hop.answer_seconds or clocks.stall_seconds)
        try:
            adapter = self._session.get_adapter(hop.url)
            response = adapter.send(prepared, stream=True, timeout=seconds, proxies=proxies)
        except _BodyFailed as failed:
            raise failed.error from None
        except wire_failures() as error:
            raise exchange_error(hop.place, error, self._context) from None
        self._answered.add(origin)
        place = hop.place
        _log.debug("%s %s://%s %d", hop.method, origin.scheme, place.address, response.status_code)
        return Reply(cast("BaseHTTPResponse", response.raw), hop, self.home, self._context)

    def _prepare(self, hop: Hop, origin: Origin) -> requests.PreparedRequest:
        """Build a request by hand: nothing but what is meant gets in, and it is quicker."""
        prepared = requests.PreparedRequest()
        prepared.method, prepared.url = hop.method, hop.url
        headers = {"User-Agent": self._agent, "Accept-Encoding": "identity", **hop.headers}
        body = hop.body
        if hop.secret is not None:
            # Every secret that leaves passes through here.
            if not may_send_secret(self.home, origin, self._context.options.token_hosts):
                raise Unauthorized(f"credentials for {self.home} must not go to {origin}")
            if hop.secret.header:
                headers["Authorization"] = hop.secret.header
            body = hop.secret.form or body
        length = body.length if isinstance(body, StreamBody) else len(body)
        if length is not None and (length or hop.method in _METHODS_WITH_BODY):
            headers["Content-Length"] = str(length)
        prepared.headers = CaseInsensitiveDict(headers)
        # requests takes anything with `read`, and its stubs say so only in part.
        prepared.body = _Sending(body) if isinstance(body, StreamBody) else body or None  # type: ignore[assignment]
        return prepared

    def _proxies(self, origin: Origin) -> dict[str, str]:
        proxy = proxy_for(origin.scheme, origin.host, origin.port, self._context.environment)
        if proxy is None:
            return {}
        if proxy.lower().startswith("socks"):
            raise ConfigurationError("SOCKS proxies are not supported", hint="use an HTTP proxy")
        return {origin.scheme: proxy}

    def is_reached(self, origin: Origin) -> bool:
        """Tell whether an origin has ever answered, or shaken hands."""
        return origin in self._answered or (
            origin.scheme == "https" and (origin.host, origin.port) in self._wire.greeted
        )

    def abort(self) -> None:
        """End all connections that are open now."""
        self._wire.lines.shut_down()

    def close(self) -> None:
        """Close all connections that nobody reads from."""
        self._session.close()


def _candidates(registry: str, context: Context) -> tuple[Origin, ...]:
    dialled = _DIALLED.get(registry, registry)
    schemes = ("https", "http") if context.options.tls_verify is False else ("https",)
    try:
        return tuple(Origin.of(f"{scheme}://{dialled}") for scheme in schemes)
    except Refused:
        raise ConfigurationError(f"{registry} is no address of a registry") from None


class _BodyFailed(Exception):
    """Carries what a body's own stream raised past those who would take it for a broken wire."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error


class _Sending:
    """The stream of a body, held to its length."""

    def __init__(self, body: StreamBody) -> None:
        self._stream: Outgoing = body.stream
        self._length = body.length
        self._sent = 0

    def read(self, size: int) -> bytes:
        wanted = size if self._length is None else min(size, self._length - self._sent)
        if wanted == 0:
            return b""
        try:
            block = self._stream.read(wanted)
        except RegcopyError as error:
            error.side = error.side or "source"
            raise _BodyFailed(error) from None
        except Exception as error:  # noqa: BLE001 - whatever it is, it is not of the wire
            raise _BodyFailed(error) from None
        self._sent += len(block)
        if not block and self._length is not None:
            raise _BodyFailed(SizeMismatch(self._length, self._sent, what="the body"))
        return block


class _Adapter(HTTPAdapter):
    """requests' adapter with our connections and our TLS, and neither retries nor cookies."""

    def __init__(self, wire: Wire, tls: TlsContexts, candidates: tuple[Origin, ...]) -> None:
        self._wire = wire
        self._tls = tls
        self._candidates = candidates
        super().__init__(pool_connections=_POOLED_HOSTS, pool_maxsize=_POOLED_CONNECTIONS)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs, blocksize=BLOCK_BYTES)
        self.poolmanager.pool_classes_by_scheme = cast("Any", self._pools())

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> urllib3.ProxyManager:
        if proxy.lower().startswith("https:"):
            # Verified, also where the registry is not: it is another host.
            scheme, _, rest = proxy.partition("://")
            origin = Origin.of(f"{scheme}://{rest.rpartition('@')[2]}")
            kwargs["proxy_ssl_context"] = self._tls.context_for(origin, is_registry=False)
        manager = super().proxy_manager_for(proxy, **kwargs, blocksize=BLOCK_BYTES)
        manager.pool_classes_by_scheme = cast("Any", self._pools())
        return cast("urllib3.ProxyManager", manager)

    def _pools(self) -> dict[str, Callable[..., urllib3.HTTPConnectionPool]]:
        return {
            "http": partial(_make_pool, _PlainPool, partial(PlainConnection, wire=self._wire)),
            "https": partial(_make_pool, _TlsPool, partial(TlsConnection, wire=self._wire)),
        }

    def build_connection_pool_key_attributes(  # type: ignore[override]
        self,
        request: requests.PreparedRequest,
        verify: object,  # noqa: ARG002 - our contexts say it
        cert: object = None,  # noqa: ARG002
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        origin = Origin.of(str(request.url))
        host = {"scheme": origin.scheme, "host": origin.host, "port": origin.port}
        return host, self.make_ready(origin)

    def make_ready(self, origin: Origin) -> dict[str, Any]:
        """Make the TLS settings for an origin, unless they are made already.

        Raises:
            ConfigurationError: a certificate or key cannot be used.
        """
        if origin.scheme == "http":
            return {}
        is_registry = origin in self._candidates
        return {"ssl_context": self._tls.context_for(origin, is_registry=is_registry)}

    def cert_verify(self, conn: Any, url: str, verify: object, cert: object) -> None:
        """Do nothing: the TLS context says it all."""

    def build_response(
        self,
        req: requests.PreparedRequest,  # noqa: ARG002 - it is known to the caller
        resp: BaseHTTPResponse,
    ) -> requests.Response:
        response = requests.Response()
        response.status_code, response.raw = resp.status, resp
        return response


class _PlainPool(urllib3.HTTPConnectionPool):
    """urllib3's pool, which logs each address that it asks for, and never sees a query of ours."""

    def _make_request(self, conn: Any, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
        return super()._make_request(conn, method, _without_query(conn, url), *args, **kwargs)


class _TlsPool(urllib3.HTTPSConnectionPool):
    """The same with TLS."""

    def _make_request(self, conn: Any, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
        return super()._make_request(conn, method, _without_query(conn, url), *args, **kwargs)


def _without_query(connection: PlainConnection | TlsConnection, target: str) -> str:
    """Give the connection the whole target, and urllib3 what may be shown of it.

    The query of an address that a registry sent us to is often the secret that opens it.
    """
    connection.ask_for(target)
    return target.partition("?")[0]


def _make_pool(
    kind: type[urllib3.HTTPConnectionPool],
    connect: Callable[..., PlainConnection | TlsConnection],
    host: str,
    port: int,
    **settings: Mapping[str, Any],
) -> urllib3.HTTPConnectionPool:
    pool = kind(host, port, **cast("Any", settings))
    pool.ConnectionCls = cast("Any", connect)
    return pool
