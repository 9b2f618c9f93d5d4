"""Layers that keep their compression, and families of manifests that have no place for one."""

from __future__ import annotations

import json

import pytest

from regcopy.copying.options import CompressionOptions, CopyOptions, Instances
from regcopy.errors import ManifestUnsupported
from regcopy.model.mediatypes import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    OCI_INDEX,
    OCI_LAYER,
    OCI_LAYER_GZIP,
    OCI_MANIFEST,
    Compression,
    CompressionFormat,
    Format,
)
from regcopy.transports.base import Capabilities, LayerForm
from tests.layers import (
    TYPES,
    image_with,
    index_of,
    layer_digests,
    tars,
    unpacked,
    with_manifest,
)
from tests.unit.copying.conftest import World, with_format

# What must not change.


@pytest.mark.parametrize("form", ["compressed", "plain"])
def test_what_an_artifact_names_arrives_as_it_is(world: World, form: LayerForm) -> None:
    image = image_with("none" if form == "compressed" else "gzip")
    document = json.loads(image.top.content)
    document["config"]["mediaType"] = "application/vnd.example+json"
    artifact = with_manifest(image, document)
    result = world.takes(form).copy(world.source.add(artifact, "app"), with_format("zstd"))
    assert result.digest == artifact.digest


def test_a_layer_that_an_artifact_shares_arrives_as_it_is_and_changed(world: World) -> None:
    image = image_with("gzip")
    document = json.loads(image.top.content)
    artifact = with_manifest(
        image, {**document, "config": {**document["config"], "mediaType": "x/y"}}
    )
    index = index_of(image, artifact)
    world.takes("compressed").copy(
        world.source.add(index, "app"),
        CopyOptions(Instances("all"), compression=CompressionOptions(format="zstd")),
    )
    copied = world.destination.manifests["copy"]
    assert artifact.digest in copied
    assert image.digest not in copied
    blobs = world.destination.blobs["copy"]
    assert {unpacked(blobs[d]) for d in blobs if blobs[d][:1] == b"\x28"} == set(tars())
    assert all(digest in blobs for digest in layer_digests(artifact))


def test_a_layer_that_can_be_fetched_elsewhere_stays(world: World) -> None:
    image = image_with("none")
    document = json.loads(image.top.content)
    document["layers"][0]["urls"] = ["https://example.com/layer"]
    source = world.source.add(with_manifest(image, document), "app")
    result = world.takes("compressed").copy(source)
    assert [kind for kind, _ in world.layers(result)] == [OCI_LAYER, OCI_LAYER_GZIP]


@pytest.mark.parametrize(
    ("before", "form", "wanted"), [("gzip", "plain", None), ("gzip", "compressed", "zstd")]
)
@pytest.mark.parametrize("pinned", [False, True])
def test_bytes_that_are_to_be_preserved_are_never_changed(
    world: World,
    before: Compression,
    form: LayerForm,
    wanted: CompressionFormat | None,
    pinned: bool,
) -> None:
    image = image_with(before)
    world.destination.capabilities = Capabilities(
        layers=form, required_digest=image.digest if pinned else None
    )
    options = CopyOptions(
        preserve_digests=not pinned, compression=CompressionOptions(format=wanted)
    )
    with pytest.raises(ManifestUnsupported, match="bytes would have to change"):
        world.copy(world.source.add(image, "app"), options)
    assert world.destination.called("put_blob") == []


@pytest.mark.parametrize("pinned", [False, True])
def test_the_habit_to_compress_gives_way_to_digests(world: World, pinned: bool) -> None:
    image = image_with("none")
    world.destination.capabilities = Capabilities(
        layers="compressed", required_digest=image.digest if pinned else None
    )
    options = CopyOptions(preserve_digests=not pinned)
    assert world.copy(world.source.add(image, "app"), options).digest == image.digest


# Docker has no zstd.


@pytest.mark.parametrize("before", ["none", "gzip"])
def test_a_docker_image_that_gets_zstd_layers_becomes_an_oci_image(
    world: World, before: Compression
) -> None:
    image = image_with(before, family="v2s2")
    result = world.takes("compressed").copy(world.source.add(image, "app"), with_format("zstd"))
    raw = world.destination.manifests["copy"][result.digest]
    assert raw.media_type == OCI_MANIFEST
    assert [kind for kind, _ in world.layers(result)] == [TYPES["oci"]["zstd"]] * 2
    assert "converted to OCI" in result.changed


def test_a_list_of_them_becomes_an_index(world: World) -> None:
    index = index_of(image_with("gzip", family="v2s2"), media_type=DOCKER_LIST)
    options = CopyOptions(Instances("all"), compression=CompressionOptions(format="zstd"))
    result = world.takes("compressed").copy(world.source.add(index, "app"), options)
    assert {raw.media_type for raw in world.destination.manifests["copy"].values()} == {
        OCI_INDEX,
        OCI_MANIFEST,
    }
    assert result.digest != index.digest


@pytest.mark.parametrize("family", ["oci", "v2s2"])
def test_zstd_in_dockers_form_is_refused_before_anything_moves(
    world: World, family: Format
) -> None:
    options = CopyOptions(format="v2s2", compression=CompressionOptions(format="zstd"))
    source = world.source.add(image_with("gzip", family=family), "app")
    with pytest.raises(ManifestUnsupported, match="Docker schema 2 does not have"):
        world.takes("compressed").copy(source, options)
    assert world.destination.called("put_blob") == []


def test_a_place_that_takes_dockers_form_alone_gets_no_zstd(world: World) -> None:
    world.takes("compressed", DOCKER_MANIFEST)
    source = world.source.add(image_with("gzip", family="v2s2"), "app")
    with pytest.raises(ManifestUnsupported, match="Docker schema 2 does not have"):
        world.copy(source, with_format("zstd"))


def test_zstd_layers_become_gzip_for_dockers_form(world: World) -> None:
    options = CopyOptions(format="v2s2", compression=CompressionOptions(format="gzip"))
    source = world.source.add(image_with("zstd"), "app")
    result = world.takes("compressed").copy(source, options)
    assert [kind for kind, _ in world.layers(result)] == [TYPES["v2s2"]["gzip"]] * 2


def test_without_asking_for_gzip_the_error_tells_how(world: World) -> None:
    source = world.source.add(image_with("zstd"), "app")
    with pytest.raises(ManifestUnsupported, match="no zstd layers") as caught:
        world.takes("compressed").copy(source, CopyOptions(format="v2s2"))
    assert "--dest-compress-format gzip" in caught.value.hint
    assert world.destination.called("put_blob") == []
