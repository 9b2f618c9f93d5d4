"""Requests and answers of HTTP/1.1 as values (RFC 9110, RFC 9112)."""

from __future__ import annotations

import io
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from http import HTTPStatus
from typing import Final, Protocol
from urllib.parse import unquote

from regcopy.serving.wire import BadRequest, Wire

_MAX_HEADERS: Final = 100
_MAX_PARAMETERS: Final = 20
_MAX_CHUNK_LINE: Final = 256
_MAX_TRAILERS: Final = 20
_TOKEN: Final = frozenset(
    "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
)
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)


class Body(Protocol):
    """The body of a request; `received` counts its bytes."""

    received: int

    @property
    def is_over(self) -> bool:
        """Whether all of it was read."""
        ...

    @property
    def length(self) -> int | None:
        """Number of bytes; None where it is not told before."""
        ...

    def read_into(self, target: memoryview, /) -> int:
        """Put the next bytes into `target`, and give their number; 0 at the end.

        Raises:
            ClientGone: the body is not complete.
            BadRequest: its coding is broken.
        """
        ...


class SizedBody:
    """A body whose length was told."""

    def __init__(self, wire: Wire, length: int, *, wants_continue: bool = False) -> None:
        self.length: int | None = length
        self.received = 0
        self._left = length
        self._wire = wire
        self._wants_continue = wants_continue and length > 0

    @property
    def is_over(self) -> bool:
        """Whether all of it was read."""
        return not self._left

    def read_into(self, target: memoryview, /) -> int:
        """See `Body`."""
        if not self._left:
            return 0
        if self._wants_continue:
            self._wire.send(_CONTINUE)
            self._wants_continue = False
        count = self._wire.read_into(target[: self._left])
        self._left -= count
        self.received += count
        return count


class ChunkedBody:
    """A body in chunks (RFC 9112, 7.1); extensions and trailers are thrown away."""

    length: int | None = None

    def __init__(self, wire: Wire, *, wants_continue: bool = False) -> None:
        self.received = 0
        self._left = 0
        self._begun = False
        self._over = False
        self._wire = wire
        self._wants_continue = wants_continue

    @property
    def is_over(self) -> bool:
        """Whether all of it was read."""
        return self._over

    def read_into(self, target: memoryview, /) -> int:
        """See `Body`."""
        if self._wants_continue:
            self._wire.send(_CONTINUE)
            self._wants_continue = False
        if not self._left and not self._over:
            self._next_chunk()
        if self._over:
            return 0
        count = self._wire.read_into(target[: self._left])
        self._left -= count
        self.received += count
        return count

    def _next_chunk(self) -> None:
        if self._begun and self._wire.read_line(_MAX_CHUNK_LINE):
            raise BadRequest(400, "a chunk is longer than it says")
        self._begun = True
        text = self._wire.read_line(_MAX_CHUNK_LINE).partition(b";")[0].strip(b" \t")
        if not 0 < len(text) <= 15 or not all(c in b"0123456789abcdefABCDEF" for c in text):
            raise BadRequest(400, "the length of a chunk is no hexadecimal number")
        self._left = int(text, 16)
        if not self._left:
            self._skip_trailers()
            self._over = True

    def _skip_trailers(self) -> None:
        for _ in range(_MAX_TRAILERS):
            if not self._wire.read_line(4096):
                return
        raise BadRequest(400, "too many trailers")


@dataclass(frozen=True, slots=True)
class Request:
    """One request.

    Attributes:
        target: path and query as they were sent.
        path: without the query, percent-decoded.
        query: first value of each parameter. A `+` is a plus sign: media types have it.
        headers: lower-case names; what came several times is joined by commas.
        keep_alive: whether the client can go on after the answer.
    """

    method: str
    target: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Body
    keep_alive: bool


def read_request(wire: Wire) -> Request | None:
    """Read the head of the next request; None where the client has closed the connection.

    Raises:
        BadRequest: it is no request, or too large, or of another version of HTTP.
        ClientGone: it is not complete.
    """
    head = wire.read_head()
    if not head:
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, version = _request_line(first)
    headers = _headers(lines)
    path, _, query = target.partition("?")
    connection = headers.get("connection", "").lower()
    return Request(
        method=method,
        target=target,
        path=unquote(path),
        query=_parameters(query),
        headers=headers,
        body=_body(wire, headers),
        keep_alive=version == "HTTP/1.1" and "close" not in connection,
    )


def _request_line(line: str) -> tuple[str, str, str]:
    parts = line.split(" ")
    if len(parts) != 3 or not parts[0].isalpha() or not parts[1].startswith("/"):
        raise BadRequest(400, "the first line is no request")
    if parts[2] not in ("HTTP/1.1", "HTTP/1.0"):
        raise BadRequest(505, "only HTTP/1.1 and HTTP/1.0 are spoken here")
    return parts[0], parts[1], parts[2]


def _headers(lines: list[str]) -> dict[str, str]:
    if len(lines) > _MAX_HEADERS:
        raise BadRequest(431, f"a request has at most {_MAX_HEADERS} headers")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or not _TOKEN.issuperset(name) or "\n" in value or "\0" in value:
            raise BadRequest(400, "a line of the head is no header")
        key, value = name.lower(), value.strip(" \t")
        if key in headers and key in ("content-length", "transfer-encoding", "host"):
            raise BadRequest(400, f"{key} is there twice")
        headers[key] = f"{headers[key]}, {value}" if key in headers else value
    return headers


def _parameters(query: str) -> dict[str, str]:
    if not query:
        return {}
    pairs = query.split("&")
    if len(pairs) > _MAX_PARAMETERS:
        raise BadRequest(400, f"a query has at most {_MAX_PARAMETERS} parameters")
    found: dict[str, str] = {}
    for pair in pairs:
        name, _, value = pair.partition("=")
        found.setdefault(unquote(name), unquote(value))
    return found


def _body(wire: Wire, headers: Mapping[str, str]) -> Body:
    wants_continue = headers.get("expect", "").lower() == "100-continue"
    coding = headers.get("transfer-encoding")
    length = headers.get("content-length")
    if coding is not None:
        # Two lengths for one body: the next request could be read in two ways.
        if length is not None or coding.lower() != "chunked":
            raise BadRequest(400, "the length of the body cannot be told for certain")
        return ChunkedBody(wire, wants_continue=wants_continue)
    if length is None:
        return SizedBody(wire, 0)
    if not length.isascii() or not length.isdigit() or len(length) > 18:
        raise BadRequest(400, "Content-Length is no number")
    return SizedBody(wire, int(length), wants_continue=wants_continue)


@dataclass(frozen=True, slots=True)
class FilePart:
    """Some bytes of an open file; whoever sends it closes it."""

    file: io.FileIO
    offset: int
    count: int


@dataclass(frozen=True, slots=True)
class Response:
    """One answer.

    Attributes:
        headers: all but `Content-Length`, `Date` and `Connection`.
        content: the body, where it is no file.
        length: what `Content-Length` says where there is no body to send (HEAD).
    """

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    content: bytes = field(default=b"", repr=False)
    file: FilePart | None = None
    length: int | None = None

    @property
    def size(self) -> int:
        """Number of bytes of the body."""
        return self.file.count if self.file else len(self.content)


def send_response(wire: Wire, response: Response, *, head_only: bool, keep_alive: bool) -> None:
    """Send an answer.

    Args:
        wire: where to.
        response: what.
        head_only: the request was HEAD.
        keep_alive: the connection is used again.

    Raises:
        ClientGone: it did not take all of it.
    """
    head = _head(response, keep_alive=keep_alive)
    if head_only:
        wire.send(head)
    elif response.file is not None:
        wire.send_file(head, response.file.file, response.file.offset, response.file.count)
    else:
        wire.send(head, response.content)


def _head(response: Response, *, keep_alive: bool) -> bytes:
    length = response.size if response.length is None else response.length
    lines = [_status_line(response.status), _date_line(int(time.time()))]
    lines.extend(f"{name}: {value}\r\n" for name, value in response.headers)
    if response.status != 204:
        lines.append(f"Content-Length: {length}\r\n")
    lines.append("\r\n" if keep_alive else "Connection: close\r\n\r\n")
    return "".join(lines).encode("latin-1")


@lru_cache(maxsize=64)
def _status_line(status: int) -> str:
    return f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"


@lru_cache(maxsize=2)
def _date_line(second: int) -> str:
    # time.strftime would write the names of the user's language.
    at = time.gmtime(second)
    day = f"{_DAYS[at.tm_wday]}, {at.tm_mday:02} {_MONTHS[at.tm_mon - 1]} {at.tm_year}"
    return f"Date: {day} {at.tm_hour:02}:{at.tm_min:02}:{at.tm_sec:02} GMT\r\n"
