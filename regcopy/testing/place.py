"""A place that the contract suite reads and writes, and what its tests have in common."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from regcopy.auth.keychain import FixedKeychain
from regcopy.config.environment import Environment
from regcopy.errors import ConnectionFailed, NotFound, Side
from regcopy.events import Silent
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.manifest import ImageIndex, RawManifest, parse_manifest
from regcopy.streams.blob import BlobStream, Readable
from regcopy.testing.samples import SampleImage, single_image
from regcopy.transports.base import (
    Context,
    ImageDestination,
    ImageReference,
    ImageSource,
    SideOptions,
)


def _as_it_is(manifest: RawManifest) -> RawManifest:
    return manifest


@dataclass(frozen=True, slots=True)
class Place:
    """Where the tests read and write.

    Attributes:
        reference: gives the reference for a short name; another name is another image, and
            no image is there at first.
        options: what contexts are made with.
        single: makes an image that the place takes as it is, called as `single_image`.
        holds_indexes: it takes images for several platforms under one name.
        replaces: a new image can take the name of an old one.
        as_read: what a manifest is when it is read back, where the place does not keep its
            bytes.
    """

    reference: Callable[[str], ImageReference]
    options: SideOptions = field(default_factory=SideOptions)
    single: Callable[..., SampleImage] = single_image
    holds_indexes: bool = True
    replaces: bool = True
    as_read: Callable[[RawManifest], RawManifest] = _as_it_is

    @contextmanager
    def context(self, side: Side) -> Iterator[Context]:
        """Make the context of one side."""
        context = Context(side, self.options, FixedKeychain(), Environment.of_process(), Silent())
        try:
            yield context
        finally:
            context.resources.close()

    @contextmanager
    def destination(self, name: str) -> Iterator[ImageDestination]:
        """Open for writing."""
        with (
            self.context("destination") as context,
            self.reference(name).open_destination(context) as destination,
        ):
            yield destination

    @contextmanager
    def source(self, name: str) -> Iterator[ImageSource]:
        """Open for reading."""
        with (
            self.context("source") as context,
            self.reference(name).open_source(context) as source,
        ):
            yield source

    def write(self, name: str, image: SampleImage) -> None:
        """Write an image whole."""
        with self.destination(name) as destination:
            put_all(destination, image)
            destination.commit()

    def read_top(self, name: str) -> RawManifest:
        """Read the top manifest."""
        with self.source(name) as source:
            return source.get_manifest()

    def is_absent(self, name: str) -> bool:
        """Tell whether there is no image of that name."""
        try:
            self.read_top(name)
        except NotFound:
            return True
        return False


def descriptor_of(content: bytes, media_type: str = "application/octet-stream") -> Descriptor:
    """Describe some bytes."""
    return Descriptor(media_type, Digest.of(content), len(content))


def stream_of(content: bytes, expected: Descriptor | None = None) -> BlobStream:
    """Make the stream that an engine would hand over."""
    return BlobStream(
        lambda offset: io.BytesIO(content[offset:]), expected or descriptor_of(content)
    )


def put_all(destination: ImageDestination, image: SampleImage) -> None:
    """Put everything of an image, short of its name."""
    for content in image.blobs.values():
        if not destination.find_blob(descriptor_of(content)):
            with stream_of(content) as stream:
                destination.put_blob(stream)
    for child in image.children:
        destination.put_manifest(child, top=False)
    destination.put_manifest(image.top, top=True)


def blobs_by_descriptor(image: SampleImage) -> Iterator[Descriptor]:
    """Descriptors of all blobs of an image."""
    for raw in image.manifests:
        parsed = parse_manifest(raw)
        if not isinstance(parsed, ImageIndex):
            yield from parsed.blobs


class Breaking:
    """A `Readable` that gives so many blocks and then fails."""

    def __init__(self, content: bytes, blocks: int) -> None:
        self._raw = io.BytesIO(content)
        self._left = blocks

    def read(self, size: int = -1, /) -> bytes:
        """Give a block, or fail."""
        self._left -= 1
        if self._left < 0:
            error = ConnectionFailed("the source broke")
            error.side = "source"
            raise error
        return self._raw.read(size)

    def close(self) -> None:
        """Nothing to give back."""


def read_whole(raw: Readable) -> bytes:
    """Read to the end."""
    blocks: list[bytes] = []
    while block := raw.read(65536):
        blocks.append(block)
    return b"".join(blocks)


def run_at_once(function: Callable[[list[bytes]], None], parts: list[list[bytes]]) -> None:
    """Call the function on every part, each in a thread of its own, and wait for all."""
    threads = [threading.Thread(target=function, args=(part,)) for part in parts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
