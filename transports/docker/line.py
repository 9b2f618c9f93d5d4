"""The wire below HTTP: connections that can be shut down, and clocks against silence.

A connection that stands and says nothing must end by itself: each wait has a limit, and so
has the rate over a longer window. Only time spent waiting for the other side counts, not
the time that the caller takes between two reads.
"""

from __future__ import annotations

import io
import socket
import threading
import time
from contextlib import suppress
from typing import Final, Literal, Protocol

from regcopy.errors import ConnectionFailed, Stalled, TimedOut
from regcopy.transports.base import Clocks

SLOW_HINT: Final = "where this place is slow, --stall-timeout waits longer"
_SHORTEST_WAIT: Final = 0.001


class Socket(Protocol):
    """What plain sockets, TLS sockets and TLS inside TLS have in common."""

    def recv_into(self, buffer: memoryview, /) -> int:
        """Take what is there into `buffer`, and give its length; 0 at the end."""
        ...

    def recv(self, size: int, /) -> bytes:
        """Take at most `size` bytes of what is there."""
        ...

    def send(self, data: memoryview, /) -> int:
        """Send some of it, and give how many bytes."""
        ...

    def settimeout(self, seconds: float | None, /) -> None:
        """Limit each of the waits that follow."""
        ...

    def fileno(self) -> int:
        """Descriptor, to wait on."""
        ...

    def makefile(self, mode: Literal["rb"], buffering: Literal[0], /) -> io.RawIOBase:
        """Make a file that keeps the socket open."""
        ...


class Lines:
    """All connections of a client that are open now."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: set[Line] = set()

    def add(self, line: Line) -> None:
        """Remember one."""
        with self._lock:
            self._open.add(line)

    def discard(self, line: Line) -> None:
        """Forget one."""
        with self._lock:
            self._open.discard(line)

    def shut_down(self) -> None:
        """End all of them: whoever waits on one wakes up with an error or an end."""
        with self._lock:
            lines = list(self._open)
        for line in lines:
            line.shut_down()


class Line:
    """A handle on one connection, by which any thread can end it.

    The handle is a duplicate of the descriptor: TLS takes the socket object over, and the
    handshake is one of the waits that must be possible to end. It lives as long as one of
    its holders: the connection, and an answer that is still read after the connection
    object has let go.
    """

    def __init__(self, sock: socket.socket, lines: Lines) -> None:
        self._handle = sock.dup()
        self._lock = threading.Lock()
        self._holders = 1
        self._lines = lines
        lines.add(self)

    def share(self) -> Line:
        """Count one more holder."""
        with self._lock:
            self._holders += 1
        return self

    def release(self) -> None:
        """Count one holder less, and close the handle after the last one."""
        with self._lock:
            self._holders -= 1
            if self._holders:
                return
            self._handle.close()
        self._lines.discard(self)

    def shut_down(self) -> None:
        """End the connection in both directions."""
        with self._lock, suppress(OSError):
            self._handle.shutdown(socket.SHUT_RDWR)


def dial(host: str, port: int, seconds: float, lines: Lines) -> tuple[socket.socket, Line]:
    """Connect to the first address of a host that answers, within so many seconds.

    Raises:
        ConnectionFailed: no such host, or no address took the connection.
        TimedOut: none answered in time.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise ConnectionFailed(
            "the host's name cannot be resolved (no such host)",
            hint="check the name and the network",
        ) from None
    deadline = time.monotonic() + seconds
    failure: OSError = TimeoutError()
    for position, (family, kind, protocol, _, address) in enumerate(found):
        # An address that swallows packets leaves its share of the time to the others.
        share = (deadline - time.monotonic()) / (len(found) - position)
        try:
            sock = socket.socket(family, kind, protocol)
        except OSError as error:  # a machine without IPv6, for one, which the resolver may not know
            failure = error
            continue
        line = Line(sock, lines)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.settimeout(max(share, _SHORTEST_WAIT))
            sock.connect(address)
        except OSError as error:
            failure = error
            line.release()
            sock.close()
        else:
            sock.settimeout(seconds)
            return sock, line
    if isinstance(failure, TimeoutError):
        raise TimedOut(f"no connection within {seconds:g} s")
    raise ConnectionFailed((failure.strerror or "no connection").lower())


class Pace:
    """Watches the rate of one direction."""

    def __init__(self, clocks: Clocks, verb: str) -> None:
        self._clocks = clocks
        self._verb = verb
        self._waited = 0.0
        self._bytes = 0

    def count(self, seconds: float, moved: int) -> None:
        """Count a wait and what it brought.

        Raises:
            Stalled: the last window brought less than the slowest rate allowed.
        """
        self._waited += seconds
        self._bytes += moved
        if self._waited < self._clocks.slow_window_seconds:
            return
        if self._bytes < self._clocks.slow_rate_bytes * self._waited:
            raise Stalled(f"only {self._bytes} bytes were {self._verb} in {self._waited:.0f} s")
        self._waited, self._bytes = 0.0, 0


class Incoming(io.RawIOBase):
    """Bytes from a connection, under the clocks.

    It begins in the head of an answer, which has a deadline as a whole; `begin_body` leaves
    that behind.
    """

    def __init__(
        self, sock: Socket, line: Line, clocks: Clocks, *, answer_seconds: float, early: bytes
    ) -> None:
        """Read from `sock` what comes after `early`, and release `line` when this is closed.

        The other side may be silent for `answer_seconds` before its answer begins.
        """
        self._sock = sock
        # Only held: while it is open, a connection that lets go does not close the socket.
        self._hold = sock.makefile("rb", 0)
        self._line = line
        self._clocks = clocks
        self._early = early
        self._silence = answer_seconds
        self._deadline = time.monotonic() + answer_seconds + clocks.stall_seconds
        self._in_body = False
        self._pace = Pace(clocks, "received")
        self._timeout = -1.0

    def begin_body(self) -> None:
        """From here on only silence and slowness count."""
        self._in_body = True

    def readable(self) -> bool:
        """Tell io that this can be read."""
        return True

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        """Take what is there, or wait for something.

        Raises:
            TimedOut: the head of the answer did not come in time.
            Stalled: the body fell silent, or comes too slowly.
        """
        if self._early:
            taken = min(len(buffer), len(self._early))
            buffer[:taken] = self._early[:taken]
            self._early = self._early[taken:]
            return taken
        began = time.monotonic()
        self._set_timeout(began)
        try:
            count = self._sock.recv_into(buffer)
        except TimeoutError:
            raise self._silent() from None
        if self._in_body:
            self._pace.count(time.monotonic() - began, count)
        else:
            self._silence = self._clocks.stall_seconds
        return count

    def _set_timeout(self, now: float) -> None:
        seconds = self._clocks.stall_seconds
        if not self._in_body:
            seconds = max(min(self._silence, self._deadline - now), _SHORTEST_WAIT)
        if seconds != self._timeout:
            self._sock.settimeout(seconds)
            self._timeout = seconds

    def _silent(self) -> ConnectionFailed:
        if self._in_body:
            what = f"nothing was received for {self._clocks.stall_seconds:g} s"
            return Stalled(what, hint=SLOW_HINT)
        return TimedOut(f"no answer within {self._silence:g} s", hint=SLOW_HINT)

    def close(self) -> None:
        """Let go of the connection."""
        if not self.closed:
            self._hold.close()
            self._line.release()
        super().close()
