"""Media types: families, and the two names that a layer has."""

from __future__ import annotations

import pytest

from regcopy.model.mediatypes import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    FOREIGN_LAYERS,
    GZIPPED,
    LAYERS_TO_DOCKER,
    LAYERS_TO_OCI,
    OCI_ARTIFACT,
    OCI_INDEX,
    OCI_MANIFEST,
    Format,
    bare,
    format_of,
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


def test_gzipping_keeps_the_family_and_touches_no_foreign_layer() -> None:
    assert not FOREIGN_LAYERS & GZIPPED.keys()
    for plain, gzipped in GZIPPED.items():
        assert (plain in LAYERS_TO_DOCKER) == (gzipped in LAYERS_TO_DOCKER)


@pytest.mark.parametrize("filler", [";", " ", "a", "a;", "; "])
def test_a_long_header_costs_no_more_than_its_length(filler: str) -> None:
    assert growth(bare, lambda size: filler * (size // len(filler))) < TOO_FAST
