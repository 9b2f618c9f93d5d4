"""What an image is made of: index, images, configs, layers, what refers to it, and sizes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from regcopy.checking.opening import OpenedImage, Reading, open_image
from regcopy.copying.options import Instances
from regcopy.copying.sizes import measured
from regcopy.copying.tree import ATTESTATION_SUBJECT, Node, read_tree
from regcopy.errors import ContentError, TransportError
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.manifest import ImageIndex, ImageManifest
from regcopy.transports.abilities import ListsReferrers

_ALL: Final = Instances("all")


@dataclass(frozen=True)
class ImageTree:
    """An image, or an index with all that it names.

    Attributes:
        root: the top manifest, with what is below it.
        attestations: what a manifest of an index is about, by its own digest (buildx).
        referrers: manifests that say they are about another one, by that one's digest.
        knows_referrers: whether the place could be asked for referrers.
    """

    root: Node
    attestations: Mapping[Digest, str]
    referrers: Mapping[Digest, tuple[Descriptor, ...]]
    knows_referrers: bool

    @cached_property
    def uses(self) -> Mapping[Digest, int]:
        """How many images name each blob."""
        count: dict[Digest, int] = {}
        for image in self.root.images():
            for digest in {blob.digest for blob in image.image.blobs}:
                count[digest] = count.get(digest, 0) + 1
        return count

    @cached_property
    def blobs(self) -> tuple[Descriptor, ...]:
        """Each blob once."""
        found = {b.digest: b for image in self.root.images() for b in image.image.blobs}
        return tuple(found.values())

    @property
    def manifest_bytes(self) -> int:
        """Bytes of all manifests and indexes."""
        return sum(node.raw.size for node in self.root.walk())

    @property
    def blob_bytes(self) -> int:
        """Bytes of all blobs, each counted once: what a place keeps."""
        return sum(blob.size for blob in self.blobs)

    @property
    def shared_bytes(self) -> int:
        """Bytes that several images name, each counted once."""
        return sum(blob.size for blob in self.blobs if self.uses[blob.digest] > 1)

    @property
    def saved_bytes(self) -> int:
        """Bytes that the images would have more, did each keep its blobs for itself."""
        return sum(blob.size * (self.uses[blob.digest] - 1) for blob in self.blobs)


def read_image_tree(reference: str, *, reading: Reading | None = None) -> ImageTree:
    """Read all manifests of an image; blobs only where nothing else tells their size.

    Args:
        reference: `transport:reference`.
        reading: how it is reached.

    Raises:
        NotFound: there is no such image.
        RegcopyError: a manifest cannot be read, or is not what its descriptor says.
    """
    with open_image(reference, reading or Reading()) as image:
        top = read_tree(image.source, image.source.get_manifest(), _ALL, image.pool)
        root = measured(top, image.source, image.pool)
        referrers = _referrers(image, root)
        return ImageTree(root, _attestations(root), referrers or {}, referrers is not None)


def image_bytes(image: ImageManifest) -> int:
    """Bytes of all blobs of one image."""
    return sum({blob.digest: blob.size for blob in image.blobs}.values())


def _attestations(root: Node) -> dict[Digest, str]:
    indexes = (node.parsed for node in root.walk() if isinstance(node.parsed, ImageIndex))
    return {
        entry.digest: entry.annotations[ATTESTATION_SUBJECT]
        for index in indexes
        for entry in index.manifests
        if ATTESTATION_SUBJECT in entry.annotations
    }


def _referrers(image: OpenedImage, root: Node) -> dict[Digest, tuple[Descriptor, ...]] | None:
    source = image.source
    if not isinstance(source, ListsReferrers):
        return None
    subjects = [node.raw.digest for node in root.walk()]
    try:
        found: Iterable[tuple[Descriptor, ...]] = image.pool.map(source.list_referrers, subjects)
    except (ContentError, TransportError):
        return None  # a remark about the image; what it is made of is known without
    return {subject: some for subject, some in zip(subjects, found, strict=True) if some}
