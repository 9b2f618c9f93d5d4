"""Writing one image as an archive, member by member, in the order that skopeo has.

First the layers and the config, each as it comes; then what older readers need, a folder for
each layer; last the table of contents, manifest.json, and `repositories`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Final, Protocol, Self

from regcopy.errors import ManifestInvalid, ManifestUnsupported, UsageError
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.image_config import read_diff_ids
from regcopy.model.manifest import MAX_MANIFEST_BYTES, ImageManifest, RawManifest, parse_manifest
from regcopy.model.mediatypes import DOCKER_CONFIG, DOCKER_MANIFEST, OCI_CONFIG
from regcopy.model.reference import ImageName
from regcopy.streams.blob import BlobStream, read_limited
from regcopy.streams.tar_output import TarOutput, TarTarget
from regcopy.streams.tar_storage import temporary_folder
from regcopy.streams.tar_writing import TarWriter
from regcopy.transports.base import Capabilities
from regcopy.transports.docker_archive.contents import (
    CONTENTS_FILE,
    ArchivedImage,
    write_contents,
)
from regcopy.transports.docker_archive.legacy import (
    LEGACY_VERSION,
    legacy_layers,
    write_repositories,
)

if TYPE_CHECKING:
    from regcopy.transports.base import Context
    from regcopy.transports.docker_archive import DockerArchiveReference

_CONFIGS: Final = frozenset({DOCKER_CONFIG, OCI_CONFIG})
# Early clients pushed Docker's config without a type of its own.
_UNTYPED: Final = frozenset({"application/octet-stream", ""})


class ArchiveTarget(Protocol):
    """A place for one archive."""

    def open(
        self, *, sleep: Callable[[float], None], check_cancelled: Callable[[], None]
    ) -> TarOutput:
        """Begin to write."""
        ...


class DockerArchiveDestination:
    """One image in an archive that is not there yet."""

    def __init__(
        self,
        reference: DockerArchiveReference,
        context: Context,
        *,
        target: ArchiveTarget | None = None,
    ) -> None:
        """Look, and write nothing. Errors as `DockerArchiveReference.open_destination`.

        Args:
            reference: names the image; its path is the place, unless `target` is given.
            context: of the destination.
            target: another place, such as a daemon.
        """
        if reference.position is not None:
            raise UsageError(
                f"Destination reference must not contain a manifest index @{reference.position}"
            )
        self._reference = reference
        self._context = context
        self._target = _new_file(reference) if target is None else target
        self._output: TarOutput | None = None
        self._writer: TarWriter | None = None
        self._closed = False
        self._blobs: dict[Digest, Descriptor] = {}
        self._configs: dict[Digest, bytes] = {}
        self._image: ArchivedImage | None = None
        self._top_layer = ""

    @property
    def capabilities(self) -> Capabilities:
        """One Docker image with plain layers; one member is written at a time."""
        return Capabilities(
            manifest_types=frozenset({DOCKER_MANIFEST}),
            layers="plain",
            no_signatures="Storing signatures for docker tar files is not supported",
        )

    def find_blob(self, blob: Descriptor, /) -> bool:
        """Tell whether the blob was written already."""
        found = self._blobs.get(blob.digest)
        return found is not None and found.size == blob.size

    def put_blob(self, stream: BlobStream, /) -> Descriptor:
        """Write a layer, which must be a plain tar file, or the config.

        Raises:
            StorageFailed: it could not be written.
            ContentError: the bytes are not those that were promised.
        """
        writer = self._open()
        if _may_be_config(stream.expected):
            blob = self._put_small(writer, stream)
        else:
            blob = writer.add_stream(stream, self._layer_to_write)
        self._blobs.setdefault(blob.digest, blob)
        return blob

    def _open(self) -> TarWriter:
        if self._closed:
            raise RuntimeError("the destination is closed")
        if self._writer is None:
            check_cancelled = self._context.check_cancelled
            self._output = self._target.open(
                sleep=self._context.sleep, check_cancelled=check_cancelled
            )
            self._writer = TarWriter(
                self._output,
                temporary_folder=temporary_folder(self._context.environment.get("TMPDIR")),
                check_cancelled=check_cancelled,
            )
        return self._writer

    def _put_small(self, writer: TarWriter, stream: BlobStream) -> Descriptor:
        content = read_limited(stream, MAX_MANIFEST_BYTES, what="image config")
        self._context.check_cancelled()
        blob = stream.descriptor()
        if blob.digest in self._blobs:
            return blob
        # Without a type it could be a small layer; no tar file begins like this.
        if blob.media_type in _CONFIGS or content.startswith(b"{"):
            self._configs[blob.digest] = content
            writer.add_bytes(_config_name(blob.digest), content)
        else:
            writer.add_bytes(_layer_name(blob.digest), content)
        return blob

    def _layer_to_write(self, blob: Descriptor) -> str:
        if blob.digest.algorithm != "sha256":
            raise ManifestUnsupported(
                f"{self._reference.transport} has no place for a layer named by "
                f"{blob.digest.algorithm}"
            )
        return "" if blob.digest in self._blobs else _layer_name(blob.digest)

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
        diff_ids = tuple(layer.digest for layer in parsed.layers)
        self._check(parsed.config.digest, diff_ids)
        self._write_legacy(diff_ids, self._configs[parsed.config.digest])
        self._image = ArchivedImage(
            _config_name(parsed.config.digest), (), tuple(map(_layer_name, diff_ids))
        )

    def _check(self, config: Digest, diff_ids: tuple[Digest, ...]) -> None:
        for digest in (*diff_ids, config):
            if digest not in self._blobs:
                raise ManifestUnsupported(
                    f"{digest} is not in the archive",
                    hint="layers that are to be fetched from elsewhere cannot be left out of one",
                )
        if config not in self._configs:
            raise ManifestInvalid(f"{config} is no config of an image")
        if read_diff_ids(self._configs[config]) != diff_ids:
            raise ManifestInvalid("the config has other layers (diff_ids) than the manifest")

    def _write_legacy(self, diff_ids: Sequence[Digest], config: bytes) -> None:
        writer = self._open()
        for layer in legacy_layers(diff_ids, config):
            writer.add_link(f"{layer.id}/layer.tar", f"../{_layer_name(layer.diff_id)}")
            writer.add_bytes(f"{layer.id}/VERSION", LEGACY_VERSION)
            writer.add_bytes(f"{layer.id}/json", layer.json)
            self._top_layer = layer.id

    def commit(self, tags: Sequence[str] = (), /) -> None:
        """Write the table of contents, and give the archive its name.

        Args:
            tags: more names of the image, as `DockerArchiveReference.with_tag` takes them.

        Raises:
            InvalidReference: one of the tags can be no name.
            StorageFailed: it could not be written; there is no file then.
        """
        if self._image is None or self._output is None or self._writer is None:
            raise RuntimeError("commit without a top manifest")
        names = self._names(tags)
        image = ArchivedImage(self._image.config, tuple(map(str, names)), self._image.layers)
        self._writer.add_bytes(CONTENTS_FILE, write_contents(image))
        self._writer.add_bytes("repositories", write_repositories(names, self._top_layer))
        self._writer.end()
        self._output.publish()

    def _names(self, tags: Sequence[str]) -> list[ImageName]:
        named = (self._reference, *(self._reference.with_tag(tag) for tag in tags))
        return list(dict.fromkeys(place.name for place in named if place.name is not None))

    def close(self) -> None:
        """Close; what was not committed is gone. May be called twice."""
        self._closed = True
        if self._output is not None:
            self._output.close()

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


def _config_name(digest: Digest) -> str:
    return f"{digest.hex}.json"


def _layer_name(digest: Digest) -> str:
    return f"{digest.hex}.tar"
