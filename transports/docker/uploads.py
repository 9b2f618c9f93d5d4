"""Writing one blob into a repository, over all faults that may pass.

Three ways: one PUT with the whole body where its length is known and not too large; PATCH in
parts where it is large, or where the registry refused a large body; PATCH without a length
where nobody knows it. After a break, parts go on from where the registry says it is.

Some fronts end every request after so much time, which a large body never gets through. So
one that was cut off goes in parts after that, which become smaller while nothing of them
arrives. Where the registry refuses parts, it goes whole again.
"""

from __future__ import annotations

from typing import Final

from regcopy.errors import ConnectionFailed, Refused, TransportError
from regcopy.model.descriptor import Descriptor
from regcopy.streams.blob import BLOCK_BYTES, BlobStream
from regcopy.transports.base import Context
from regcopy.transports.docker.client import StreamBody
from regcopy.transports.docker.retry import Retrier
from regcopy.transports.docker.session import Session
from regcopy.transports.docker.sessions import Sessions, smaller_body

# A registry hashes, and often moves, the whole blob between its last byte and its answer.
_SLOWEST_COMMIT_BYTES: Final = 10 * 1024 * 1024
# A body that is cut off once may have had bad luck; a larger one should not bet on it.
_LARGE_BYTES: Final = 64 * 1024 * 1024
_CUTS: Final = 2
# What a front answers that has waited long enough for what is behind it.
_GATEWAY_STATUSES: Final = frozenset({502, 504})


class Upload:
    """The upload of one blob; `run` is called once.

    It never cancels a session: `Sessions.close` does, for all that are left.
    """

    def __init__(
        self, stream: BlobStream, sessions: Sessions, retrier: Retrier, context: Context
    ) -> None:
        """Prepare; nothing is read or sent yet."""
        self._stream = _Ahead(stream)
        self._expected = stream.expected
        # What the blob turned out to be; known before it is there where it was expected.
        self._blob = stream.expected
        self._sessions = sessions
        self._retrier = retrier
        self._threshold = context.options.chunk_threshold_bytes
        self._patience = context.clocks.stall_seconds
        self._session: Session | None = None
        self._sent = 0
        self._body_bytes = 0
        self._largest: int | None = None
        self._stays_whole = False
        self._cuts = 0
        self._kept = 0
        self._is_in_parts = False
        self._is_again = False

    def run(self) -> Descriptor:
        """Bring the blob there, whole or not at all.

        Raises:
            ContentError: the bytes are wrong; the upload was not completed.
            TransportError: the source broke for good (side "source"), or the registry did.
        """
        blob = self._retrier.call(self._try, recover=self._recover, reached=lambda: self._kept)
        if self._largest is not None:
            self._sessions.habits.cut_off(self._largest)
        return blob

    def _try(self) -> Descriptor:
        while True:
            try:
                return self._attempt()
            except Refused as error:
                self._learn_from(error)
                self._recover()
            except TransportError as error:
                if error.side != "source":
                    self._notice(error)
                raise

    def _notice(self, error: TransportError) -> None:
        """Send smaller bodies after this one was cut off."""
        if self._session is not None and not self._session.alive:
            self._give_up_parts()
        if not _is_cut(error) or self._stays_whole:
            return
        self._cuts += 1
        length = self._body_bytes
        if self._expected is None:
            length = min(length, self._stream.furthest - self._sent)
        if self._cuts >= _CUTS or length > _LARGE_BYTES:
            self._largest = smaller_body(length) or self._largest

    def _give_up_parts(self) -> bool:
        """Send one body again, where parts were only tried because it was cut off."""
        if self._largest is None or not self._is_in_parts:
            return False
        self._largest = None
        self._stays_whole = True
        self._is_in_parts = False
        return True

    def _attempt(self) -> Descriptor:
        # A slow source must not starve an open upload, and a broken one needs none.
        self._stream.fill()
        opened = self._session or self._open()
        if isinstance(opened, Descriptor):
            return opened
        session = self._session = opened
        part = self._part_bytes(session)
        if self._expected is not None and self._sent == 0 and self._expected.size <= part:
            return self._put_whole(session, self._expected)
        return self._put_parts(session)

    def _open(self) -> Session | Descriptor:
        """Take or begin a session; the blob, where it turns out to be there after a fault."""
        blob = self._blob
        if blob is None or not self._is_again:
            return self._sessions.take(blob.digest if blob else None)
        return self._sessions.again(blob.digest) or blob

    def _part_bytes(self, session: Session) -> int:
        """How many bytes go into one request at most."""
        limits = (self._threshold, self._sessions.habits.largest_body, self._largest)
        return max(min(limit for limit in limits if limit), session.least_chunk)

    def _put_whole(self, session: Session, blob: Descriptor) -> Descriptor:
        self._is_in_parts = False
        self._body_bytes = blob.size
        body = StreamBody(self._stream, blob.size, lambda: self._stream.restart(0))
        session.put(blob.digest, body, answer_seconds=self._answer_seconds(blob))
        self._stream.drain()
        return blob

    def _put_parts(self, session: Session) -> Descriptor:
        self._is_in_parts = True
        while self._stream.fill():
            self._patch(session)
        self._stream.drain()
        blob = self._blob = self._stream.descriptor()
        self._body_bytes = 0
        session.put(blob.digest, b"", answer_seconds=self._answer_seconds(blob))
        return blob

    def _patch(self, session: Session) -> None:
        limit = self._part_bytes(session)
        if self._expected is not None:
            limit = min(limit, self._expected.size - self._sent)
        part = _Part(self._stream, self._sent, limit)
        self._body_bytes = limit
        length = None if self._expected is None else limit
        # Some balancers count the age of a connection, whatever goes through it.
        alone = self._largest is not None
        reached = session.patch(part, self._sent, length, part.rewind, alone=alone)
        self._sent += part.taken
        # A registry may take less than it was sent. A word that cannot be true is passed
        # over: in the end the registry compares the digest.
        if reached is not None and self._sent - part.taken < reached < self._sent:
            self._go_back_to(reached)

    def _answer_seconds(self, blob: Descriptor) -> float:
        return self._patience + blob.size / _SLOWEST_COMMIT_BYTES

    def _learn_from(self, error: Refused) -> None:
        """Send smaller bodies from now on, if the size is what was refused."""
        too_large = error.answer is not None and error.answer.status == 413
        if not too_large and self._give_up_parts():
            return
        least = self._session.least_chunk if self._session else 0
        can_shrink = too_large and self._body_bytes > least
        if not can_shrink or not self._sessions.habits.refused_body(self._body_bytes):
            raise error

    def _recover(self) -> None:
        """Prepare the next try: from where the registry is, or else from the start."""
        self._is_again = True
        session, self._session = self._session, None
        if session is not None and session.alive and self._is_in_parts:
            reached = session.reached()
            if reached is not None and reached <= self._stream.furthest:
                if reached > self._kept:
                    self._kept, self._cuts = reached, 0
                self._session = session
                self._go_back_to(reached)
                return
        self._go_back_to(0)

    def _go_back_to(self, offset: int) -> None:
        self._stream.restart(offset)
        self._sent = offset


def _is_cut(error: TransportError) -> bool:
    """Tell whether a request was ended on its way, by the line or by a front."""
    status = error.answer.status if error.answer else 0
    return isinstance(error, ConnectionFailed) or status in _GATEWAY_STATUSES


class _Ahead:
    """A blob stream that is read one block ahead, and whose end is seen before its last block.

    So an upload begins when the source has begun, and is not completed where the source
    has a byte too many.
    """

    def __init__(self, stream: BlobStream) -> None:
        self._stream = stream
        self._block = b""
        self._at = 0
        self.furthest = 0

    def fill(self) -> bool:
        """Read a block if none is left; False at the end."""
        if self._at == len(self._block):
            self._block = self._stream.read(BLOCK_BYTES)
            self._at = 0
            self.furthest = max(self.furthest, self._stream.position)
            if self._stream.position == self._stream.size:
                self._stream.drain()
        return bool(self._block)

    def read(self, size: int, /) -> bytes:
        """Give at most `size` bytes, b"" at the end."""
        self.fill()
        block = self._block[self._at : self._at + size]
        self._at += len(block)
        return block

    def drain(self) -> None:
        """Read to the end, where nothing is left."""
        self._stream.drain()

    def descriptor(self) -> Descriptor:
        """What has passed; after the end."""
        return self._stream.descriptor()

    def restart(self, offset: int) -> None:
        """Go back to an offset that was reached before."""
        self._stream.restart(offset)
        self._block, self._at = b"", 0


class _Part:
    """So many bytes of a stream, as a body of their own."""

    def __init__(self, stream: _Ahead, offset: int, limit: int) -> None:
        self._stream = stream
        self._offset = offset
        self._limit = limit
        self.taken = 0

    def read(self, size: int, /) -> bytes:
        """Give at most `size` bytes, b"" at the end of the part."""
        block = self._stream.read(min(size, self._limit - self.taken))
        self.taken += len(block)
        return block

    def rewind(self) -> None:
        """Go back to the begin of the part."""
        self._stream.restart(self._offset)
        self.taken = 0
