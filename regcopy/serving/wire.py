"""Bytes to and from one client (RFC 9112), with a bound on everything.

Written on bare sockets and not on `http.server`: its reader takes a hundred headers of
64 KiB each through the e-mail parser, which costs more than the rest of a small request.
"""

from __future__ import annotations

import io
import socket
import time
from typing import Final

MAX_HEAD_BYTES: Final = 32 * 1024
# What one client may take for the head of a request, however slowly it trickles in.
HEAD_SECONDS: Final = 30.0
_RECEIVE_BYTES: Final = 64 * 1024
# Smaller files go out with their head in one packet; sendfile costs more than that.
_SMALL_FILE_BYTES: Final = 64 * 1024
_MORE: Final = getattr(socket, "MSG_MORE", 0)


class ClientGone(Exception):
    """The client closed the connection, or was silent for too long."""


class BadRequest(Exception):
    """The client sent something that is no HTTP request, or not one that is taken here.

    Attributes:
        status: what it is answered with before the connection is closed.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class Wire:
    """One connection, and what was received and not used yet."""

    def __init__(self, connection: socket.socket) -> None:
        """Take a connected socket; its time-out is the longest silence that is borne."""
        self._socket = connection
        self._rest = b""

    def read_head(self) -> bytes:
        """Give the head of the next request without the empty line; b"" where none comes.

        Raises:
            BadRequest: it is too large.
            ClientGone: it is not complete.
        """
        data = self._rest.lstrip(b"\r\n")
        deadline = 0.0
        while (end := data.find(b"\r\n\r\n")) < 0:
            if len(data) > MAX_HEAD_BYTES:
                raise BadRequest(431, f"the head of a request has at most {MAX_HEAD_BYTES} bytes")
            block = self._receive()
            if not block and not data:
                return b""
            now = time.monotonic()
            deadline = deadline or now + HEAD_SECONDS
            if not block or now > deadline:
                raise ClientGone
            data = data + block if data else block.lstrip(b"\r\n")
            if data and not data[:1].isalpha():
                # Many clients try TLS first and need a quick no: they wait for one.
                raise BadRequest(400, "this is no request of plain HTTP")
        if end > MAX_HEAD_BYTES:
            raise BadRequest(431, f"the head of a request has at most {MAX_HEAD_BYTES} bytes")
        self._rest = data[end + 4 :]
        return data[:end]

    def read_line(self, limit: int) -> bytes:
        """Give a line without its end.

        Raises:
            BadRequest: it has more than `limit` bytes.
            ClientGone: it is not complete.
        """
        while (end := self._rest.find(b"\r\n")) < 0:
            if len(self._rest) > limit:
                raise BadRequest(400, "a line inside the body is too long")
            block = self._receive()
            if not block:
                raise ClientGone
            self._rest += block
        line, self._rest = self._rest[:end], self._rest[end + 2 :]
        if len(line) > limit:
            raise BadRequest(400, "a line inside the body is too long")
        return line

    def read_into(self, target: memoryview) -> int:
        """Fill as much of `target` as is at hand, at least one byte.

        Raises:
            ClientGone: nothing came.
        """
        if self._rest:
            count = min(len(self._rest), len(target))
            target[:count] = self._rest[:count]
            self._rest = self._rest[count:]
            return count
        try:
            count = self._socket.recv_into(target)
        except OSError as error:
            raise ClientGone from error
        if not count:
            raise ClientGone
        return count

    def _receive(self) -> bytes:
        try:
            return self._socket.recv(_RECEIVE_BYTES)
        except TimeoutError:
            return b""
        except OSError as error:
            raise ClientGone from error

    def send(self, head: bytes, content: bytes = b"") -> None:
        """Send all of it. Raises ClientGone."""
        try:
            self._socket.sendall(head + content)
        except OSError as error:
            raise ClientGone from error

    def send_file(self, head: bytes, file: io.FileIO, offset: int, count: int) -> None:
        """Send a head and `count` bytes of a file, without taking them through this process.

        Raises:
            ClientGone: the client did not take all of it, or the file is shorter by now:
                the connection cannot be used any more either way.
        """
        try:
            if count <= _SMALL_FILE_BYTES:
                self._socket.sendall(head + _read_all(file, offset, count))
            else:
                self._socket.sendall(head, _MORE)
                if self._socket.sendfile(file, offset, count) != count:
                    raise ClientGone
        except OSError as error:
            raise ClientGone from error

    def finish(self, *, seconds: float = 2.0) -> None:
        """End after an answer that came before the whole request was read.

        What is still under way is thrown away for a while: a connection that is closed with
        unread bytes is reset, and the client may lose the answer (RFC 9112, 9.6).
        """
        deadline = time.monotonic() + seconds
        buffer = bytearray(_RECEIVE_BYTES)
        try:
            self._socket.shutdown(socket.SHUT_WR)
            self._socket.settimeout(seconds)
            while time.monotonic() < deadline and self._socket.recv_into(buffer):
                pass
        except OSError:
            return  # the client has gone: nothing is left to do for it


def _read_all(file: io.FileIO, offset: int, count: int) -> bytes:
    file.seek(offset)
    content = file.read(count) or b""
    if len(content) != count:
        raise ClientGone
    return content
