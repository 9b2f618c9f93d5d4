"""Requests to a daemon (Docker Engine API), one connection for each."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, NoReturn, cast
from urllib.parse import quote

from regcopy.errors import (
    ConnectionFailed,
    NotFound,
    RegcopyError,
    TimedOut,
    TlsFailed,
)
from regcopy.model._json import JsonObject, load_object
from regcopy.streams.answers import AnswerReader
from regcopy.streams.blob import BLOCK_BYTES, read_limited
from regcopy.text import printable
from regcopy.transports.docker_daemon.address import DaemonAddress, find_address
from regcopy.transports.docker_daemon.answers import MAX_ERROR_BYTES, refusal
from regcopy.transports.docker_daemon.channel import Incoming, connect

if TYPE_CHECKING:
    import socket

    from regcopy.transports.base import Context

# The newest version that this was written for; what is asked for has been there since 1.7.
_NEWEST: Final = (1, 47)
# An image with thousands of layers and labels; real answers have some kilobytes.
_MAX_DOCUMENT_BYTES: Final = 8 * 1024 * 1024
# A daemon writes an image to its disk before it sends the first byte of it, and unpacks one
# after it got the last byte; about neither does it say anything meanwhile.
WORK_SECONDS: Final = 3600.0


class Exchange:
    """One request, and the answer to it; also a `Readable`, which gives the answer's body."""

    def __init__(
        self, daemon: Daemon, method: str, target: str, headers: Mapping[str, str]
    ) -> None:
        """Connect and send the head. Errors as `connect`, and ConnectionFailed."""
        self.method = method
        self.address = daemon.place(target.partition("?")[0])
        self._daemon = daemon
        self._seconds = daemon.context.clocks.stall_seconds
        self._answer: http.client.HTTPResponse | None = None
        self._incoming: Incoming | None = None
        with self._located():
            self._channel = connect(daemon.address, daemon.context)
        try:
            self.send(_head(daemon.address, method, target, headers))
        except BaseException:
            self.close()
            raise

    @contextmanager
    def _located(self) -> Iterator[None]:
        where = f"{self.method} {self.address}"
        try:
            yield
        except ssl.SSLError as error:
            raise _tls_error(where, error) from None
        except TimeoutError:
            raise TimedOut(
                f"{where}: the daemon did nothing for {self._seconds:g} s",
                hint="look whether it hangs; --stall-timeout allows more time",
            ) from None
        except http.client.IncompleteRead:
            raise ConnectionFailed(f"{where}: the answer's body broke off") from None
        except http.client.RemoteDisconnected:
            raise ConnectionFailed(
                f"{where}: the daemon hung up without an answer",
                hint="does it still run? Its log says why it ended",
            ) from None
        except http.client.HTTPException:
            raise ConnectionFailed(
                f"{where}: what came is no answer in HTTP",
                hint="does a Docker daemon listen there, and with TLS or without?",
            ) from None
        except OSError as error:
            why = (error.strerror or "the connection broke").lower()
            raise ConnectionFailed(f"{where}: {printable(why, limit=200)}") from None

    def send(self, block: bytes) -> None:
        """Send part of the request. Raises ConnectionFailed."""
        with self._located():
            self._channel.send(block, self._seconds)

    def peek(self) -> bytes | None:
        """Look whether the daemon answers already; see `Channel.peek`."""
        return self._channel.peek()

    def receive(self, seconds: float) -> int:
        """Wait for the answer, at most so long, and give its status.

        Raises:
            ConnectionFailed: it does not come, or is broken.
            LimitExceeded: its head does not end.
        """
        stall, self._seconds = self._seconds, seconds
        self._incoming = Incoming(self._channel, seconds)
        reader = cast("socket.socket", AnswerReader(self._incoming, whose="the daemon's"))
        self._answer = http.client.HTTPResponse(reader, method=self.method)
        with self._located():
            self._answer.begin()
        self._seconds = self._incoming.seconds = stall
        return self._answer.status

    def read(self, size: int = -1, /) -> bytes:
        """Give at most `size` bytes of the body, b"" at its end.

        Raises:
            ConnectionFailed: it broke off, or fell silent.
        """
        if self._answer is None or size == 0:
            return b""
        wanted = BLOCK_BYTES if size < 0 else size
        with self._located():
            block = self._answer.read(wanted)
            if not block and self._answer.length:
                raise http.client.IncompleteRead(b"")
        return block

    def refuse(self) -> NoReturn:
        """Raise the error for an answer that was not hoped for, from its body."""
        status = self._answer.status if self._answer else 0
        try:
            body = self.read(MAX_ERROR_BYTES)
        except RegcopyError:
            body = b""
        raise refusal(self.method, self.address, status, body)

    def be_patient(self, seconds: float) -> None:
        """Bear this much silence within the body from now on."""
        self._seconds = seconds
        if self._incoming is not None:
            self._incoming.seconds = seconds

    def close(self) -> None:
        """Hang up; may be called twice."""
        if self._answer is not None:
            self._answer.close()
        self._channel.close()


class Daemon:
    """A daemon that answers.

    Attributes:
        address: where it listens.
        context: of the side that it is on.
    """

    def __init__(self, context: Context) -> None:
        """Ask for the versions of its API.

        Raises:
            ConfigurationError: its address or certificates cannot be used.
            TransportUnavailable: nobody listens there.
            TransportError: it cannot be reached, or refuses.
        """
        self.context = context
        self.address: DaemonAddress = find_address(context)
        answer = self._get_object("/version")
        self._version = _choose(answer.string("ApiVersion"), answer.string("MinAPIVersion"))

    def place(self, path: str) -> str:
        """Name a path of this daemon for messages."""
        return f"{printable(self.address.text, limit=200)}{path}"

    def image(self, wanted: str) -> JsonObject:
        """What the daemon says about an image.

        Args:
            wanted: its name or ID.

        Raises:
            NotFound: there is none.
            TransportError: the daemon cannot be reached, or refuses.
        """
        try:
            return self._get_object(self._path(f"/images/{_quoted(wanted)}/json"))
        except NotFound as error:
            error.hint = "docker images lists those that are there"
            raise

    def export(self, wanted: str) -> Exchange:
        """Begin to read the archive of an image.

        Raises:
            TransportError: the daemon cannot be reached, or refuses.
        """
        target = self._path(f"/images/get?names={_quoted(wanted)}")
        return self._get(target, WORK_SECONDS)

    def begin_load(self) -> Exchange:
        """Begin to send an archive, in chunks. Raises TransportError."""
        headers = {"Content-Type": "application/x-tar", "Transfer-Encoding": "chunked"}
        return Exchange(self, "POST", self._path("/images/load?quiet=1"), headers)

    def _path(self, path: str) -> str:
        return f"{self._version}{path}"

    def _get(self, target: str, seconds: float) -> Exchange:
        exchange = Exchange(self, "GET", target, {})
        try:
            if exchange.receive(seconds) != 200:
                exchange.refuse()
        except BaseException:
            exchange.close()
            raise
        return exchange

    def _get_object(self, target: str) -> JsonObject:
        exchange = self._get(target, self.context.clocks.stall_seconds)
        what = f"the daemon's answer ({exchange.address})"
        try:
            content = read_limited(exchange, _MAX_DOCUMENT_BYTES, what=what)
        finally:
            exchange.close()
        return JsonObject(load_object(content, what=what), what=what)


def _quoted(name: str) -> str:
    return quote(name, safe="/:@")


def _head(address: DaemonAddress, method: str, target: str, headers: Mapping[str, str]) -> bytes:
    host = "docker"
    if not address.socket_path:
        host = f"[{address.host}]" if ":" in address.host else address.host
        host = f"{host}:{address.port}"
    lines = [f"{method} {address.prefix}{target} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines += ["User-Agent: regcopy", "Connection: close", "", ""]
    return "\r\n".join(lines).encode()


def _choose(newest: str, oldest: str) -> str:
    """Choose the version for the paths; "" lets the daemon choose, where it tells none."""
    theirs, least = _version(newest), _version(oldest)
    if theirs is None:
        return ""
    chosen = max(min(_NEWEST, theirs), least or (0, 0))
    return f"/v{chosen[0]}.{chosen[1]}"


def _version(text: str) -> tuple[int, int] | None:
    major, _, minor = text.partition(".")
    if not (major + minor).isdecimal() or not minor or len(text) > 9 or not text.isascii():
        return None
    return int(major), int(minor)


def _tls_error(where: str, error: ssl.SSLError) -> TlsFailed:
    if isinstance(error, ssl.SSLCertVerificationError):
        return TlsFailed(
            f"{where}: the daemon's certificate was not accepted: {error.verify_message}",
            hint="put the certificate of its authority as ca.pem into DOCKER_CERT_PATH or "
            "--…-cert-dir",
        )
    reason = str(error.reason or "no reason").replace("_", " ").lower()
    return TlsFailed(
        f"{where}: TLS failed: {printable(reason, limit=200)}",
        hint="http:// in place of tcp:// goes without TLS; a daemon may want a client "
        "certificate: cert.pem and key.pem",
    )
