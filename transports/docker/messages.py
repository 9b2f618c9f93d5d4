"""What goes to a registry and what comes back, as values without any library behind them."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, Self

from regcopy.errors import LimitExceeded, Refused
from regcopy.streams.blob import BLOCK_BYTES, read_limited
from regcopy.transports.base import Context
from regcopy.transports.docker.errors import Place, exchange_error, wire_failures
from regcopy.transports.docker.origin import Origin, resolve

if TYPE_CHECKING:
    from urllib3.response import BaseHTTPResponse

# So much of a body is read to keep its connection; more is not worth the wait.
_DRAINED_BYTES: Final = 64 * 1024
_GZIP_MAGIC: Final = b"\x1f\x8b"


class Scope(NamedTuple):
    """What a request needs to be allowed to do (distribution token specification).

    Attributes:
        actions: such as ("pull",), ("pull", "push") or ("delete",).
    """

    repository: str
    actions: tuple[str, ...]

    def __str__(self) -> str:
        return f"repository:{self.repository}:{','.join(self.actions)}"


class Outgoing(Protocol):
    """Where the bytes of a body come from."""

    def read(self, size: int, /) -> bytes:
        """Give at most `size` bytes, b"" at the end."""
        ...


class StreamBody(NamedTuple):
    """A body that is sent while it is read, and that is never held whole.

    Attributes:
        length: bytes to send, exactly; None sends chunks until the stream ends.
        rewind: goes back to where the stream was, so that the request can be sent again
            after a 401; None where that cannot be done.
    """

    stream: Outgoing
    length: int | None
    rewind: Callable[[], None] | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """One request to a registry.

    Attributes:
        target: path with query ("/v2/…"), or an absolute URL that the registry named
            (an upload's Location, see `Reply.location`).
        scopes: what a token must allow; the first names the repository whose credential is
            used, more are for a cross-repository mount.
        what: what is being done, for messages, such as "reading manifest 1.0 in host/app".
        headers: more headers; nothing secret, they go along with redirects.
        expect: statuses that are answers; every other one is raised as an error.
        answer_seconds: how long the registry may think before its answer begins; None is
            the side's usual limit on silence.
    """

    method: str
    target: str
    scopes: tuple[Scope, ...]
    what: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | StreamBody = b""
    expect: frozenset[int] = frozenset({200})
    answer_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Secret:
    """What introduces us to a registry or its token service; never shown.

    Attributes:
        header: value of `Authorization`, "" for none.
        form: body of a token request, b"" for none.
        is_fresh: a token that was fetched just now, and not one that may have become stale.
    """

    header: str = field(default="", repr=False)
    form: bytes = field(default=b"", repr=False)
    is_fresh: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Hop:
    """One exchange with one server: what is really written to a connection.

    The secret is kept apart from the headers, so that no redirect can take it along.

    Attributes:
        own_path: path that we asked for ourselves, and may show; "" where there is none.
    """

    method: str
    url: str
    what: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | StreamBody = b""
    secret: Secret | None = None
    answer_seconds: float | None = None
    own_path: str = ""

    @property
    def place(self) -> Place:
        """Name it for messages."""
        return Place(self.method, self.url, self.what, self.own_path)


class Reply:
    """An answer whose body is read as it arrives; also a `Readable`.

    Closing it gives the connection back, or ends the connection where much of the body is
    unread.

    Attributes:
        status: HTTP status.
        headers: names are found whatever their case; several of one name are joined by ", ".
        url: where the answer came from in the end; may hold secrets in its query.
    """

    def __init__(self, raw: BaseHTTPResponse, hop: Hop, home: Origin, context: Context) -> None:
        """Take what came for `hop`, on behalf of the registry at `home`."""
        self.status = raw.status
        self.headers: Mapping[str, str] = raw.headers
        self.url = hop.url
        self._raw = raw
        self._hop = hop
        self._home = home
        self._context = context
        self._closed = False

    @property
    def location(self) -> str:
        """Absolute URL of the `Location` header, for a `Request`'s target; never to be shown.

        Raises:
            Refused: there is none, or it is unusable.
        """
        # White space around a value is no part of it (RFC 9110 section 5.5).
        location = self.headers.get("Location", "").strip(" \t")
        if not location:
            place = self._hop.place
            raise Refused(f"{place.method} {place.address}: the answer has no Location")
        return resolve(self.url, location, self._home)

    def read(self, size: int = -1, /) -> bytes:
        """Give at most `size` bytes of the body as it was sent, b"" at its end.

        Raises:
            ConnectionFailed: the body broke off, or came too slowly.
            Cancelled: the run was cancelled.
        """
        if self._closed or size == 0:
            return b""
        try:
            return self._raw.read(BLOCK_BYTES if size < 0 else size, decode_content=False)
        except wire_failures() as error:
            raise exchange_error(self._hop.place, error, self._context) from None

    def read_all(self, limit: int, what: str) -> bytes:
        """Read the whole body and close.

        A body that was compressed on the way against our wish is unpacked, within the limit.

        Raises:
            LimitExceeded: there are more than `limit` bytes.
            ConnectionFailed: the body broke off, or came too slowly.
        """
        with self:
            body = read_limited(self, limit, what=what)
        if body.startswith(_GZIP_MAGIC) and "gzip" in self.headers.get("Content-Encoding", ""):
            return _unpack(body, limit, what)
        return body

    def close(self) -> None:
        """Give the connection back; may be called twice."""
        if self._closed:
            return
        left = self._raw.length_remaining
        try:
            while left is not None and left <= _DRAINED_BYTES and self.read(_DRAINED_BYTES):
                pass
        except wire_failures():
            pass  # then the connection is not kept
        finally:
            self._closed = True
            self._raw.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        self.close()


def _unpack(body: bytes, limit: int, what: str) -> bytes:
    unpacker = zlib.decompressobj(wbits=31)
    try:
        plain = unpacker.decompress(body, limit + 1)
    except zlib.error:
        raise Refused(f"{what} was sent as gzip and is none") from None
    if len(plain) > limit:
        raise LimitExceeded(f"{what} is over the limit of {limit} bytes")
    return plain
