"""A layer in another compression: every pair, whatever its media type says."""

from __future__ import annotations

import hashlib
import io

import pytest

from regcopy.errors import ContentError, DigestMismatch, ManifestUnsupported
from regcopy.model.digest import Digest
from regcopy.model.mediatypes import Compression
from regcopy.streams.blob import BLOCK_BYTES, Readable
from regcopy.streams.recompress import recompress
from tests.layers import COMPRESSIONS, PACK, Packing, unpacked

TAR = b"".join(b"%d %s\n" % (n, hashlib.sha256(b"%d" % n).digest()) for n in range(28_000))
DIFF_ID = Digest.of(TAR)


class Layer(io.BytesIO):
    """Bytes that tell whether they were closed."""


def read_all(stream: Readable) -> bytes:
    try:
        return b"".join(iter(lambda: stream.read(BLOCK_BYTES), b""))
    finally:
        stream.close()


@pytest.mark.parametrize("ahead", [False, True])
@pytest.mark.parametrize("after", COMPRESSIONS)
@pytest.mark.parametrize("before", COMPRESSIONS)
def test_every_compression_becomes_every_other(
    before: Compression, after: Compression, ahead: bool
) -> None:
    stored = PACK[before](TAR)

    made = read_all(recompress(Layer(stored), before, after, diff_id=DIFF_ID, ahead=ahead))

    assert unpacked(made) == TAR
    assert (made == stored) == (before == after)


@pytest.mark.parametrize("after", COMPRESSIONS)
@pytest.mark.parametrize("found", COMPRESSIONS)
@pytest.mark.parametrize("said", ["gzip", "zstd"])
def test_the_bytes_are_believed_and_not_the_media_type(
    said: Compression, found: Compression, after: Compression
) -> None:
    stored = PACK[found](TAR)

    made = read_all(recompress(Layer(stored), said, after, diff_id=DIFF_ID))

    assert unpacked(made) == TAR
    assert made.startswith(PACK[after](TAR)[:2])


@pytest.mark.parametrize("found", ["gzip", "zstd", "bzip2", "xz"])
def test_a_layer_that_is_said_to_be_plain_is_not_packed_twice(found: Packing) -> None:
    stored = PACK[found](TAR)

    assert read_all(recompress(Layer(stored), "none", "gzip")) == stored


@pytest.mark.parametrize("found", ["bzip2", "xz"])
@pytest.mark.parametrize("after", COMPRESSIONS)
def test_what_layers_never_are_is_refused_by_name(found: Packing, after: Compression) -> None:
    layer = Layer(PACK[found](TAR))

    with pytest.raises(ManifestUnsupported, match=found):
        recompress(layer, "gzip", after)


@pytest.mark.parametrize("ahead", [False, True])
@pytest.mark.parametrize(("before", "after"), [("gzip", "zstd"), ("zstd", "gzip")])
def test_other_plain_bytes_than_expected_are_an_error_at_the_end(
    before: Compression, after: Compression, ahead: bool
) -> None:
    stream = recompress(
        Layer(PACK[before](TAR)), before, after, diff_id=Digest.of(b"other"), ahead=ahead
    )

    with pytest.raises(DigestMismatch) as caught:
        read_all(stream)

    assert (caught.value.expected, caught.value.actual) == (Digest.of(b"other"), DIFF_ID)


def test_a_diff_id_in_sha512_is_compared_as_such() -> None:
    expected = Digest.of(TAR, "sha512")

    made = read_all(recompress(Layer(PACK["gzip"](TAR)), "gzip", "zstd", diff_id=expected))

    assert unpacked(made) == TAR


@pytest.mark.parametrize(
    ("before", "after"),
    [("gzip", "none"), ("gzip", "zstd"), ("zstd", "none"), ("zstd", "gzip")],
)
def test_a_layer_that_is_cut_off_is_an_error(before: Compression, after: Compression) -> None:
    stored = PACK[before](TAR)

    with pytest.raises(ContentError):
        read_all(recompress(Layer(stored[:-10]), before, after))


@pytest.mark.parametrize("ahead", [False, True])
@pytest.mark.parametrize("after", COMPRESSIONS)
@pytest.mark.parametrize("before", COMPRESSIONS)
def test_closing_midway_closes_the_layer(
    before: Compression, after: Compression, ahead: bool
) -> None:
    layer = Layer(PACK[before](TAR))
    stream = recompress(layer, before, after, ahead=ahead)
    stream.read(10)

    stream.close()

    assert layer.closed


def test_the_level_reaches_the_compressor() -> None:
    low, high = (read_all(recompress(Layer(TAR), "none", "gzip", level=level)) for level in (1, 9))

    assert len(high) < len(low)


def test_an_empty_layer_stays_empty() -> None:
    assert read_all(recompress(Layer(b""), "gzip", "none")) == b""
    assert unpacked(read_all(recompress(Layer(b""), "none", "gzip"))) == b""
