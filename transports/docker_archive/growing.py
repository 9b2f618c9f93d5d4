"""An archive as it grows, member by member, in the order that skopeo has.

First the layers and the config of each image, each as it comes; then what older readers need, a
folder for each layer; last the table of contents, manifest.json, and `repositories`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from regcopy.errors import ManifestUnsupported
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.reference import ImageName
from regcopy.streams.blob import BlobStream
from regcopy.streams.growing_tar import GrowingTar
from regcopy.streams.tar_output import TarOutput
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


class ArchiveTarget(Protocol):
    """A place for one archive."""

    def open(
        self, *, sleep: Callable[[float], None], check_cancelled: Callable[[], None]
    ) -> TarOutput:
        """Begin to write."""
        ...


class GrowingArchive:
    """An archive that images are added to, one after another; nothing is seen of it before the end.

    Every method raises StorageFailed where it could not write.
    """

    def __init__(self, target: ArchiveTarget, context: Context, *, transport: str) -> None:
        """Write nothing yet.

        Args:
            target: where to.
            context: of the destination.
            transport: what messages call this kind of archive.
        """
        self._transport = transport
        self._tar = GrowingTar(
            lambda: target.open(sleep=context.sleep, check_cancelled=context.check_cancelled),
            tmpdir=context.environment.get("TMPDIR"),
            check_cancelled=context.check_cancelled,
        )
        self._blobs: dict[Digest, Descriptor] = {}
        self._folders: set[str] = set()
        # Names of each image, in order, by its config and its layers.
        self._images: dict[tuple[str, tuple[str, ...]], dict[str, None]] = {}
        self._top_layers: dict[ImageName, str] = {}

    def holds(self, blob: Descriptor) -> bool:
        """Tell whether a blob was written already."""
        found = self._blobs.get(blob.digest)
        return found is not None and found.size == blob.size

    def holds_digest(self, digest: Digest) -> bool:
        """Tell the same of a blob whose size is not known."""
        return digest in self._blobs

    def add_layer(self, stream: BlobStream) -> Descriptor:
        """Add a layer.

        Raises:
            ContentError: the bytes are not those that were promised.
        """
        blob = self._tar.writer.add_stream(stream, self._layer_to_write)
        self._blobs.setdefault(blob.digest, blob)
        return blob

    def add_content(self, blob: Descriptor, content: bytes, *, is_config: bool) -> None:
        """Add a config or a small layer, unless it is there already."""
        if blob.digest not in self._blobs:
            name = config_name(blob.digest) if is_config else layer_name(blob.digest)
            self._tar.writer.add_bytes(name, content)
            self._blobs[blob.digest] = blob

    def _layer_to_write(self, blob: Descriptor) -> str:
        if blob.digest.algorithm != "sha256":
            raise ManifestUnsupported(
                f"{self._transport} has no place for a layer named by {blob.digest.algorithm}"
            )
        return "" if blob.digest in self._blobs else layer_name(blob.digest)

    def add_folders(self, diff_ids: Sequence[Digest], config: bytes) -> str:
        """Add the folders of an image's layers; gives the name of the topmost, "" for none.

        Raises:
            ManifestInvalid: `config` cannot be taken apart.
        """
        writer, top = self._tar.writer, ""
        for layer in legacy_layers(diff_ids, config):
            top = layer.id
            if top not in self._folders:
                writer.add_link(f"{top}/layer.tar", f"../{layer_name(layer.diff_id)}")
                writer.add_bytes(f"{top}/VERSION", LEGACY_VERSION)
                writer.add_bytes(f"{top}/json", layer.json)
                self._folders.add(top)
        return top

    def add_image(self, image: ArchivedImage, names: Sequence[ImageName], top_layer: str) -> None:
        """List an image, whose members are there, in the table of contents.

        The same image under more names is one entry, as docker save writes it.
        """
        self._top_layers |= dict.fromkeys(names, top_layer)
        known = self._images.setdefault((image.config, image.layers), {})
        known.update(dict.fromkeys(map(str, names)))

    def publish(self) -> None:
        """Write the table of contents, and give the archive its name."""
        writer = self._tar.writer
        images = [
            ArchivedImage(config, tuple(names), layers)
            for (config, layers), names in self._images.items()
        ]
        writer.add_bytes(CONTENTS_FILE, write_contents(images))
        writer.add_bytes("repositories", write_repositories(self._top_layers))
        self._tar.publish()

    def close(self) -> None:
        """Close; what was not published is gone. May be called twice."""
        self._tar.close()


def config_name(digest: Digest) -> str:
    """Name of the member that is a config."""
    return f"{digest.hex}.json"


def layer_name(digest: Digest) -> str:
    """Name of the member that is a layer."""
    return f"{digest.hex}.tar"
