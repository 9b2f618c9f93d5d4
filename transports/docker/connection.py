"""urllib3's connections and http.client's answers, with limits of our own.

What is added: the clocks of `line` on every wait, at most ten interim answers, a bound on
head and trailers, and an answer that comes while a body is still being sent is read
instead of being lost behind a broken pipe.
"""

from __future__ import annotations

import http.client
import io
import select
import socket
import ssl
import time
from dataclasses import dataclass, field
from typing import Any, Final, cast

from urllib3.connection import HTTPConnection, HTTPSConnection

from regcopy.errors import ConnectionFailed, LimitExceeded, Stalled
from regcopy.streams.answers import AnswerReader
from regcopy.transports.base import Clocks
from regcopy.transports.docker.line import (
    SLOW_HINT,
    Incoming,
    Line,
    Lines,
    Pace,
    Socket,
    dial,
)

MAX_INTERIM_ANSWERS: Final = 10
_STATUS_LINE_BYTES: Final = len(b"HTTP/1.1 200")
_EARLY_BYTES: Final = 4096
# One TLS write has to be whole before it returns, so its time limit is for all of it.
_TLS_WRITE_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Wire:
    """What all connections of a client have in common.

    Attributes:
        greeted: hosts and ports that completed a TLS handshake.
    """

    clocks: Clocks
    lines: Lines = field(default_factory=Lines)
    greeted: set[tuple[str, int]] = field(default_factory=set)


class EarlyAnswer(BrokenPipeError):
    """The other side answered, or hung up, before it had the whole body.

    A broken pipe to urllib3, which then goes on to read the answer.
    """


class Answer(http.client.HTTPResponse):
    """An answer whose head is read under limits, and parsed only then."""

    def __init__(self, incoming: Incoming, method: str | None, *, reusable: bool) -> None:
        self._incoming = incoming
        self._reader = AnswerReader(incoming, whose="the answer's")
        super().__init__(cast("socket.socket", self._reader), method=method)
        self._reusable = reusable

    def begin(self) -> None:
        """Read the head.

        Raises:
            LimitExceeded: too many interim answers, or too many bytes.
            TimedOut: the head took too long.
        """
        head = _read_head(self._reader)
        self.fp = cast("io.BufferedReader", io.BytesIO(head))
        try:
            super().begin()
        finally:
            self.fp = self._reader
        self._reader.begin_body()
        self._incoming.begin_body()
        # A connection with half a body on it cannot carry another request.
        self.will_close = self.will_close or not self._reusable


def _read_head(reader: AnswerReader) -> bytes:
    """Read one head, passing over interim answers (RFC 9110 section 15.2)."""
    for _ in range(MAX_INTERIM_ANSWERS + 1):
        lines: list[bytes] = []
        while line := reader.readline():
            lines.append(line)
            if line in {b"\r\n", b"\n"}:
                break
        head = b"".join(lines)
        if not _is_interim(head):
            return head
    raise LimitExceeded(f"more than {MAX_INTERIM_ANSWERS} interim answers")


def _is_interim(head: bytes) -> bool:
    # 101 would hand the connection over to another protocol: it is final for us.
    return head[:5] == b"HTTP/" and head[8:10] == b" 1" and head[9:12] != b"101"


class Guard:
    """The part of one connection that is the same with and without TLS.

    Attributes:
        target: of the next request, where urllib3 was told only a part of it.
    """

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._line: Line | None = None
        self._hang_up_state()

        self.target = ""

    def _hang_up_state(self) -> None:
        self._early = b""
        self._watching = True
        self._reusable = True
        self._pace = Pace(self._wire.clocks, "sent")

    def dial(self, host: str, port: int, seconds: float) -> socket.socket:
        """Connect."""
        self.hang_up()
        sock, self._line = dial(host, port, seconds, self._wire.lines)
        return sock

    def greet(self, host: str, port: int) -> None:
        """Remember that a TLS handshake was completed."""
        self._wire.greeted.add((host.strip("[]"), port))

    def hang_up(self) -> None:
        """Let go of what `dial` made; the socket itself is the connection's."""
        if self._line is not None:
            self._line.release()
            self._line = None
        self._hang_up_state()

    def send(self, sock: Socket, data: bytes) -> None:
        """Send all of it.

        Raises:
            EarlyAnswer: there is an answer to read, or the other side hung up.
            Stalled: nothing can be sent any more, or only very slowly.
        """
        seconds = self._wire.clocks.stall_seconds
        step = len(data) if type(sock) is socket.socket else _TLS_WRITE_BYTES
        sock.settimeout(seconds)
        left = memoryview(data)
        while left:
            began = time.monotonic()
            try:
                self._wait(sock, seconds)
                sent = sock.send(left[:step])
            except TimeoutError:
                what = f"nothing could be sent for {seconds:g} s"
                raise Stalled(what, hint=SLOW_HINT) from None
            except (BrokenPipeError, ConnectionResetError, ssl.SSLEOFError):
                self._reusable = False
                raise EarlyAnswer from None
            self._pace.count(time.monotonic() - began, sent)
            left = left[sent:]

    def _wait(self, sock: Socket, seconds: float) -> None:
        """Wait until something can be sent."""
        while True:
            poller = select.poll()
            poller.register(sock.fileno(), select.POLLOUT | (select.POLLIN * self._watching))
            ready = poller.poll(seconds * 1000)
            if not ready:
                raise TimeoutError
            event = ready[0][1]
            if event & select.POLLIN and self._is_answered(sock, seconds):
                raise EarlyAnswer
            if event & ~select.POLLIN:  # writable, or broken, which sending will tell
                return

    def _is_answered(self, sock: Socket, seconds: float) -> bool:
        """Take what has arrived, and tell whether it is a final answer or the end.

        It may be less: a TLS session ticket shows no bytes at all, and an interim answer
        means that the body is awaited.
        """
        sock.settimeout(0.0)
        try:
            received = sock.recv(_EARLY_BYTES) or b""  # urllib3's TLS inside TLS ends with 0
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return False
        finally:
            sock.settimeout(seconds)
        self._early += received
        if not received:
            return True
        if len(self._early) < _STATUS_LINE_BYTES:
            return False
        if _is_interim(self._early):
            self._watching = False
            return False
        return True

    def answer(self, sock: Socket, method: str | None, seconds: float | None) -> Answer:
        """Begin to read the answer to what was sent."""
        line = cast("Line", self._line)  # a connection that sends has dialled
        incoming = Incoming(
            sock,
            line.share(),
            self._wire.clocks,
            answer_seconds=self._wire.clocks.stall_seconds if seconds is None else seconds,
            early=self._early,
        )
        answer = Answer(incoming, method, reusable=self._reusable)
        self._early = b""
        self._watching = True
        self._pace = Pace(self._wire.clocks, "sent")
        return answer


class PlainConnection(HTTPConnection):
    """A connection without TLS, to a server or to a proxy."""

    def __init__(self, *args: Any, wire: Wire, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._guard = Guard(wire)

    def _new_conn(self) -> socket.socket:
        return _dial(self, self._guard)

    def ask_for(self, target: str) -> None:
        """Ask for this, whatever the next request says."""
        self._guard.target = target

    def putrequest(self, method: str, url: str, *args: bool, **settings: bool) -> None:
        """Begin a request."""
        super().putrequest(method, self._guard.target or url, *args, **settings)

    def send(self, data: bytes) -> None:  # type: ignore[override]
        """Send all of it, connecting first where need be."""
        _send(self, self._guard, data)

    def response_class(  # type: ignore[override]
        self, sock: Socket, _debuglevel: int = 0, method: str | None = None
    ) -> Answer:
        """Make the answer that http.client asks for."""
        return self._guard.answer(sock, method, self.timeout)

    def close(self) -> None:
        """Close, and forget everything about the last request."""
        super().close()
        self._guard.hang_up()


class TlsConnection(HTTPSConnection):
    """A connection with TLS; its certificates are checked by the context it is given."""

    def __init__(self, *args: Any, wire: Wire, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._guard = Guard(wire)

    def _new_conn(self) -> socket.socket:
        return _dial(self, self._guard)

    def connect(self) -> None:
        """Connect and shake hands."""
        super().connect()
        self._guard.greet(self._tunnel_host or self.host, self._tunnel_port or self.port)
        # urllib3 warns about each connection without verification. Here the user has asked
        # for it, and for this host only.
        self.is_verified = True

    def _connect_tls_proxy(self, hostname: str, sock: socket.socket) -> ssl.SSLSocket:
        # urllib3 before 2.8 asks no more of a proxy than of the registry behind it. A proxy is
        # verified also where the registry is not: it is another host.
        asked, self.cert_reqs = self.cert_reqs, ssl.CERT_REQUIRED
        try:
            return super()._connect_tls_proxy(hostname, sock)
        finally:
            self.cert_reqs = asked

    def ask_for(self, target: str) -> None:
        """Ask for this, whatever the next request says."""
        self._guard.target = target

    def putrequest(self, method: str, url: str, *args: bool, **settings: bool) -> None:
        """Begin a request."""
        super().putrequest(method, self._guard.target or url, *args, **settings)

    def send(self, data: bytes) -> None:  # type: ignore[override]
        """Send all of it, connecting first where need be."""
        _send(self, self._guard, data)

    def response_class(  # type: ignore[override]
        self, sock: Socket, _debuglevel: int = 0, method: str | None = None
    ) -> Answer:
        """Make the answer that http.client asks for."""
        return self._guard.answer(sock, method, self.timeout)

    def close(self) -> None:
        """Close, and forget everything about the last request."""
        super().close()
        self._guard.hang_up()


def _dial(connection: HTTPConnection, guard: Guard) -> socket.socket:
    seconds = 15.0 if connection.timeout is None else connection.timeout
    try:
        return guard.dial(connection.host, connection.port, seconds)
    except ConnectionFailed as error:
        if connection.proxy is not None:
            error.message = f"proxy {connection.host}:{connection.port}: {error.message}"
        raise


def _send(connection: HTTPConnection, guard: Guard, data: bytes) -> None:
    if connection.sock is None:
        connection.connect()
    guard.send(cast("Socket", connection.sock), data)
