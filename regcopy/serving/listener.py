"""Connections: a bounded number of threads, one for each client."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from typing import Final

from regcopy.errors import ConfigurationError

_BACKLOG: Final = 128
_POLL_SECONDS: Final = 0.5
_PAUSE_SECONDS: Final = 0.05
_STOP_SECONDS: Final = 5.0


class Listener:
    """A listening socket, and the threads that talk to who came.

    A connection that comes while `max_connections` are open waits in the system's queue.
    """

    def __init__(
        self,
        host: str,
        port: int,
        talk: Callable[[socket.socket], None],
        *,
        max_connections: int,
        silence_seconds: float,
    ) -> None:
        """Listen; nobody is let in before `start`.

        Args:
            host: name or address; IPv6 without brackets.
            port: 0 for a free one.
            talk: serves one connection to its end; runs in a thread of its own.
            max_connections: open at once.
            silence_seconds: time-out of each connection.

        Raises:
            ConfigurationError: the address cannot be listened on.
        """
        self._talk = talk
        self._silence_seconds = silence_seconds
        self._free = threading.Semaphore(max_connections)
        self._mutex = threading.Lock()
        self._open: dict[socket.socket, threading.Thread] = {}
        self._stopping = threading.Event()
        self._socket = _listen(host, port)
        self._acceptor = threading.Thread(
            target=self._accept_all, name="regcopy-serve", daemon=True
        )

    @property
    def host(self) -> str:
        """Address that is listened on."""
        return str(self._socket.getsockname()[0])

    @property
    def port(self) -> int:
        """Port that is listened on."""
        return int(self._socket.getsockname()[1])

    def start(self) -> None:
        """Let clients in."""
        self._acceptor.start()

    def _accept_all(self) -> None:
        while not self._stopping.is_set():
            if self._free.acquire(timeout=_POLL_SECONDS) and not self._accept():
                self._free.release()

    def _accept(self) -> bool:
        try:
            connection, _ = self._socket.accept()
        except TimeoutError:
            return False
        except OSError:
            # The client has gone again, or there are no more files: neither ends the server.
            self._stopping.wait(_PAUSE_SECONDS)
            return False
        thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
        with self._mutex:
            try:
                if not self._stopping.is_set():
                    thread.start()
                    self._open[connection] = thread
                    return True
            except RuntimeError:  # the system has no more threads
                pass
        connection.close()
        return False

    def _serve(self, connection: socket.socket) -> None:
        try:
            with contextlib.suppress(OSError):
                connection.settimeout(self._silence_seconds)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._talk(connection)
        finally:
            with self._mutex:
                del self._open[connection]
            connection.close()
            self._free.release()

    def stop(self) -> None:
        """Let nobody in any more, end all connections, and wait until their threads are over."""
        self._stopping.set()
        _wake(self._socket)
        with self._mutex:
            threads = list(self._open.values())
            for connection in self._open:
                _wake(connection)
        deadline = time.monotonic() + _STOP_SECONDS
        if self._acceptor.is_alive():
            self._acceptor.join(_STOP_SECONDS)
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        self._socket.close()


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, kind, protocol)
    except OSError as error:
        raise _cannot_listen(host, port, error) from error
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(_BACKLOG)
        listening.settimeout(_POLL_SECONDS)
    except OSError as error:
        listening.close()
        raise _cannot_listen(host, port, error) from error
    return listening


def _cannot_listen(host: str, port: int, error: OSError) -> ConfigurationError:
    why = error.strerror or type(error).__name__
    return ConfigurationError(
        f"listening on {host}, port {port}: {why}",
        hint="choose another address with --listen, such as 127.0.0.1:0 for a free port",
    )


def _wake(waiting: socket.socket) -> None:
    """Make calls that wait for a socket, in whatever thread, come back."""
    with contextlib.suppress(OSError):
        waiting.shutdown(socket.SHUT_RDWR)
