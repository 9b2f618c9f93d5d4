"""A layer that is unpacked beside its way, to learn its diff ID."""

from __future__ import annotations

import gzip
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regcopy.errors import ContentError, LimitExceeded, ManifestUnsupported
from regcopy.model.digest import Digest
from regcopy.model.mediatypes import Compression
from regcopy.streams import watched
from regcopy.streams.watched import PlainLayer, Watched
from regcopy.streams.windows import WindowBudget
from regcopy.testing.samples import make_layer
from tests.layers import COMPRESSIONS, PACK

TAR = make_layer("watched", 300_000)


def pass_through(
    stored: bytes, size: int = -1, *, digest: Digest | None = None
) -> tuple[bytes, list[PlainLayer]]:
    found: list[PlainLayer] = []
    room = WindowBudget()
    reader = Watched(
        io.BytesIO(stored),
        digest or Digest.of(stored),
        found.append,
        hold=lambda size: room.hold(size, lambda: None),
    )
    passed = b""
    while block := reader.read(size):
        passed += block
    reader.close()
    return passed, found


@pytest.mark.parametrize("size", [-1, 1 << 20, 1000, 70_000])
@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_the_bytes_pass_as_they_are_and_the_plain_ones_are_hashed(
    compression: Compression, size: int
) -> None:
    stored = PACK[compression](TAR)

    passed, found = pass_through(stored, size)

    assert passed == stored
    assert found == [PlainLayer(Digest.of(TAR), compression)]


@given(st.lists(st.binary(max_size=200), max_size=5), st.integers(1, 64), st.integers(0, 40))
def test_parts_and_filling_make_no_difference(parts: list[bytes], size: int, zeros: int) -> None:
    stored = gzip.compress(b"first") + b"".join(map(gzip.compress, parts)) + bytes(zeros)

    passed, found = pass_through(stored, size)

    assert passed == stored
    assert found == [PlainLayer(Digest.of(b"first" + b"".join(parts)), "gzip")]


def test_nothing_is_said_before_the_end() -> None:
    found: list[PlainLayer] = []
    stored = PACK["gzip"](TAR)
    reader = Watched(io.BytesIO(stored), Digest.of(stored), found.append)

    passed = reader.read(len(stored) - 1)
    while len(passed) < len(stored):
        passed += reader.read(1)

    assert found == []
    assert reader.read(1) == b""
    assert len(found) == 1


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_the_layer_is_known_by_its_digest_of_any_algorithm(algorithm: str) -> None:
    stored = PACK["gzip"](TAR)

    _, found = pass_through(stored, digest=Digest.of(stored, algorithm))

    assert found == [PlainLayer(Digest.of(TAR), "gzip")]


@pytest.mark.parametrize("filling", [b"", bytes(1 << 20)])
def test_nothing_is_said_of_another_layer(filling: bytes) -> None:
    stored = PACK["gzip"](TAR) + filling

    passed, found = pass_through(stored, digest=Digest.of(b"the layer"))

    assert (passed, found) == (stored, [])


def test_zstd_that_its_reader_unpacks_is_not_unpacked_twice() -> None:
    found: list[PlainLayer] = []
    stored = PACK["zstd"](TAR)
    reader = Watched(io.BytesIO(stored), Digest.of(stored), found.append)

    assert b"".join(iter(reader.read, b"")) == stored
    assert found == []


@pytest.mark.parametrize("cut", [20, -1])
def test_a_layer_that_is_cut_off_cannot_be_unpacked(cut: int) -> None:
    with pytest.raises(ContentError):
        pass_through(PACK["gzip"](TAR)[:cut])


def test_a_compression_that_layers_never_have_is_refused() -> None:
    with pytest.raises(ManifestUnsupported, match="bzip2"):
        pass_through(PACK["bzip2"](TAR))


def test_what_unpacks_to_nothing_is_not_held_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watched, "_MAX_HELD_BYTES", 1 << 20)

    with pytest.raises(LimitExceeded, match="unpack to nothing"):
        pass_through(gzip.compress(b"x") + bytes(3 << 20))


def test_no_more_is_held_than_a_few_blocks() -> None:
    raw = io.BytesIO(PACK["gzip"](make_layer("large", 8 << 20)))
    reader = Watched(raw, Digest.of(b""), lambda _: None)

    passed = 0
    while block := reader.read():
        passed += len(block)
        assert raw.tell() - passed <= 1 << 20
