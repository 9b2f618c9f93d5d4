"""A server that plays bytes: for answers that no HTTP library would write.

Each connection plays the next script, and the last one again and again. A script reads
what it wants, writes what it wants, and returns to hang up.
"""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

_PATIENCE_SECONDS: Final = 20.0


class Talk:
    """One connection, seen from the server."""

    def __init__(self, sock: socket.socket, heard: list[bytes]) -> None:
        self._sock = sock
        self._heard = heard
        self._buffer = b""

    def hear(self) -> bytes:
        """Take the head of a request; b"" where the client hung up instead."""
        while b"\r\n\r\n" not in self._buffer:
            block = self._sock.recv(65536)
            if not block:
                return b""
            self._buffer += block
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        self._heard.append(head)
        return head

    def hear_body(self, length: int) -> bytes:
        """Take so many bytes of a body."""
        while len(self._buffer) < length:
            block = self._sock.recv(65536)
            if not block:
                break
            self._buffer += block
        body, self._buffer = self._buffer[:length], self._buffer[length:]
        return body

    def say(self, data: bytes) -> None:
        """Send."""
        self._sock.sendall(data)

    def say_while_heard(self, data: bytes) -> None:
        """Send the same again and again, until the client hangs up."""
        while True:
            self._sock.sendall(data)

    def wait_for_the_end(self) -> None:
        """Say nothing until the client hangs up."""
        while self._sock.recv(65536):
            pass

    def start_tls(self, context: ssl.SSLContext) -> None:
        """Go on with TLS on the same connection."""
        self._sock = context.wrap_socket(self._sock, server_side=True)

    def peer_certificate(self) -> bool:
        """Tell whether the client showed a certificate."""
        return isinstance(self._sock, ssl.SSLSocket) and bool(self._sock.getpeercert())

    def close(self) -> None:
        """Hang up."""
        self._sock.close()

    def reset(self) -> None:
        """Hang up without a goodbye."""
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


Script = Callable[[Talk], None]


def answer(status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> bytes:
    """Write a plain answer."""
    lines = [f"HTTP/1.1 {status} Played", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body


def says(*answers: bytes) -> Script:
    """Give these answers to the requests of one connection, then hang up."""

    def script(talk: Talk) -> None:
        for data in answers:
            if not talk.hear():
                return
            talk.say(data)

    return script


def says_and_waits(data: bytes) -> Script:
    """Answer with this, and then nothing more."""

    def script(talk: Talk) -> None:
        talk.hear()
        talk.say(data)
        talk.wait_for_the_end()

    return script


class PlayedServer:
    """Plays scripts on 127.0.0.1; enter it to start, leave it to end.

    A TLS greeting that a plain server gets is answered with an error and not counted.

    Attributes:
        heard: heads of all requests, in the order in which they came.
        connections: how many there were.
        port: where it listens; 0 before it was started.
    """

    def __init__(self, *scripts: Script, tls: ssl.SSLContext | None = None) -> None:
        self.heard: list[bytes] = []
        self.connections = 0
        self.port = 0
        self._scripts = list(scripts)
        self._tls = tls
        self._lock = threading.Lock()
        self._listener = socket.socket()
        self._listener.close()
        self._open: set[socket.socket] = set()
        self._threads = [threading.Thread(target=self._accept, daemon=True)]

    @property
    def host(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self.port}"

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._play, args=(sock,), daemon=True)
            with self._lock:
                self._open.add(sock)
                self._threads.append(thread)
            thread.start()

    def _play(self, sock: socket.socket) -> None:
        sock.settimeout(_PATIENCE_SECONDS)
        raw = sock
        try:
            with suppress(OSError):
                if self._tls is not None:
                    sock = self._tls.wrap_socket(sock, server_side=True)
                elif sock.recv(1, socket.MSG_PEEK) == b"\x16":
                    sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                    return
                with self._lock:
                    self._open.add(sock)
                    self.connections += 1
                    more = len(self._scripts) > 1
                    script = self._scripts.pop(0) if more else self._scripts[0]
                talk = Talk(sock, self.heard)
                try:
                    script(talk)
                finally:
                    talk.close()
        finally:
            with self._lock:
                self._open -= {raw, sock}
            sock.close()
            raw.close()

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._threads[0].start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            sockets, threads = list(self._open), list(self._threads)
        for sock in sockets:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join(timeout=5)
