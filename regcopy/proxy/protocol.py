"""Requests and answers, as they stand in a packet."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final, Literal

from regcopy.errors import ConnectionFailed, RateLimited, RegcopyError, ServerFault, UsageError
from regcopy.text import printable

VERSION: Final = "0.2.8"
"""Version of the protocol: GetRawBlob and `error_code` came last."""

MAX_PACKET_BYTES: Final = 32 * 1024
"""What both sides have a buffer for."""

# The largest whole number that every JSON reader takes as it is (ECMA-262, MAX_SAFE_INTEGER).
MAX_NUMBER: Final = 2**53 - 1

ErrorCode = Literal["", "EPIPE", "retryable", "other"]


class ProxyError(UsageError):
    """A request that makes no sense; the client is told why, and may go on."""


@dataclass(frozen=True, slots=True)
class ProxyRequest:
    """One call: a method, and its arguments in order."""

    method: str
    arguments: tuple[object, ...] = ()

    def text(self, position: int, what: str) -> str:
        """Give an argument that is text.

        Raises:
            ProxyError: it is something else.
        """
        value = self.arguments[position]
        if not isinstance(value, str):
            raise ProxyError(f"expecting string {what}, not {_kind(value)}")
        return value

    def number(self, position: int) -> int:
        """Give an argument that is a whole number, 0 or more.

        Raises:
            ProxyError: it is something else.
        """
        value = self.arguments[position]
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ProxyError(f"expecting numeric, not {_kind(value)}")
        if not 0 <= value <= MAX_NUMBER or value != int(value):
            raise ProxyError(f"out of range integer for numeric {value}")
        return int(value)

    def expect(self, count: int, what: str) -> None:
        """Raise ProxyError unless there are so many arguments; `what` tells which ones."""
        if len(self.arguments) != count:
            raise ProxyError(f"found {len(self.arguments)} args, expecting {what}")


@dataclass(frozen=True, slots=True)
class ProxyReply:
    """An answer.

    Attributes:
        value: what the method gives.
        pipe: number of the pipe for FinishPipe, 0 where there is none.
        descriptors: file descriptors that are sent with it, and closed here after that.
    """

    value: object = None
    pipe: int = 0
    descriptors: tuple[int, ...] = ()


def parse_request(packet: bytes) -> ProxyRequest:
    """Take a packet apart.

    Raises:
        ProxyError: it is no request.
    """
    if len(packet) > MAX_PACKET_BYTES:
        raise ProxyError(f"invalid request: it has more than {MAX_PACKET_BYTES} bytes")
    try:
        document: object = json.loads(packet)
    except (ValueError, RecursionError):
        raise ProxyError("invalid request: it is no JSON") from None
    if not isinstance(document, dict):
        raise ProxyError("invalid request: it is no JSON object")
    method, arguments = document.get("method"), document.get("args")
    if not isinstance(method, str):
        raise ProxyError("invalid request: it names no method")
    if not isinstance(arguments, list | None):
        raise ProxyError("invalid request: args is no list")
    return ProxyRequest(method, tuple(arguments or ()))


def success(reply: ProxyReply) -> bytes:
    """Write the answer to a call that went well."""
    return _packet(reply.value, reply.pipe)


def failure(error: Exception) -> bytes:
    """Write the answer to a call that failed."""
    return _packet(None, 0, error_code(error), message_of(error))


def error_object(error: Exception) -> bytes:
    """Write an error for the second pipe of GetRawBlob."""
    return json.dumps({"code": error_code(error), "message": message_of(error)}).encode()


def error_code(error: Exception) -> ErrorCode:
    """Say what the client may make of an error."""
    if isinstance(error, BrokenPipeError):
        return "EPIPE"
    may_pass = isinstance(error, ConnectionFailed | RateLimited | ServerFault)
    return "retryable" if may_pass else "other"


def message_of(error: Exception) -> str:
    """Text of an error. What is no error of ours is a bug; nobody knows what is in its text."""
    if isinstance(error, BrokenPipeError):
        return "write: broken pipe"
    if isinstance(error, RegcopyError):
        return f"{error} ({printable(error.hint)})" if error.hint else str(error)
    return f"unexpected {type(error).__name__}"


def _packet(value: object, pipe: int, code: ErrorCode = "", message: str = "") -> bytes:
    document = {
        "success": not message,
        "value": value,
        "pipeid": pipe,
        "error_code": code,
        "error": message,
    }
    return json.dumps(document, separators=(",", ":")).encode()


def _kind(value: object) -> str:
    if value is None:
        return "null"
    known = {str: "string", bool: "bool", int: "number", float: "number", list: "array"}
    return known.get(type(value), "object")
