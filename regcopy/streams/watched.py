"""A layer that passes as it is, and is unpacked beside it to learn its diff ID.

Docker's schema 1 names only what is stored. The config that an image gets when it leaves
schema 1 names what the layers unpack to (OCI image-spec config.md, `rootfs.diff_ids`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple

from regcopy.errors import LimitExceeded
from regcopy.model.digest import Digest, new_hasher
from regcopy.model.mediatypes import Compression
from regcopy.streams.blob import BLOCK_BYTES, Readable
from regcopy.streams.decompress import Peeked, packing_of
from regcopy.streams.recompress import unpacked
from regcopy.streams.windows import Hold

# Bytes that unpack to nothing: filling, or a skippable frame. Real layers have next to none,
# and several layers pass at once.
_MAX_HELD_BYTES: Final = 4 * 1024 * 1024


class PlainLayer(NamedTuple):
    """What a layer turned out to be.

    Attributes:
        diff_id: digest of its plain bytes.
        compression: how it is stored.
    """

    diff_id: Digest
    compression: Compression


class Watched:
    """The bytes of another reader, which must be read from its beginning to its end."""

    def __init__(
        self,
        raw: Readable,
        digest: Digest,
        on_end: Callable[[PlainLayer], None],
        *,
        hold: Hold | None = None,
    ) -> None:
        """Look into a layer.

        Args:
            raw: the layer as it is stored; closed with this.
            digest: of these bytes. That they have it is whoever verifies them to say; but of
                others nothing is told.
            on_end: called with what it turned out to be, once all was read.
            hold: asked for the room that a window of zstd takes. None where whoever reads this
                unpacks it too, and waits for that room: nothing is told of zstd then.
        """
        self._passing = _Passing(raw, digest.algorithm)
        self._digest = digest
        self._plain: Readable | None = None
        self._compression: Compression = "none"
        self._hasher = new_hasher()
        self._on_end = on_end
        self._hold = hold
        self._is_told = True
        self._is_over = False

    def read(self, size: int = -1, /) -> bytes:
        """Give the next bytes, b"" at the end; there may be fewer than asked for.

        Raises:
            ManifestUnsupported: it is compressed with something that layers never are.
            ContentError: it is broken, so that it cannot be unpacked.
        """
        while size != 0 and not self._passing.held and not self._is_over:
            self._unpack()
        return self._passing.take(size)

    def _unpack(self) -> None:
        """Unpack one block, for which more bytes pass, or none where the last ones had more."""
        if self._plain is None:
            self._plain = self._begin()
        block = self._plain.read(BLOCK_BYTES)
        self._hasher.update(block)
        if not block:
            self._is_over = True
            if self._is_told and self._passing.digest == self._digest:
                diff_id = Digest("sha256", self._hasher.hexdigest())
                self._on_end(PlainLayer(diff_id, self._compression))

    def _begin(self) -> Readable:
        layer = Peeked(self._passing)
        found = packing_of(layer.head)
        self._compression = "zstd" if found == "zstd" else "gzip" if found else "none"
        if found == "zstd" and self._hold is None:
            self._is_told = False
            return layer
        return unpacked(layer, found, self._hold)

    def close(self) -> None:
        """Close what is below, and give room back; may be called twice."""
        if self._plain is not None:
            self._plain.close()
        self._passing.close()


class _Passing:
    """Keeps the blocks that the unpacking has read, until they are passed on."""

    def __init__(self, raw: Readable, algorithm: str) -> None:
        self._raw = raw
        self._algorithm = algorithm
        self._hasher = new_hasher(algorithm)
        self._blocks: deque[bytes] = deque()
        self.held = 0

    @property
    def digest(self) -> Digest:
        return Digest(self._algorithm, self._hasher.hexdigest())

    def read(self, size: int = -1, /) -> bytes:
        block = self._raw.read(size)
        if block:
            self._hasher.update(block)
            self._blocks.append(block)
            self.held += len(block)
        if self.held > _MAX_HELD_BYTES:
            raise LimitExceeded("the layer has megabytes that unpack to nothing")
        return block

    def take(self, size: int) -> bytes:
        if not self._blocks or size == 0:
            return b""
        block = self._blocks.popleft()
        if 0 < size < len(block):
            self._blocks.appendleft(block[size:])
            block = block[:size]
        self.held -= len(block)
        return block

    def close(self) -> None:
        self._raw.close()
