"""A layer in another compression: unpacked, checked and packed again while it passes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from regcopy.errors import DigestMismatch, ManifestUnsupported
from regcopy.model.digest import Digest, new_hasher
from regcopy.model.mediatypes import Compression
from regcopy.streams.ahead import ReadAhead
from regcopy.streams.blob import Readable
from regcopy.streams.compress import Compressed
from regcopy.streams.decompress import Packing, Peeked, Unpacked, packing_of
from regcopy.streams.windows import Hold


class Checked:
    """Bytes whose digest is compared when they have all passed."""

    def __init__(self, raw: Readable, digest: Digest) -> None:
        """Read from `raw`, which is closed with this."""
        self._raw = raw
        self._digest = digest
        self._hasher = new_hasher(digest.algorithm)

    def read(self, size: int = -1, /) -> bytes:
        """Give the next bytes, b"" at the end.

        Raises:
            DigestMismatch: all have passed, and they are not the ones expected.
        """
        block = self._raw.read(size)
        self._hasher.update(block)
        if not block and size != 0:
            actual = Digest(self._digest.algorithm, self._hasher.hexdigest())
            if actual != self._digest:
                raise DigestMismatch(self._digest, actual)
        return block

    def close(self) -> None:
        """Close what is below; may be called twice."""
        self._raw.close()


def unpacked(layer: Peeked, found: Packing | None, hold: Hold | None = None) -> Readable:
    """Give the plain bytes of a layer that is compressed as its first bytes tell.

    Args:
        layer: closed with what is returned.
        found: how it is compressed.
        hold: asked for the room that a window of zstd takes; None where nobody counts.

    Raises:
        ManifestUnsupported: it is compressed with something that layers never are.
    """
    if found in ("bzip2", "xz"):
        raise ManifestUnsupported(
            f"the layer is compressed with {found}",
            hint="an image has plain, gzip and zstd layers; build it again, or copy it as it is",
        )
    return layer if found is None else Unpacked(layer, found, hold=hold)


def recompress(
    raw: Readable,
    before: Compression,
    after: Compression,
    *,
    level: int | None = None,
    diff_id: Digest | None = None,
    ahead: bool = False,
    hold: Hold | None = None,
    folder: str = "",
    annotate: Callable[[Mapping[str, str]], None] = lambda _: None,
) -> Readable:
    """Give a layer in another compression. Its first bytes are read at once.

    What it is compressed with is told by these bytes, as all tools do that run images: the
    media type of some layers is wrong. One that is said to be plain and is not stays as it is.

    Args:
        raw: the layer; it is closed with what is returned.
        before: what the media type says.
        after: what is wanted.
        level: of the compressor; None for its default.
        diff_id: digest of the plain bytes, which are checked where they are compressed again;
            whoever takes them plain checks them himself.
        ahead: read and unpack in a thread of their own, beside whatever is done with the plain
            bytes; worth it for a large layer.
        hold: asked for the room that a window of zstd takes; None where nobody counts.
        folder: for temporary files; zstd:chunked alone may need some.
        annotate: called at the end with annotations for the descriptor of the new layer, by
            zstd:chunked alone.

    Raises:
        ManifestUnsupported: it is compressed with something that layers never are.
        ContentError: while it is read: the bytes are broken, or are not those of `diff_id`.
    """
    layer = Peeked(raw)
    found = packing_of(layer.head)
    if found == after or (before == "none" and found is not None):
        return layer
    plain = unpacked(layer, found, hold)
    if ahead:
        plain = ReadAhead(plain)
    if after == "none":
        return plain
    if diff_id is not None:
        plain = Checked(plain, diff_id)
    if after == "zstd:chunked":
        from regcopy.streams.chunked import Chunked  # few ask for it

        return Chunked(plain, level, folder=folder, annotate=annotate)
    return Compressed(plain, after, level)
