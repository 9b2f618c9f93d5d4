"""Copies made by hand, one call after the other, for tests that do without the engine."""

from __future__ import annotations

import io
from collections.abc import Sequence

from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.manifest import ImageIndex, RawManifest, parse_manifest
from regcopy.streams.blob import BlobStream
from regcopy.testing.samples import SampleImage
from regcopy.transports.base import ImageDestination, ImageReference, ImageSource
from tests.contexts import make_context


def stream_of(content: bytes, expected: Descriptor | None = None) -> BlobStream:
    """Make a stream of bytes that are what they claim, unless `expected` says otherwise."""
    blob = expected or Descriptor("", Digest.of(content), len(content))
    return BlobStream(lambda offset: io.BytesIO(content[offset:]), blob)


def put_image(destination: ImageDestination, image: SampleImage) -> None:
    """Hand over all blobs and manifests of a sample, and stop before the commit."""
    for content in image.blobs.values():
        destination.put_blob(stream_of(content))
    for child in image.children:
        destination.put_manifest(child, top=False)
    destination.put_manifest(image.top, top=True)


def write_image(image: SampleImage, reference: ImageReference, tags: Sequence[str] = ()) -> None:
    """Write a sample under a reference."""
    with reference.open_destination(make_context("destination")) as destination:
        put_image(destination, image)
        destination.commit(tags)


def copy_by_hand(source: ImageReference, target: ImageReference) -> Digest:
    """Copy an image with all its platforms, and give the digest of its top manifest."""
    with (
        source.open_source(make_context("source")) as reader,
        target.open_destination(make_context("destination")) as writer,
    ):
        top = reader.get_manifest()
        _copy_tree(reader, writer, top, top=True)
        writer.commit()
        return top.digest


def _copy_tree(
    reader: ImageSource, writer: ImageDestination, manifest: RawManifest, *, top: bool
) -> None:
    parsed = parse_manifest(manifest)
    if isinstance(parsed, ImageIndex):
        for entry in parsed.manifests:
            _copy_tree(reader, writer, reader.get_manifest(entry), top=False)
    else:
        for blob in parsed.blobs:
            if not writer.find_blob(blob):
                with _open(reader, blob) as stream:
                    writer.put_blob(stream)
    writer.put_manifest(manifest, top=top)


def _open(reader: ImageSource, blob: Descriptor) -> BlobStream:
    return BlobStream(lambda offset: reader.open_blob(blob, offset=offset), blob)


def read_image(reference: ImageReference) -> SampleImage:
    """Read an image with all that it names, every byte verified."""
    blobs: dict[Digest, bytes] = {}
    children: list[RawManifest] = []
    with reference.open_source(make_context("source")) as reader:
        top = reader.get_manifest()
        parsed = parse_manifest(top)
        if isinstance(parsed, ImageIndex):
            children = [reader.get_manifest(entry) for entry in parsed.manifests]
        for manifest in children or [top]:
            image = parse_manifest(manifest)
            for blob in () if isinstance(image, ImageIndex) else image.blobs:
                with _open(reader, blob) as stream:
                    blobs[blob.digest] = b"".join(iter(stream.read, b""))
    return SampleImage(top, tuple(children), blobs)
