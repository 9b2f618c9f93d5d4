"""Opening the docker transport by hand, and blobs that come from a list of blocks."""

from __future__ import annotations

import io
from collections.abc import Callable

from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.mediatypes import OCI_LAYER_GZIP
from regcopy.model.reference import ImageName
from regcopy.streams.blob import BlobStream, Readable
from regcopy.testing.samples import SampleImage
from regcopy.transports.base import Context
from regcopy.transports.docker import DockerReference
from regcopy.transports.docker.destination import DockerDestination
from regcopy.transports.docker.source import DockerSource


def reference(host: str, repository: str, wanted: str | Digest = "1") -> DockerReference:
    """Name an image by tag or digest."""
    if isinstance(wanted, Digest):
        return DockerReference(ImageName(host, repository, digest=wanted))
    return DockerReference(ImageName(host, repository, wanted))


def open_source(
    host: str, repository: str, context: Context, wanted: str | Digest = "1"
) -> DockerSource:
    """Open an image for reading."""
    return DockerSource(reference(host, repository, wanted), context)


def open_destination(
    host: str, repository: str, context: Context, wanted: str | Digest = "1"
) -> DockerDestination:
    """Open an image for writing."""
    return DockerDestination(reference(host, repository, wanted), context)


def describe(content: bytes, media_type: str = OCI_LAYER_GZIP) -> Descriptor:
    """Make the descriptor of some bytes."""
    return Descriptor(media_type, Digest.of(content), len(content))


def stream_of(
    content: bytes, *, expected: Descriptor | None = None, known: bool = True
) -> BlobStream:
    """Stream bytes that are expected to be what they are; with `known=False`, to be anything."""
    return opened_by(
        lambda offset: io.BytesIO(content[offset:]),
        (expected or describe(content)) if known else None,
    )


def opened_by(opener: Callable[[int], Readable], expected: Descriptor | None) -> BlobStream:
    """Stream what an opener gives."""
    return BlobStream(opener, expected, media_type=OCI_LAYER_GZIP)


def read_all(raw: Readable) -> bytes:
    """Read to the end, and close."""
    blocks: list[bytes] = []
    while block := raw.read(64 * 1024):
        blocks.append(block)
    raw.close()
    return b"".join(blocks)


def put_image(destination: DockerDestination, image: SampleImage) -> None:
    """Write all blobs and manifests, and commit."""
    for content in image.blobs.values():
        put(destination, content)
    for child in image.children:
        destination.put_manifest(child, top=False)
    destination.put_manifest(image.top, top=True)
    destination.commit()


def put(destination: DockerDestination, content: bytes) -> None:
    """Write a blob unless it is there."""
    if not destination.find_blob(describe(content)):
        with stream_of(content) as stream:
            destination.put_blob(stream)
