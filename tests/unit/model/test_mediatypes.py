"""Media types: families, and the two names that a layer has."""

from __future__ import annotations

import pytest

from regcopy.model.mediatypes import (
    DOCKER_LAYER,
    DOCKER_LAYER_ZSTD,
    DOCKER_LIST,
    DOCKER_MANIFEST,
    FOREIGN_LAYERS,
    LAYERS_TO_DOCKER,
    LAYERS_TO_OCI,
    OCI_ARTIFACT,
    OCI_FOREIGN_ZSTD,
    OCI_INDEX,
    OCI_LAYER_GZIP,
    OCI_LAYER_ZSTD,
    OCI_MANIFEST,
    Compression,
    Format,
    bare,
    compression_of,
    format_of,
    recompressed,
)
from tests.growth import TOO_FAST, growth


@pytest.mark.parametrize(
    ("header", "media_type"),
    [
        (OCI_INDEX, OCI_INDEX),
        (f"{OCI_INDEX}; charset=utf-8", OCI_INDEX),
        (f" {OCI_INDEX.upper()} ;x", OCI_INDEX),
        ("", ""),
        (";", ""),
    ],
)
def test_a_content_type_is_stripped_of_its_parameters(header: str, media_type: str) -> None:
    assert bare(header) == media_type


@pytest.mark.parametrize(
    ("media_type", "family"),
    [
        (OCI_MANIFEST, "oci"),
        (OCI_INDEX, "oci"),
        (OCI_ARTIFACT, "oci"),
        (DOCKER_MANIFEST, "v2s2"),
        (DOCKER_LIST, "v2s2"),
        ("application/json", None),
    ],
)
def test_manifests_belong_to_a_family(media_type: str, family: Format | None) -> None:
    assert format_of(media_type) == family


def test_a_layer_that_went_there_and_back_has_the_same_type() -> None:
    assert all(LAYERS_TO_OCI[docker] == oci for oci, docker in LAYERS_TO_DOCKER.items())


LAYERS = (*LAYERS_TO_DOCKER, *LAYERS_TO_OCI, OCI_LAYER_ZSTD, OCI_FOREIGN_ZSTD)


@pytest.mark.parametrize(
    ("media_type", "compression"),
    [
        *((kind, "none") for kind in LAYERS if kind.endswith("tar")),
        *((kind, "gzip") for kind in LAYERS if kind.endswith("gzip")),
        *((kind, "zstd") for kind in LAYERS if kind.endswith("zstd")),
        (OCI_MANIFEST, None),
        (f"{OCI_LAYER_GZIP}+encrypted", None),
        ("application/vnd.in-toto+json", None),
    ],
)
def test_a_media_type_tells_how_a_layer_is_compressed(
    media_type: str, compression: Compression | None
) -> None:
    assert compression_of(media_type) == compression


@pytest.mark.parametrize("media_type", LAYERS)
def test_another_compression_keeps_the_kind_of_layer(media_type: str) -> None:
    own = compression_of(media_type)
    assert own is not None
    for compression in ("none", "gzip", "zstd"):
        other = recompressed(media_type, compression)
        if other is not None:
            assert compression_of(other) == compression
            assert (other in FOREIGN_LAYERS) == (media_type in FOREIGN_LAYERS)
            assert recompressed(other, own) in (media_type, None)


def test_docker_has_no_type_for_zstd_and_keeps_one_that_is_there() -> None:
    assert recompressed(DOCKER_LAYER, "zstd") is None
    assert recompressed(DOCKER_LAYER_ZSTD, "zstd") == DOCKER_LAYER_ZSTD
    assert recompressed(DOCKER_LAYER_ZSTD, "none") == DOCKER_LAYER


def test_what_is_no_layer_has_no_other_compression() -> None:
    assert recompressed(OCI_MANIFEST, "gzip") is None


@pytest.mark.parametrize("filler", [";", " ", "a", "a;", "; "])
def test_a_long_header_costs_no_more_than_its_length(filler: str) -> None:
    assert growth(bare, lambda size: filler * (size // len(filler))) < TOO_FAST
