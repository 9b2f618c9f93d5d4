"""Large layers whose compression is changed: resumed uploads, memory, and being stopped."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import pytest

from regcopy.copying import source_blobs
from regcopy.copying.options import CopyOptions
from regcopy.errors import Cancelled, ConnectionFailed, DigestMismatch, SizeMismatch
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.mediatypes import CompressionFormat
from regcopy.streams.blob import BLOCK_BYTES, BlobStream, Readable
from regcopy.streams.compress import Compressed
from regcopy.streams.windows import WindowBudget
from regcopy.streams.zstd import CompressionParameter, ZstdCompressor
from regcopy.testing.memory import MemoryDestination, MemoryReference, MemorySource
from regcopy.testing.samples import SampleImage
from regcopy.transports.base import Context, LayerForm
from tests.layers import image_with, unpacked, with_config, with_manifest
from tests.memory import peak_of
from tests.unit.copying.conftest import World, with_format

TAR: Final = hashlib.shake_128(b"tar").digest(3 * BLOCK_BYTES + 5)
Put = Callable[[BlobStream], list[bytes]]


@dataclass(frozen=True, eq=False)
class Place(MemoryReference):
    """A place in memory that takes blobs in its own way."""

    put: Put = lambda stream: list(iter(lambda: stream.read(BLOCK_BYTES), b""))

    def open_destination(self, context: Context, /) -> MemoryDestination:
        return PlaceWriter(self, context)


class PlaceWriter(MemoryDestination):
    """Writes as its place says."""

    def put_blob(self, stream: BlobStream, /) -> Descriptor:
        place = self._reference
        assert isinstance(place, Place)
        blocks = place.put(stream)
        blob = stream.descriptor()
        self._blobs[blob.digest] = b"".join(blocks)
        return blob


def stutters(stream: BlobStream) -> list[bytes]:
    """Take a blob as a registry does that loses the connection, and knows what it has."""
    content = stream.read(BLOCK_BYTES) + stream.read(BLOCK_BYTES)
    stream.restart(len(content) // 3)
    content = content[: len(content) // 3] + stream.read(1000)
    stream.restart(0)
    content = stream.read(2000)
    stream.restart(len(content) // 2)
    return [content[: len(content) // 2], *iter(lambda: stream.read(BLOCK_BYTES), b"")]


def forgets(stream: BlobStream) -> list[bytes]:
    """Take all bytes, and keep none."""
    while stream.read(BLOCK_BYTES):
        pass
    return []


def place(world: World, put: Put) -> Place:
    return Place(world.destination, "copy", "latest", put)


@pytest.fixture(params=["one thread", "two threads"])
def threads(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small layers in one thread, as always, and in two, as large ones."""
    if request.param == "two threads":
        monkeypatch.setattr(source_blobs, "HEAVY_BYTES", 0)


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize(
    ("form", "wanted"),
    [
        ("compressed", "gzip"),
        ("compressed", "zstd"),
        ("compressed", "zstd:chunked"),
        ("plain", None),
    ],
)
def test_an_upload_that_goes_back_gets_the_same_bytes_again(
    world: World, form: LayerForm, wanted: CompressionFormat | None
) -> None:
    image = image_with("zstd" if wanted == "gzip" else "gzip", layers=[TAR])
    world.takes(form)
    result = world.copy(world.source.add(image, "app"), with_format(wanted), place(world, stutters))
    [(_, stored)] = world.layers(result)
    assert unpacked(stored) == TAR


class Zeros:
    """A source of so many blocks of zeros."""

    def __init__(self, blocks: int) -> None:
        self._left = blocks

    def read(self, size: int = -1, /) -> bytes:
        self._left -= 1
        return bytes(BLOCK_BYTES) if self._left >= 0 else b""

    def close(self) -> None:
        """Nothing is open."""


BOMB_BLOCKS: Final = 256


@pytest.fixture(scope="module")
def bomb() -> bytes:
    """Hundreds of megabytes of zeros in a few hundred kilobytes of gzip."""
    stream = Compressed(Zeros(BOMB_BLOCKS), "gzip")
    return b"".join(iter(stream.read, b""))


@pytest.fixture(scope="module")
def diff_id() -> Digest:
    """Digest of these zeros."""
    hasher = hashlib.sha256()
    for _ in range(BOMB_BLOCKS):
        hasher.update(bytes(BLOCK_BYTES))
    return Digest("sha256", hasher.hexdigest())


def image_of(layer: bytes, diff_id: Digest) -> SampleImage:
    """Make an image of one layer that is gzipped already."""
    image = image_with("gzip", layers=[b"replaced"])
    document = json.loads(image.top.content)
    document["layers"][0] |= {"digest": str(Digest.of(layer)), "size": len(layer)}
    made = with_manifest(image, document, [layer])
    return with_config(made, diff_ids=[str(diff_id)])


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize(
    ("form", "wanted"), [("plain", None), ("compressed", "zstd"), ("compressed", "zstd:chunked")]
)
def test_a_bomb_passes_where_it_is_what_the_config_says_and_is_never_held(
    world: World, form: LayerForm, wanted: CompressionFormat, bomb: bytes, diff_id: Digest
) -> None:
    source = world.source.add(image_of(bomb, diff_id), "app")
    world.takes(form)
    peak = peak_of(lambda: world.copy(source, with_format(wanted), place(world, forgets)))
    assert len(bomb) < BLOCK_BYTES
    assert peak < 12 * BLOCK_BYTES


@pytest.mark.parametrize(("form", "wanted"), [("plain", None), ("compressed", "zstd")])
def test_a_bomb_with_another_diff_id_fails_and_gets_no_name(
    world: World, form: LayerForm, wanted: CompressionFormat, bomb: bytes
) -> None:
    source = world.source.add(image_of(bomb, Digest.of(b"small")), "app")
    world.takes(form)
    with pytest.raises(DigestMismatch, match=f"decompressing layer {Digest.of(bomb)}"):
        world.copy(source, with_format(wanted), place(world, forgets))
    assert world.destination.tags == {}


def test_a_bomb_can_be_stopped_while_nothing_more_is_read(
    world: World, bomb: bytes, diff_id: Digest
) -> None:
    source = world.source.add(image_of(bomb, diff_id), "app")
    taken: list[int] = []

    def stops(stream: BlobStream) -> list[bytes]:
        while block := stream.read(BLOCK_BYTES):
            taken.append(len(block))
            world.cancelled.set()
        return []

    with pytest.raises(Cancelled):
        world.takes("plain").copy(source, CopyOptions(), place(world, stops))
    assert len(taken) < 3


@dataclass(frozen=True, eq=False)
class Breaking(MemoryReference):
    """An image whose layers change on the way here."""

    change: Callable[[Readable], Readable] = lambda raw: raw

    def open_source(self, context: Context, /) -> MemorySource:
        return BreakingSource(self, context)


class BreakingSource(MemorySource):
    """Reads as its reference says."""

    def open_blob(self, blob: Descriptor, /, *, offset: int = 0) -> Readable:
        raw = super().open_blob(blob, offset=offset)
        assert isinstance(self._reference, Breaking)
        return raw if "config" in blob.media_type else self._reference.change(raw)


class Short:
    """Ends a little early, or with an error."""

    def __init__(self, raw: Readable, error: Exception | None = None) -> None:
        self._raw = raw
        self._error = error
        self._left = BLOCK_BYTES

    def read(self, size: int = -1, /) -> bytes:
        if self._left == 0 and self._error is not None:
            raise self._error
        block = self._raw.read(min(size, self._left))
        self._left -= len(block)
        return block

    def close(self) -> None:
        self._raw.close()


def broken(world: World, change: Callable[[Readable], Readable]) -> Breaking:
    world.source.add(image_with("gzip", layers=[TAR]), "app")
    return Breaking(world.source, "app", "latest", change)


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize(("form", "wanted"), [("plain", None), ("compressed", "zstd")])
def test_a_layer_that_ends_early_is_an_error_of_the_source(
    world: World, form: LayerForm, wanted: CompressionFormat
) -> None:
    with pytest.raises(SizeMismatch, match="source memory:app:latest: reading blob sha256:"):
        world.takes(form).copy(broken(world, Short), with_format(wanted))
    assert world.destination.tags == {}


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize(("form", "wanted"), [("plain", None), ("compressed", "zstd")])
def test_a_connection_that_breaks_is_an_error_of_the_source(
    world: World, form: LayerForm, wanted: CompressionFormat
) -> None:
    source = broken(world, lambda raw: Short(raw, ConnectionFailed("reset")))
    with pytest.raises(ConnectionFailed, match=r"reading blob sha256:.*: reset") as caught:
        world.takes(form).copy(source, with_format(wanted))
    assert caught.value.side == "source"


class Turns(WindowBudget):
    """Counts who holds room for a large window."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[int] = []
        self._holding = 0
        self.most = 0

    def hold(self, size: int, check_stopped: Callable[[], None]) -> Callable[[], None]:
        give_back = super().hold(size, check_stopped)
        self.asked.append(size)
        self._holding += 1
        self.most = max(self.most, self._holding)

        def back() -> None:
            self._holding -= 1
            give_back()

        return back


def image_of_windows(log: int, count: int) -> SampleImage:
    """Make an image whose layers ask for windows of that size to be unpacked."""
    plain = [bytes([number]) * (3 * BLOCK_BYTES) for number in range(count)]
    options: dict[int, int] = {CompressionParameter.window_log: log}
    compressors = [ZstdCompressor(options=options) for _ in plain]
    stored = [c.compress(p) + c.flush() for c, p in zip(compressors, plain, strict=True)]
    image = image_with("zstd", layers=plain)
    document = json.loads(image.top.content)
    for layer, content in zip(document["layers"], stored, strict=True):
        layer.update(digest=str(Digest.of(content)), size=len(content))
    return with_manifest(image, document, stored)


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize(("form", "wanted"), [("plain", None), ("compressed", "gzip")])
def test_layers_with_large_windows_are_unpacked_one_after_another(
    world: World, form: LayerForm, wanted: CompressionFormat | None
) -> None:
    image = image_of_windows(25, 6)
    job = world.takes(form).job(world.source.add(image, "app"), with_format(wanted))
    turns = job.source_context.resources.get(WindowBudget, (), Turns)
    assert isinstance(turns, Turns)

    result = world.run(job)

    assert [len(unpacked(stored)) for _, stored in world.layers(result)] == [3 * BLOCK_BYTES] * 6
    assert (turns.asked, turns.most) == ([32 * BLOCK_BYTES] * 6, 1)


def test_who_waits_for_room_can_be_stopped(world: World) -> None:
    job = world.takes("plain").job(world.source.add(image_of_windows(25, 2), "app"))
    budget = job.source_context.resources.get(WindowBudget, (), WindowBudget)
    give_back = budget.hold(32 * BLOCK_BYTES, lambda: None)
    stopping = threading.Timer(0.1, world.cancelled.set)
    stopping.start()

    with pytest.raises(Cancelled):
        world.run(job)

    stopping.join()
    give_back()
    assert world.destination.tags == {}
