"""Media types, and what each of them is (OCI image-spec media-types.md; Docker manifest v2)."""

from __future__ import annotations

from collections.abc import Mapping
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

# Annotations of a layer in the format zstd:chunked (containers-storage-zstd-chunked(1)): digest
# of its table of members, where that is, and where the rest of the tar file is.
CHUNKED_CHECKSUM: Final = "io.github.containers.zstd-chunked.manifest-checksum"
CHUNKED_POSITION: Final = "io.github.containers.zstd-chunked.manifest-position"
CHUNKED_REMAINS_POSITION: Final = "io.github.containers.zstd-chunked.tarsplit-position"

Format = Literal["oci", "v2s2", "v2s1"]
StreamFormat = Literal["gzip", "zstd"]
CompressionFormat = StreamFormat | Literal["zstd:chunked"]
Compression = Literal["none"] | CompressionFormat

# Types of one kind of layer, by its compression. Docker has none for zstd. What is chunked has
# the type of zstd, which is what stands first.
_LAYERS: Final[tuple[Mapping[Compression, str], ...]] = (
    {
        "none": OCI_LAYER,
        "gzip": OCI_LAYER_GZIP,
        "zstd": OCI_LAYER_ZSTD,
        "zstd:chunked": OCI_LAYER_ZSTD,
    },
    {
        "none": OCI_FOREIGN,
        "gzip": OCI_FOREIGN_GZIP,
        "zstd": OCI_FOREIGN_ZSTD,
        "zstd:chunked": OCI_FOREIGN_ZSTD,
    },
    {"none": DOCKER_LAYER, "gzip": DOCKER_LAYER_GZIP},
    {"none": DOCKER_FOREIGN, "gzip": DOCKER_FOREIGN_GZIP},
)

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


def bare(content_type: str) -> str:
    """Media type of a Content-Type header, without parameters, in lower case."""
    return content_type.partition(";")[0].strip().lower()


def format_of(media_type: str) -> Format | None:
    """Which family a manifest or index belongs to, or None where it is neither."""
    if media_type in (OCI_MANIFEST, OCI_INDEX, OCI_ARTIFACT):
        return "oci"
    if media_type in (DOCKER_MANIFEST, DOCKER_LIST):
        return "v2s2"
    return "v2s1" if media_type in SCHEMA1 else None


def compression_of(media_type: str) -> Compression | None:
    """How a layer of this type is compressed; None where it is no layer that we can take apart."""
    if media_type == DOCKER_LAYER_ZSTD:
        return "zstd"
    for kind in _LAYERS:
        for compression, known in kind.items():
            if known == media_type:
                return compression
    return None


def recompressed(media_type: str, compression: Compression) -> str | None:
    """Type of the same layer in another compression; None where its family has none."""
    if media_type == DOCKER_LAYER_ZSTD:
        if compression in ("zstd", "zstd:chunked"):
            return media_type
        return recompressed(DOCKER_LAYER, compression)
    for kind in _LAYERS:
        if media_type in kind.values():
            return kind.get(compression)
    return None
