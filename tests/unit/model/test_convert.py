"""Conversion of manifests: what changes, what stays, and what cannot be."""

from __future__ import annotations

import json

import pytest

from regcopy.errors import DigestMismatch, ManifestUnsupported
from regcopy.model.convert import (
    can_recompress,
    needs_config,
    rewrite_image,
)
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.manifest import RawManifest
from regcopy.model.mediatypes import (
    DOCKER_CONFIG,
    DOCKER_FOREIGN_GZIP,
    DOCKER_LAYER,
    DOCKER_LAYER_GZIP,
    DOCKER_LAYER_ZSTD,
    DOCKER_MANIFEST,
    OCI_ARTIFACT,
    OCI_CONFIG,
    OCI_EMPTY,
    OCI_FOREIGN_GZIP,
    OCI_LAYER,
    OCI_LAYER_GZIP,
    OCI_LAYER_ZSTD,
    OCI_MANIFEST,
    Format,
)
from regcopy.testing.samples import multi_platform_image, single_image
from tests.manifests import (
    CONFIG,
    SUBJECT,
    descriptor,
    docker_image,
    image,
    manifest,
    members,
    oci_image,
)

# One image, another family.


@pytest.mark.parametrize(("raw", "family"), [(oci_image(), "oci"), (docker_image(), "v2s2")])
def test_an_image_of_the_wanted_family_stays_the_very_same(
    raw: RawManifest, family: Format
) -> None:
    assert rewrite_image(raw, to=family).manifest is raw
    assert rewrite_image(raw, to=None).manifest is raw


def test_oci_to_docker_keeps_the_config_and_translates_types() -> None:
    rewritten = rewrite_image(oci_image(), to="v2s2")

    parsed = image(rewritten.manifest)
    assert rewritten.config is None
    assert parsed.media_type == DOCKER_MANIFEST
    assert parsed.config == Descriptor(DOCKER_CONFIG, Digest.of(CONFIG), len(CONFIG))
    assert parsed.layers == (Descriptor(DOCKER_LAYER_GZIP, Digest.of(b"layer"), 5),)


def test_oci_to_docker_writes_dockers_order_of_members() -> None:
    raw = manifest(config=descriptor(OCI_CONFIG, CONFIG), layers=[])

    rewritten = rewrite_image(raw, to="v2s2").manifest

    assert (
        rewritten.content
        == (
            f'{{"schemaVersion":2,"mediaType":"{DOCKER_MANIFEST}","config":'
            f'{{"mediaType":"{DOCKER_CONFIG}","size":{len(CONFIG)},"digest":"{Digest.of(CONFIG)}"}},'
            '"layers":[]}'
        ).encode()
    )


def test_docker_to_oci_writes_a_new_config_and_names_it() -> None:
    rewritten = rewrite_image(docker_image(), to="oci", config=CONFIG)

    assert rewritten.config == (
        b'{"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"","diff_ids":null}}'
    )
    digest = Digest.of(rewritten.config)
    assert image(rewritten.manifest).config == Descriptor(OCI_CONFIG, digest, len(rewritten.config))


def test_docker_to_oci_refuses_a_config_of_another_image() -> None:
    with pytest.raises(DigestMismatch):
        rewrite_image(docker_image(), to="oci", config=b"{}")


def test_docker_to_oci_needs_the_config_and_nothing_else_does() -> None:
    assert needs_config(image(docker_image()), "oci")
    assert not needs_config(image(docker_image()), "v2s2")
    assert not needs_config(image(docker_image()), None)
    assert not needs_config(image(oci_image()), "v2s2")
    with pytest.raises(TypeError, match="needs the config"):
        rewrite_image(docker_image(), to="oci")


@pytest.mark.parametrize("family", ["oci", "v2s2"])
def test_an_image_that_went_there_and_back_names_the_same_layers(family: Format) -> None:
    sample = single_image(family=family)
    config = image(sample.top).config
    assert config is not None
    other: Format = "v2s2" if family == "oci" else "oci"

    there = rewrite_image(sample.top, to=other, config=sample.blobs[config.digest])
    held = there.config or sample.blobs[config.digest]
    back = rewrite_image(there.manifest, to=family, config=held)

    assert image(back.manifest).layers == image(sample.top).layers


@pytest.mark.parametrize(
    ("docker", "oci"),
    [
        (DOCKER_LAYER, OCI_LAYER),
        (DOCKER_LAYER_GZIP, OCI_LAYER_GZIP),
        (DOCKER_LAYER_ZSTD, OCI_LAYER_ZSTD),
        (DOCKER_FOREIGN_GZIP, OCI_FOREIGN_GZIP),
        (OCI_LAYER_GZIP, OCI_LAYER_GZIP),
    ],
)
def test_layers_of_docker_images_have_a_type_in_oci(docker: str, oci: str) -> None:
    rewritten = rewrite_image(docker_image(docker), to="oci", config=CONFIG)

    assert image(rewritten.manifest).layers[0].media_type == oci


def test_the_urls_of_a_foreign_layer_are_kept() -> None:
    layer = descriptor(OCI_FOREIGN_GZIP, b"layer", urls=["https://example.com/layer"])
    raw = manifest(config=descriptor(OCI_CONFIG, CONFIG), layers=[layer])

    rewritten = image(rewrite_image(raw, to="v2s2").manifest)

    assert rewritten.layers[0].urls == ("https://example.com/layer",)
    assert rewritten.layers[0].media_type == DOCKER_FOREIGN_GZIP


@pytest.mark.parametrize(
    ("layer_type", "why"),
    [
        (OCI_LAYER_ZSTD, "no zstd layers"),
        ("application/vnd.in-toto+json", "no layer of type"),
        (f"{OCI_LAYER_GZIP}+encrypted", "no layer of type"),
    ],
)
def test_a_layer_without_a_type_in_docker_says_so(layer_type: str, why: str) -> None:
    with pytest.raises(ManifestUnsupported, match=why) as caught:
        rewrite_image(oci_image(layer_type), to="v2s2")
    assert "--format" in caught.value.hint


def test_an_artifact_with_its_own_config_cannot_become_a_docker_image() -> None:
    raw = manifest(config=descriptor(OCI_EMPTY, b"{}"), layers=[descriptor("text/plain", b"x")])

    with pytest.raises(ManifestUnsupported, match="no config of type"):
        rewrite_image(raw, to="v2s2")


def test_an_artifact_manifest_cannot_become_a_docker_image() -> None:
    raw = manifest(OCI_ARTIFACT, blobs=[descriptor("text/plain", b"x")])

    with pytest.raises(ManifestUnsupported, match="artifact"):
        rewrite_image(raw, to="v2s2")


def test_a_docker_plugin_does_not_become_an_oci_image() -> None:
    raw = manifest(
        DOCKER_MANIFEST, config=descriptor("application/vnd.docker.plugin.v1+json", CONFIG)
    )

    with pytest.raises(ManifestUnsupported, match="plugin"):
        rewrite_image(raw, to="oci", config=CONFIG)


def test_an_index_is_not_taken_for_an_image() -> None:
    with pytest.raises(TypeError):
        rewrite_image(multi_platform_image().top, to="v2s2")


# One image, layers that were gzipped.

GZIPPED_LAYER = Descriptor(OCI_LAYER_GZIP, Digest.of(b"gzipped"), 7)


def test_a_replaced_layer_takes_the_place_of_the_one_before() -> None:
    raw = oci_image(OCI_LAYER)

    rewritten = rewrite_image(raw, to=None, layers={Digest.of(b"layer"): GZIPPED_LAYER})

    assert image(rewritten.manifest).layers == (GZIPPED_LAYER,)
    assert image(rewritten.manifest).config == image(raw).config
    assert rewritten.config is None


def test_a_layer_that_stands_twice_is_replaced_twice() -> None:
    layer = descriptor(OCI_LAYER, b"layer")
    raw = manifest(config=descriptor(OCI_CONFIG, CONFIG), layers=[layer, layer])

    rewritten = rewrite_image(raw, to=None, layers={Digest.of(b"layer"): GZIPPED_LAYER})

    assert image(rewritten.manifest).layers == (GZIPPED_LAYER, GZIPPED_LAYER)


def test_replacements_of_other_images_layers_change_nothing() -> None:
    raw = oci_image()

    assert rewrite_image(raw, to=None, layers={Digest.of(b"?"): GZIPPED_LAYER}).manifest is raw


def test_a_replaced_layer_gets_its_type_in_the_family_that_is_written() -> None:
    layers = {Digest.of(b"layer"): GZIPPED_LAYER}

    kept = rewrite_image(docker_image(DOCKER_LAYER), to=None, layers=layers)
    converted = rewrite_image(oci_image(OCI_LAYER), to="v2s2", layers=layers)

    assert image(kept.manifest).layers[0].media_type == DOCKER_LAYER_GZIP
    assert image(converted.manifest).layers[0].media_type == DOCKER_LAYER_GZIP


def test_all_that_oci_knows_outlives_a_replaced_layer() -> None:
    config = descriptor(
        OCI_CONFIG, CONFIG, annotations={"b": "<1>", "a": "2"}, data="e30=", artifactType="x/y"
    )
    raw = manifest(
        artifactType="app/x",
        config=config,
        layers=[descriptor(OCI_LAYER, b"layer")],
        subject=SUBJECT,
        annotations={"k": "v"},
    )

    rewritten = rewrite_image(raw, to=None, layers={Digest.of(b"layer"): GZIPPED_LAYER})

    new, old = members(rewritten.manifest), members(raw)
    unchanged = ("artifactType", "config", "subject", "annotations")
    assert {key: new[key] for key in unchanged} == {key: old[key] for key in unchanged}
    assert b'"annotations":{"a":"2","b":"\\u003c1\\u003e"}' in rewritten.manifest.content


def test_a_media_type_that_was_left_out_stays_out() -> None:
    document = {**members(oci_image(OCI_LAYER))}
    del document["mediaType"]
    raw = RawManifest(json.dumps(document).encode(), OCI_MANIFEST)

    rewritten = rewrite_image(raw, to=None, layers={Digest.of(b"layer"): GZIPPED_LAYER})

    assert "mediaType" not in members(rewritten.manifest)


@pytest.mark.parametrize("layer", [OCI_LAYER, OCI_LAYER_GZIP, OCI_LAYER_ZSTD])
def test_layers_of_images_may_get_another_compression(layer: str) -> None:
    assert can_recompress(image(oci_image(layer)), image(oci_image(layer)).layers[0])


def test_layers_that_nobody_can_take_apart_stay_as_they_are() -> None:
    raw = oci_image(f"{OCI_LAYER_GZIP}+encrypted")

    assert not can_recompress(image(raw), image(raw).layers[0])


def test_what_an_artifact_names_is_never_recompressed() -> None:
    own_config = manifest(
        config=descriptor("text/x", b"{}"), layers=[descriptor(OCI_LAYER, b"layer")]
    )
    no_config = manifest(OCI_ARTIFACT, blobs=[descriptor(OCI_LAYER, b"layer")])

    for raw in (own_config, no_config):
        assert not can_recompress(image(raw), image(raw).layers[0])


def test_a_layer_that_can_be_fetched_elsewhere_is_not_recompressed() -> None:
    layer = descriptor(OCI_LAYER, b"layer", urls=["https://example.com/layer"])
    raw = manifest(config=descriptor(OCI_CONFIG, CONFIG), layers=[layer])

    assert not can_recompress(image(raw), image(raw).layers[0])
