"""Media types, and what each of them is (OCI image-spec media-types.md; Docker manifest v2)."""

from __future__ import annotations

from typing import Final, Literal

OCI_MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX: Final = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG: Final = "application/vnd.oci.image.config.v1+json"
OCI_EMPTY: Final = "application/vnd.oci.empty.v1+json"
OCI_ARTIFACT: Final = "application/vnd.oci.artifact.manifest.v1+json"
OCI_LAYER: Final = "application/vnd.oci.image.layer.v1.tar"
OCI_LAYER_GZIP: Final = "application/vnd.oci.image.layer.v1.tar+gzip"
OCI_LAYER_ZSTD: Final = "application/vnd.oci.image.layer.v1.tar+zstd"
OCI_FOREIGN: Final = "application/vnd.oci.image.layer.nondistributable.v1.tar"
OCI_FOREIGN_GZIP: Final = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
OCI_FOREIGN_ZSTD: Final = "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd"

DOCKER_MANIFEST: Final = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST: Final = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_CONFIG: Final = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER: Final = "application/vnd.docker.image.rootfs.diff.tar"
DOCKER_LAYER_GZIP: Final = "application/vnd.docker.image.rootfs.diff.tar.gzip"
DOCKER_LAYER_ZSTD: Final = "application/vnd.docker.image.rootfs.diff.tar.zstd"
DOCKER_FOREIGN: Final = "application/vnd.docker.image.rootfs.foreign.diff.tar"
DOCKER_FOREIGN_GZIP: Final = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
DOCKER_SCHEMA1: Final = "application/vnd.docker.distribution.manifest.v1+json"
DOCKER_SCHEMA1_SIGNED: Final = "application/vnd.docker.distribution.manifest.v1+prettyjws"

IMAGE_MANIFESTS: Final = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})
INDEXES: Final = frozenset({OCI_INDEX, DOCKER_LIST})
SCHEMA1: Final = frozenset({DOCKER_SCHEMA1, DOCKER_SCHEMA1_SIGNED})
FOREIGN_LAYERS: Final = frozenset(
    {OCI_FOREIGN, OCI_FOREIGN_GZIP, OCI_FOREIGN_ZSTD, DOCKER_FOREIGN, DOCKER_FOREIGN_GZIP}
)

# What a registry is asked for; the order is the order of preference.
ACCEPTED_MANIFESTS: Final = (
    OCI_INDEX,
    OCI_MANIFEST,
    DOCKER_LIST,
    DOCKER_MANIFEST,
    OCI_ARTIFACT,
    DOCKER_SCHEMA1_SIGNED,
    DOCKER_SCHEMA1,
)

# Layers that are plain tar files, and the type each gets once it is gzipped.
GZIPPED: Final = {OCI_LAYER: OCI_LAYER_GZIP, DOCKER_LAYER: DOCKER_LAYER_GZIP}

Format = Literal["oci", "v2s2"]

# Docker's type for each OCI type of a layer, where there is one (zstd has none).
LAYERS_TO_DOCKER: Final = {
    OCI_LAYER: DOCKER_LAYER,
    OCI_LAYER_GZIP: DOCKER_LAYER_GZIP,
    OCI_FOREIGN: DOCKER_FOREIGN,
    OCI_FOREIGN_GZIP: DOCKER_FOREIGN_GZIP,
}
# The other way round; some tools write zstd layers into Docker's manifests all the same.
LAYERS_TO_OCI: Final = {
    **{docker: oci for oci, docker in LAYERS_TO_DOCKER.items()},
    DOCKER_LAYER_ZSTD: OCI_LAYER_ZSTD,
}
TO_DOCKER: Final = {
    OCI_MANIFEST: DOCKER_MANIFEST,
    OCI_INDEX: DOCKER_LIST,
    OCI_CONFIG: DOCKER_CONFIG,
    **LAYERS_TO_DOCKER,
}
TO_OCI: Final = {docker: oci for oci, docker in TO_DOCKER.items()}


def bare(content_type: str) -> str:
    """Media type of a Content-Type header, without parameters, in lower case."""
    return content_type.partition(";")[0].strip().lower()


def format_of(media_type: str) -> Format | None:
    """Which family a manifest or index belongs to, or None where it is neither."""
    if media_type in (OCI_MANIFEST, OCI_INDEX, OCI_ARTIFACT):
        return "oci"
    if media_type in (DOCKER_MANIFEST, DOCKER_LIST):
        return "v2s2"
    return None
