"""One client from its first request to its last."""

from __future__ import annotations

import socket
from collections.abc import Callable

from regcopy.serving.messages import Request, Response, read_request, send_response
from regcopy.serving.refusals import unsupported
from regcopy.serving.routes import Api
from regcopy.serving.wire import BadRequest, ClientGone, Wire

Tell = Callable[[Request, Response], None]
"""Told of each answer before it goes out: a client that has it can count on that."""


def talk(api: Api, connection: socket.socket, tell: Tell | None = None) -> None:
    """Answer what comes over a connection, until the client or an error ends it."""
    wire = Wire(connection)
    try:
        while _exchange(api, wire, tell):
            pass
    except ClientGone:
        return  # what it has sent of an upload stays for when it comes back
    except BadRequest as error:
        _refuse(wire, error)


def _exchange(api: Api, wire: Wire, tell: Tell | None) -> bool:
    """Answer one request; False where there will be no more on this connection."""
    request = read_request(wire)
    if request is None:
        return False
    response = api.answer(request)
    # A body that was not read is in the way of the next request.
    keep_alive = request.keep_alive and request.body.is_over
    try:
        if tell is not None:
            tell(request, response)
        is_head = request.method == "HEAD"
        send_response(wire, response, head_only=is_head, keep_alive=keep_alive)
    finally:
        if response.file is not None:
            response.file.file.close()
    if not request.body.is_over:
        wire.finish()
    return keep_alive


def _refuse(wire: Wire, error: BadRequest) -> None:
    response = unsupported(error.status, error.message).to_response()
    try:
        send_response(wire, response, head_only=False, keep_alive=False)
    except ClientGone:
        return
    wire.finish()
