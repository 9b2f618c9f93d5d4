"""Reading a blob that goes on by itself after its connection broke (RFC 9110, section 14)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from regcopy.errors import ConnectionFailed, RegcopyError, Side, TransportError
from regcopy.model.descriptor import Descriptor
from regcopy.model.reference import ImageName
from regcopy.streams.blob import BLOCK_BYTES
from regcopy.transports.docker.client import RegistryClient, Reply, Request, Scope

# Whole, part, and "there is nothing from there on".
_ANSWERS: Final = frozenset({200, 206, 416})
_CONTENT_RANGE: Final = re.compile(r"bytes ([0-9]{1,19})-([0-9]{1,19})/([0-9]{1,19}|\*)")


class BlobBody:
    """Raw bytes of one blob from an offset on; its errors name digest and offset.

    After a break it asks for the rest with `Range`, and takes a part only where the answer
    says that it begins at the very byte that is missing. Where the registry gives no such
    part, the blob is read again from its start, and what was had is skipped.
    """

    def __init__(
        self, client: RegistryClient, name: ImageName, blob: Descriptor, offset: int, *, side: Side
    ) -> None:
        """Open the blob at `offset`.

        Args:
            client: of the registry.
            name: of the repository.
            blob: what is read; the size is believed.
            offset: first byte that is wanted.
            side: which side of a copy errors belong to.

        Raises:
            NotFound: the repository has no such blob.
            TransportError: it cannot be read; tries are over.
        """
        self._client = client
        self._name = name
        self._blob = blob
        self._position = offset
        self._side: Side = side
        self._takes_ranges = True
        self._reply: Reply | None = None
        # There is nothing to ask for behind the last byte.
        if offset == 0 or offset < blob.size:
            with self._located():
                self._reply = client.retrier.call(self._open)

    def read(self, size: int = -1, /) -> bytes:
        """Give the next block, b"" at the end.

        Raises:
            ConnectionFailed: it broke off, and could not be resumed.
        """
        wanted = BLOCK_BYTES if size < 0 else size
        with self._located():
            try:
                return self._read(wanted)
            except TransportError as error:
                if self._position == self._blob.size:
                    return b""  # only the end of the answer is missing, and nothing of the blob
                return self._read_after(error, wanted)

    @contextmanager
    def _located(self) -> Iterator[None]:
        # Only on the way out: the retrier leaves errors alone that belong to a source.
        try:
            yield
        except RegcopyError as error:
            error.side = error.side or self._side
            error.operation = f"reading blob {self._blob.digest} at byte {self._position}"
            raise

    def _read_after(self, error: TransportError, size: int) -> bytes:
        # The retrier counts tries from its first call, which has been made already.
        failed = [error]

        def step() -> bytes:
            if failed:
                raise failed.pop()
            if self._reply is None:
                self._reply = self._open()
            return self._read(size)

        return self._client.retrier.call(step, recover=self.close)

    def _read(self, size: int) -> bytes:
        if self._reply is None:
            return b""
        block = self._reply.read(size)
        self._position += len(block)
        if not block and self._position < self._blob.size:
            self._check_early_end(self._reply)
        return block

    def _check_early_end(self, reply: Reply) -> None:
        """Raise where the end may be a broken connection, or a part that was not the last.

        An answer that had a length and was as long as it said ends here: the blob is
        shorter than its descriptor, which the stream above refuses.
        """
        framed = "Content-Length" in reply.headers or "Transfer-Encoding" in reply.headers
        if reply.status == 206 or not framed:
            raise ConnectionFailed(f"the blob broke off after {self._position} bytes")

    def _open(self) -> Reply:
        reply = self._ask(self._position if self._takes_ranges else 0)
        if reply.status == 200 or _begins_at(reply, self._position, self._blob.size):
            return self._skipped(reply)
        reply.close()
        self._takes_ranges = False
        return self._skipped(self._ask(0))

    def _ask(self, offset: int) -> Reply:
        return self._client.send(
            Request(
                "GET",
                f"/v2/{self._name.repository}/blobs/{self._blob.digest}",
                (Scope(self._name.repository, ("pull",)),),
                f"reading blob {self._blob.digest} in {self._name.name}",
                headers={"Range": f"bytes={offset}-"} if offset else {},
                expect=_ANSWERS if offset else frozenset({200}),
            )
        )

    def _skipped(self, reply: Reply) -> Reply:
        """Read over what was had, where the answer begins with it."""
        try:
            _skip(reply, self._position if reply.status == 200 else 0)
        except BaseException:
            reply.close()
            raise
        return reply

    def close(self) -> None:
        """Close the answer that is open; may be called twice."""
        if self._reply is not None:
            self._reply.close()
            self._reply = None


def _skip(reply: Reply, count: int) -> None:
    while count > 0:
        block = reply.read(min(count, BLOCK_BYTES))
        if not block:
            raise ConnectionFailed(f"the blob broke off {count} bytes before it was resumed")
        count -= len(block)


def _begins_at(reply: Reply, offset: int, size: int) -> bool:
    found = _CONTENT_RANGE.fullmatch(reply.headers.get("Content-Range", "").strip())
    if reply.status != 206 or found is None:
        return False
    return int(found[1]) == offset and found[3] in ("*", str(size))
