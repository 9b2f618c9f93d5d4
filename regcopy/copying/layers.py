"""Copy single blobs of an image, with its manifest: what is left of an old way to get layers."""

from __future__ import annotations

from collections.abc import Sequence

from regcopy.copying.places import CopyJob, Places, open_places
from regcopy.errors import UsageError, located
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.manifest import ImageManifest, unique
from regcopy.streams.blob import BlobStream


def copy_layers(job: CopyJob, layers: Sequence[Digest]) -> None:
    """Copy the manifest of one image, and the blobs that are named.

    Args:
        job: the image, and a place that takes manifests whose blobs are not all there.
        layers: digests of layers; none of them for all, and the config.

    Raises:
        UsageError: a blob that the image does not have.
        RegcopyError: something could not be copied; nothing is visible at the destination.
    """
    with open_places(job) as places:
        top, _ = places.look()
        root = places.read(places.choose(top))
        with located(side="source", reference=job.source):
            blobs = _chosen(root.image, layers)
        with located(reference=job.destination):
            for blob in blobs:
                _copy(places, blob)
            places.destination.put_manifest(root.raw, top=True)
            places.destination.commit()


def _chosen(image: ImageManifest, layers: Sequence[Digest]) -> tuple[Descriptor, ...]:
    config = () if image.config is None else (image.config,)
    known = unique((*image.layers, *config))
    if not layers:
        return known
    by_digest = {blob.digest: blob for blob in known}
    for digest in layers:
        if digest not in by_digest:
            raise UsageError(f"the image has no blob {digest}")
    return tuple(by_digest[digest] for digest in dict.fromkeys(layers))


def _copy(places: Places, blob: Descriptor) -> None:
    with BlobStream(lambda offset: places.source.open_blob(blob, offset=offset), blob) as stream:
        places.destination.put_blob(stream)
