"""Writing images into an archive: one that is its own, or one after another into a common one."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from regcopy.errors import ManifestInvalid, ManifestUnsupported, UsageError
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.image_config import read_diff_ids
from regcopy.model.layout import check_destination
from regcopy.model.manifest import MAX_MANIFEST_BYTES, ImageManifest, RawManifest, parse_manifest
from regcopy.model.mediatypes import DOCKER_CONFIG, DOCKER_MANIFEST, OCI_CONFIG
from regcopy.model.reference import ImageName
from regcopy.streams.blob import BlobStream, read_limited
from regcopy.streams.tar_output import TarTarget
from regcopy.transports.base import Capabilities, LayerForm
from regcopy.transports.docker_archive.contents import ArchivedImage
from regcopy.transports.docker_archive.growing import (
    ArchiveTarget,
    GrowingArchive,
    config_name,
    layer_name,
)
from regcopy.transports.joint_files import JointFiles

if TYPE_CHECKING:
    from regcopy.transports.base import Context
    from regcopy.transports.docker_archive import DockerArchiveReference

_CONFIGS: Final = frozenset({DOCKER_CONFIG, OCI_CONFIG})
# Early clients pushed Docker's config without a type of its own.
_UNTYPED: Final = frozenset({"application/octet-stream", ""})


class DockerArchiveDestination:
    """One image in an archive that is not there yet, or that is being written with others."""

    def __init__(
        self,
        reference: DockerArchiveReference,
        context: Context,
        *,
        target: ArchiveTarget | None = None,
        layers: LayerForm = "plain",
    ) -> None:
        """Look, and write nothing. Errors as `DockerArchiveReference.open_destination`.

        Args:
            reference: names the image; its path is the place, unless `target` is given.
            context: of the destination.
            target: another place, such as a daemon.
            layers: how it takes layers.
        """
        check_destination(reference.position)
        self._reference = reference
        self._context = context
        self._layers = layers
        common = None
        if target is None:
            common = JointFiles.of(context).find(GrowingArchive, reference.file)
        self._is_alone = common is None
        self._archive = common or new_archive(reference, context, target=target)
        self._configs: dict[Digest, bytes] = {}
        # What was handed over for this image, and is not asked for again.
        self._put: set[Digest] = set()
        self._image: ArchivedImage | None = None
        self._top_layer = ""
        self._diff_ids: tuple[Digest, ...] = ()

    @property
    def capabilities(self) -> Capabilities:
        """One Docker image; one member is written at a time."""
        return Capabilities(
            manifest_types=frozenset({DOCKER_MANIFEST}),
            layers=self._layers,
            no_signatures="Storing signatures for docker tar files is not supported",
        )

    def find_blob(self, blob: Descriptor, /) -> bool:
        """Tell whether the blob was written already.

        The config of an image that another one has too is asked for once more: it is needed
        for the folders of the layers.
        """
        is_needed = _may_be_config(blob) and blob.digest not in self._put
        return not is_needed and self._archive.holds(blob)

    def put_blob(self, stream: BlobStream, /) -> Descriptor:
        """Write a layer, of the form that was agreed on, or the config.

        Raises:
            StorageFailed: it could not be written.
            ContentError: the bytes are not those that were promised.
        """
        blob = self._put_blob(stream)
        self._put.add(blob.digest)
        return blob

    def _put_blob(self, stream: BlobStream) -> Descriptor:
        if not _may_be_config(stream.expected):
            return self._archive.add_layer(stream)
        content = read_limited(stream, MAX_MANIFEST_BYTES, what="image config")
        self._context.check_cancelled()
        blob = stream.descriptor()
        # Without a type it could be a small layer; no tar file begins like this.
        is_config = blob.media_type in _CONFIGS or content.startswith(b"{")
        if is_config:
            self._configs[blob.digest] = content
        self._archive.add_content(blob, content, is_config=is_config)
        return blob

    def put_manifest(self, manifest: RawManifest, /, *, top: bool) -> None:
        """Take the manifest of the image, and write the folders of its layers.

        Raises:
            ManifestUnsupported: an index, or what is no Docker image with all its layers.
            ManifestInvalid: the config has other layers than the manifest.
            StorageFailed: they could not be written.
        """
        parsed = parse_manifest(manifest)
        if not top or not isinstance(parsed, ImageManifest) or parsed.config is None:
            raise ManifestUnsupported(
                f"{self._reference.transport} holds images, each for one platform, and no index",
                hint="choose one platform, or copy the index to oci: or oci-archive:",
            )
        if manifest.media_type != DOCKER_MANIFEST:
            raise ManifestUnsupported(
                "Unsupported manifest type, need a Docker schema 2 manifest",
                hint="convert it with --format v2s2",
            )
        layers = tuple(layer.digest for layer in parsed.layers)
        self._check(parsed.config.digest, layers)
        self._top_layer = self._archive.add_folders(layers, self._configs[parsed.config.digest])
        self._image = ArchivedImage(
            config_name(parsed.config.digest), (), tuple(map(layer_name, layers))
        )

    def _check(self, config: Digest, layers: tuple[Digest, ...]) -> None:
        for digest in (*layers, config):
            if not self._archive.holds_digest(digest):
                raise ManifestUnsupported(
                    f"{digest} is not in the archive",
                    hint="layers that are to be fetched from elsewhere cannot be left out of one",
                )
        if config not in self._configs:
            raise ManifestInvalid(f"{config} is no config of an image")
        diff_ids = read_diff_ids(self._configs[config])
        # Whether packed layers fit the config only finds out who unpacks them.
        are_alike = diff_ids == layers if self._layers == "plain" else len(diff_ids) == len(layers)
        if not are_alike:
            raise ManifestInvalid("the config has other layers (diff_ids) than the manifest")
        self._diff_ids = diff_ids

    @property
    def diff_ids(self) -> tuple[Digest, ...]:
        """What the image's layers unpack to; known after `put_manifest`."""
        return self._diff_ids

    def commit(self, tags: Sequence[str] = (), /) -> None:
        """List the image, and end the archive and give it its name unless more images follow.

        Args:
            tags: more names of the image, as `DockerArchiveReference.with_tag` takes them.

        Raises:
            InvalidReference: one of the tags can be no name.
            StorageFailed: it could not be written; there is no file then.
        """
        if self._image is None:
            raise RuntimeError("commit without a top manifest")
        self._archive.add_image(self._image, self._names(tags), self._top_layer)
        if self._is_alone:
            self._archive.publish()

    def _names(self, tags: Sequence[str]) -> list[ImageName]:
        named = (self._reference, *(self._reference.with_tag(tag) for tag in tags))
        return list(dict.fromkeys(place.name for place in named if place.name is not None))

    def close(self) -> None:
        """Close; what was not committed is gone. May be called twice."""
        if self._is_alone:
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


def new_archive(
    reference: DockerArchiveReference, context: Context, *, target: ArchiveTarget | None = None
) -> GrowingArchive:
    """Look at the place of an archive, and write nothing.

    Args:
        reference: its path is the place, unless `target` is given.
        context: of the destination.
        target: another place, such as a daemon.

    Raises:
        UsageError: there is an archive already.
        StorageFailed: there can be no file.
    """
    place = target or _new_file(reference)
    return GrowingArchive(place, context, transport=reference.transport)


def _new_file(reference: DockerArchiveReference) -> ArchiveTarget:
    target = TarTarget.look(reference.path)
    if target.has_content:
        raise UsageError(
            f"{reference.transport} doesn't support modifying existing images",
            hint=f"{reference.path} is there already: remove it, or choose another file",
        )
    return target


def _may_be_config(expected: Descriptor | None) -> bool:
    if expected is None:
        return False
    is_small = expected.size <= MAX_MANIFEST_BYTES
    return expected.media_type in _CONFIGS or (expected.media_type in _UNTYPED and is_small)
