"""Reading one image of an archive, and making the Docker manifest that it lacks.

The manifest is the one that containers/image makes, byte for byte, so that the digest is the
same: layers are named by their diff IDs and called gzipped, although they are plain.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Self

from regcopy.errors import ManifestInvalid, NotFound
from regcopy.model._encode import docker_descriptor
from regcopy.model._json import dump_object
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.image_config import read_diff_ids
from regcopy.model.manifest import MAX_MANIFEST_BYTES, RawManifest
from regcopy.model.mediatypes import (
    DOCKER_CONFIG,
    DOCKER_LAYER,
    DOCKER_LAYER_GZIP,
    DOCKER_MANIFEST,
)
from regcopy.streams.blob import BLOCK_BYTES, Readable, skip
from regcopy.streams.decompress import HEAD_BYTES, Packing, Unpacked, packing_of
from regcopy.streams.open_archives import OpenArchives, read_archive
from regcopy.streams.tar_reading import Member
from regcopy.streams.tar_storage import TarStorage, temporary_folder
from regcopy.streams.windows import hold_in
from regcopy.transports.docker_archive.contents import (
    ArchivedImage,
    TableOfContents,
    listed_names,
    read_contents,
)

if TYPE_CHECKING:
    from regcopy.transports.base import Context
    from regcopy.transports.docker_archive import DockerArchiveReference


def list_tags(reference: DockerArchiveReference, context: Context) -> Iterator[str]:
    """Give the names in an archive. Errors as `DockerArchiveReference.list_tags`."""
    archive = _Archive(reference, context)
    try:
        yield from dict.fromkeys(listed_names(archive.table.images))
    finally:
        archive.close()


class _Archive:
    """An open archive with its index and its table of contents."""

    def __init__(
        self,
        reference: DockerArchiveReference,
        context: Context,
        storage: TarStorage | None = None,
    ) -> None:
        self.path = reference.path
        if storage is None:
            opened = OpenArchives.of(context.resources).open(
                reference.path,
                folder=temporary_folder(context.environment.get("TMPDIR")),
                check_cancelled=context.check_cancelled,
            )
        else:
            opened = read_archive(storage, self.path, context.check_cancelled)
        self.index, self.close = opened.index, opened.close
        try:
            self.table = opened.table(
                TableOfContents, lambda tar: TableOfContents(read_contents(tar, path=self.path))
            )
        except BaseException:
            self.close()
            raise


@dataclass(frozen=True, slots=True)
class _Layer:
    member: Member
    packing: Packing | None
    size: int


class DockerArchiveSource:
    """One image of an archive; which one is settled when it is opened."""

    def __init__(
        self,
        reference: DockerArchiveReference,
        context: Context,
        *,
        storage: TarStorage | None = None,
    ) -> None:
        """Open the archive and make the manifest.

        Errors as `DockerArchiveReference.open_source`.

        Args:
            reference: tells where the archive is, and the image in it.
            context: of the source.
            storage: the archive, where it comes from elsewhere; closed with this.
        """
        self._context = context
        self._archive = _Archive(reference, context, storage)
        try:
            image = self._archive.table.choose(reference.name, reference.position)
            self._config = self._read(image.config)
            diff_ids = read_diff_ids(self._config)
            self._layers = self._find_layers(image, diff_ids)
            self._diff_ids = diff_ids
            self._manifest = self._make_manifest(DOCKER_LAYER_GZIP)
        except BaseException:
            self.close()
            raise

    @property
    def max_parallel(self) -> int:
        """Threads that may call it at once."""
        return 8

    @property
    def layers_are_plain(self) -> bool:
        """Yes, also those that are packed inside the archive."""
        return True

    def _read(self, name: str) -> bytes:
        try:
            return self._archive.index.content(name, limit=MAX_MANIFEST_BYTES)
        except NotFound as error:
            # The image is there, and says so itself: this is a broken one.
            raise ManifestInvalid(error.message) from None

    def _find_layers(
        self, image: ArchivedImage, diff_ids: tuple[Digest, ...]
    ) -> dict[Digest, _Layer]:
        if len(image.layers) != len(diff_ids):
            raise ManifestInvalid(
                f"Inconsistent layer count: {len(image.layers)} in manifest, "
                f"{len(diff_ids)} in config"
            )
        layers: dict[Digest, _Layer] = {}
        for name, diff_id in zip(image.layers, diff_ids, strict=True):
            if diff_id not in layers:  # an image can have one layer twice
                layers[diff_id] = self._find_layer(name)
        return layers

    def _find_layer(self, name: str) -> _Layer:
        try:
            member = self._archive.index.find(name)
        except NotFound as error:
            raise ManifestInvalid(error.message) from None
        raw = self._archive.index.open(member)
        packing = packing_of(raw.read(HEAD_BYTES))
        if packing is None:
            return _Layer(member, None, member.size)
        return _Layer(member, packing, self._measure(member, packing))

    def _measure(self, member: Member, packing: Packing) -> int:
        """Unpack a layer to learn its size: the manifest must say it."""
        size = 0
        with closing(self._open(member, packing)) as raw:
            while block := raw.read(BLOCK_BYTES):
                size += len(block)
                self._context.check_cancelled()
        return size

    def _open(self, member: Member, packing: Packing | None, offset: int = 0) -> Readable:
        if packing is None:
            return self._archive.index.open(member, offset=offset)
        whole = self._archive.index.open(member)
        what = f"{member.name} in {self._archive.path}"
        hold = hold_in(self._context.resources, self._context.check_cancelled)
        unpacked = Unpacked(whole, packing, what=what, hold=hold)
        try:
            skip(unpacked, offset)
        except BaseException:
            unpacked.close()
            raise
        return unpacked

    def written_digest(self) -> Digest:
        """Digest of the manifest that the image had when it was written into the archive.

        It called its layers what they are.
        """
        return self._make_manifest(DOCKER_LAYER).digest

    def _make_manifest(self, layer_type: str) -> RawManifest:
        config = Descriptor(DOCKER_CONFIG, Digest.of(self._config), len(self._config))
        layers = [
            Descriptor(layer_type, diff_id, self._layers[diff_id].size)
            for diff_id in self._diff_ids
        ]
        document = {
            "schemaVersion": 2,
            "mediaType": DOCKER_MANIFEST,
            "config": docker_descriptor(config),
            "layers": [docker_descriptor(layer) for layer in layers],
        }
        return RawManifest(dump_object(document), DOCKER_MANIFEST)

    def get_manifest(self, instance: Descriptor | None = None, /) -> RawManifest:
        """Give the manifest that was made; there is no other.

        Raises:
            NotFound: another one was asked for.
        """
        if instance is not None and instance.digest != self._manifest.digest:
            raise NotFound(f"an archive holds no manifest {instance.digest}")
        return self._manifest

    def open_blob(self, blob: Descriptor, /, *, offset: int = 0) -> Readable:
        """Open the config, or a layer as a plain tar file, from `offset` bytes on.

        Raises:
            NotFound: the image has no such blob.
        """
        layer = self._layers.get(blob.digest)
        if layer is not None:
            return self._open(layer.member, layer.packing, offset)
        if blob.digest == Digest.of(self._config):
            return io.BytesIO(self._config[offset:])
        raise NotFound(f"{self._archive.path} has no blob {blob.digest}")

    def close(self) -> None:
        """Close the archive; may be called twice."""
        self._archive.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        self.close()
