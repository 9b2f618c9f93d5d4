"""The wire to a daemon: each wait has a limit and can be cancelled."""

from __future__ import annotations

import errno
import io
import select
import socket
import ssl
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeVar

from regcopy.errors import ConnectionFailed, TransportUnavailable
from regcopy.text import printable
from regcopy.transports.docker_daemon.address import DaemonAddress, other_sockets

if TYPE_CHECKING:
    from regcopy.transports.base import Context

_POLL_MILLISECONDS: Final = 200
_NO_DAEMON: Final = frozenset({errno.ENOENT, errno.ECONNREFUSED, errno.ENOTDIR})
_NO_RIGHT: Final = frozenset({errno.EACCES, errno.EPERM})

_Given = TypeVar("_Given")


class Channel:
    """A connected socket; one thread uses it at a time."""

    def __init__(self, sock: socket.socket, check_cancelled: Callable[[], None]) -> None:
        """Take the socket over; `check_cancelled` raises to end a wait."""
        sock.setblocking(False)
        self._sock = sock
        self._check_cancelled = check_cancelled

    def start_tls(self, context: ssl.SSLContext, name: str, seconds: float) -> None:
        """Go on with TLS.

        Raises:
            OSError: it failed, or took longer than `seconds`.
        """
        wrapped = context.wrap_socket(
            self._sock, server_hostname=name, do_handshake_on_connect=False
        )
        self._sock = wrapped
        self._attempt(wrapped.do_handshake, select.POLLIN, seconds)

    def send(self, data: bytes, seconds: float) -> None:
        """Send all of it. Raises OSError, where nothing is taken for so many seconds too."""
        rest = memoryview(data)
        while rest:
            sent = self._attempt(lambda: self._sock.send(rest), select.POLLOUT, seconds)  # noqa: B023 — called before the next round
            rest = rest[sent:]

    def receive_into(self, buffer: memoryview, seconds: float) -> int:
        """Take what comes, 0 bytes at the end. Raises OSError, after so many seconds too."""
        return self._attempt(lambda: self._sock.recv_into(buffer), select.POLLIN, seconds)

    def peek(self) -> bytes | None:
        """Look at what has come, without taking it; b"" at the end, None for nothing.

        With TLS it is always None: what has come may belong to TLS itself.
        """
        if isinstance(self._sock, ssl.SSLSocket):
            return None
        try:
            return self._sock.recv(64, socket.MSG_PEEK)
        except BlockingIOError:
            return None
        except OSError:
            return b""

    def _attempt(self, action: Callable[[], _Given], events: int, seconds: float) -> _Given:
        deadline = time.monotonic() + seconds
        while True:
            self._check_cancelled()
            try:
                return action()
            except BlockingIOError:
                self._wait(events, deadline)
            except ssl.SSLWantReadError:
                self._wait(select.POLLIN, deadline)
            except ssl.SSLWantWriteError:
                self._wait(select.POLLOUT, deadline)

    def _wait(self, events: int, deadline: float) -> None:
        poll = select.poll()
        poll.register(self._sock, events)
        while not poll.poll(_POLL_MILLISECONDS):
            self._check_cancelled()
            if time.monotonic() > deadline:
                raise TimeoutError

    def close(self) -> None:
        """Hang up; may be called twice."""
        self._sock.close()


def connect(address: DaemonAddress, context: Context) -> Channel:
    """Connect to a daemon.

    Raises:
        TransportUnavailable: nobody listens at a unix socket.
        ConfigurationError: certificates cannot be used.
        ConnectionFailed: the socket is not ours to use, or no connection over TCP.
        OSError: TLS failed.
    """
    seconds = context.clocks.connect_seconds
    try:
        sock = _dial(address, seconds)
    except OSError as error:
        raise _no_daemon(address, error, context) from None
    channel = Channel(sock, context.check_cancelled)
    try:
        if address.uses_tls:
            from regcopy.transports.docker_daemon.tls import make_tls_context

            channel.start_tls(make_tls_context(context), address.host, seconds)
    except BaseException:
        channel.close()
        raise
    return channel


def _dial(address: DaemonAddress, seconds: float) -> socket.socket:
    if not address.socket_path:
        return socket.create_connection((address.host, address.port), seconds)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.settimeout(seconds)
        sock.connect(address.socket_path)
    except BaseException:
        sock.close()
        raise
    return sock


def _no_daemon(
    address: DaemonAddress, error: OSError, context: Context
) -> ConnectionFailed | TransportUnavailable:
    shown = printable(address.text, limit=300)
    told = f"Cannot connect to the Docker daemon at {shown}"
    flag = "--src-daemon-host" if context.side == "source" else "--dest-daemon-host"
    if error.errno in _NO_RIGHT:
        return ConnectionFailed(
            f"{told}: permission denied",
            hint="be root, or a member of the group that the socket belongs to (mostly docker)",
        )
    if address.socket_path and error.errno in _NO_DAEMON:
        others = [
            path for path in other_sockets(context.environment) if path != address.socket_path
        ]
        start = "start it (systemctl start docker, or systemctl start podman.socket)"
        if others:
            start = f"there is a socket {others[0]}"
        return TransportUnavailable(
            f"{told}. Is the docker daemon running?",
            hint=f"{start}, and name its address in DOCKER_HOST or {flag}, such as "
            f"unix://{others[0] if others else '/run/podman/podman.sock'}",
        )
    why = (error.strerror or "").lower() or "no connection in time"
    return ConnectionFailed(
        f"{told}: {printable(why, limit=200)}",
        hint=f"is it running, and does it listen there? See DOCKER_HOST and {flag}",
    )


class Incoming(io.RawIOBase):
    """The bytes of an answer; `seconds` is how long silence is borne."""

    def __init__(self, channel: Channel, seconds: float) -> None:
        self.seconds = seconds
        self._channel = channel

    def readable(self) -> bool:
        """Tell io that this can be read."""
        return True

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        """Take what is there, or wait for something. Raises OSError."""
        return self._channel.receive_into(buffer, self.seconds)
