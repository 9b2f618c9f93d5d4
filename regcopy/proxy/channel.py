"""The socket: one packet, one message."""

from __future__ import annotations

import logging
import os
import socket
from typing import TYPE_CHECKING, Final

from regcopy.errors import Cancelled, ConnectionFailed, UsageError
from regcopy.proxy.protocol import (
    MAX_PACKET_BYTES,
    ProxyError,
    ProxyReply,
    failure,
    parse_request,
    success,
)

if TYPE_CHECKING:
    from regcopy.proxy.methods import ImageProxy

_SHUTDOWN: Final = "Shutdown"

_log = logging.getLogger("regcopy.proxy")


def connection_of(descriptor: int) -> socket.socket:
    """Take over a socket that another process has made.

    Raises:
        UsageError: the descriptor is not open, or no SOCK_SEQPACKET socket of this machine.
    """
    hint = "give one end of a socketpair() of the type SOCK_SEQPACKET"
    try:
        connection = socket.socket(fileno=descriptor)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        raise UsageError(f"file descriptor {descriptor}: {reason or error}", hint=hint) from None
    if connection.family != socket.AF_UNIX or connection.type != socket.SOCK_SEQPACKET:
        connection.detach()
        raise UsageError(f"file descriptor {descriptor} is another kind of socket", hint=hint)
    connection.settimeout(None)
    return connection


def serve(connection: socket.socket, proxy: ImageProxy) -> None:
    """Answer requests until the client asks for the end, or goes.

    There is no clock: a client may do whatever it likes between two requests. Whoever wants to
    stop this shuts the socket down, or interrupts the thread.

    Raises:
        ConnectionFailed: the socket broke.
        Cancelled: the run was cancelled.
    """
    while packet := _receive(connection):
        try:
            request = parse_request(packet)
            if request.method == _SHUTDOWN:
                return
            _log.debug("request %s", request.method)
            reply = proxy.call(request)
        except Cancelled:
            raise
        except Exception as error:  # noqa: BLE001 — whatever it is, the client must be told
            _log.debug("a request failed", exc_info=True)
            _send(connection, failure(error))
            continue
        _answer(connection, reply)


def _answer(connection: socket.socket, reply: ProxyReply) -> None:
    try:
        packet = success(reply)
        if len(packet) > MAX_PACKET_BYTES:
            packet = failure(ProxyError("the answer is too long; use GetLayerInfoPiped"))
        _send(connection, packet, reply.descriptors)
    finally:
        for descriptor in reply.descriptors:
            os.close(descriptor)


def _receive(connection: socket.socket) -> bytes:
    try:
        # One byte more than allowed shows a packet that is too long.
        return connection.recv(MAX_PACKET_BYTES + 1)
    except ConnectionResetError:
        return b""
    except OSError as error:
        raise ConnectionFailed(f"reading socket: {error.strerror}") from error


def _send(connection: socket.socket, packet: bytes, descriptors: tuple[int, ...] = ()) -> None:
    try:
        if descriptors:
            socket.send_fds(connection, [packet], list(descriptors))
        else:
            connection.sendall(packet)
    except OSError as error:
        raise ConnectionFailed(f"writing to socket: {error.strerror}") from error
