"""Layers that are made in the format zstd:chunked, are kept in it, or lose it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

import pytest

from regcopy.copying.options import CompressionOptions, CopyOptions, Instances
from regcopy.copying.result import CopyResult
from regcopy.errors import ManifestUnsupported
from regcopy.model.digest import Digest
from regcopy.model.manifest import ImageManifest, parse_manifest
from regcopy.model.mediatypes import (
    CHUNKED_CHECKSUM,
    CHUNKED_POSITION,
    CHUNKED_REMAINS_POSITION,
    OCI_LAYER_GZIP,
    OCI_LAYER_ZSTD,
    CompressionFormat,
    Format,
)
from regcopy.testing.samples import SampleImage
from tests.chunked_layers import ALL_KINDS, ChunkedLayer, File, tar_of
from tests.layers import Packing, image_with, index_of, with_manifest
from tests.unit.copying.conftest import World, with_format

TAR: Final = tar_of(*ALL_KINDS)
KEYS: Final = {CHUNKED_CHECKSUM, CHUNKED_POSITION, CHUNKED_REMAINS_POSITION}
CHUNKED: Final = with_format("zstd:chunked")


def arrived(world: World, digest: Digest) -> list[tuple[str, ChunkedLayer]]:
    """Media type, bytes and annotations of each layer of an image at the destination."""
    place = world.destination
    parsed = parse_manifest(place.manifests["copy"][digest])
    assert isinstance(parsed, ImageManifest)
    return [
        (one.media_type, ChunkedLayer(place.blobs["copy"][one.digest], one.annotations))
        for one in parsed.layers
    ]


def only_layer(world: World, result: CopyResult) -> tuple[str, ChunkedLayer]:
    (layer,) = arrived(world, result.digest)
    return layer


def image_of(stored: bytes, annotations: Mapping[str, str]) -> SampleImage:
    """An image of one layer in zstd, with annotations."""
    image = image_with("zstd", layers=[TAR])
    document = json.loads(image.top.content)
    digest = str(Digest.of(stored))
    document["layers"][0].update(digest=digest, size=len(stored), annotations=annotations)
    return with_manifest(image, document, [stored])


def chunked_image(**more: str) -> SampleImage:
    layer = ChunkedLayer.of(TAR)
    return image_of(layer.stored, {**layer.annotations, **more})


@pytest.mark.parametrize("before", ["none", "gzip", "zstd"])
@pytest.mark.parametrize("family", ["oci", "v2s2"])
def test_layers_arrive_with_their_tables_and_annotations(
    world: World, before: Packing, family: Format
) -> None:
    source = world.source.add(image_with(before, family=family, layers=[TAR]), "app")

    result = world.takes("compressed").copy(source, CHUNKED)

    kind, layer = only_layer(world, result)
    assert (kind, set(layer.annotations)) == (OCI_LAYER_ZSTD, KEYS)
    assert layer.assembled() == TAR
    assert f"{'plain' if before == 'none' else before} layers were compressed" in result.changed


def test_a_folder_gets_such_layers_where_it_is_asked_for(world: World) -> None:
    source = world.source.add(image_with("gzip", layers=[TAR]), "app")
    options = CopyOptions(compression=CompressionOptions("compressed", "zstd:chunked", 9))
    _, layer = only_layer(world, world.copy(source, options))
    assert layer.assembled() == TAR


@pytest.mark.parametrize("wanted", [None, "zstd", "zstd:chunked"])
@pytest.mark.parametrize("force", [False, True])
def test_a_chunked_layer_is_zstd_and_stays_with_its_annotations(
    world: World, wanted: CompressionFormat | None, force: bool
) -> None:
    image = chunked_image(note="kept")
    options = with_format(wanted, force=force and wanted is not None)

    result = world.takes("compressed").copy(world.source.add(image, "app"), options)

    assert result.digest == image.digest
    assert result.changed == ""


def test_a_chunked_layer_that_becomes_gzip_loses_its_annotations(world: World) -> None:
    source = world.source.add(chunked_image(), "app")
    kind, layer = only_layer(world, world.takes("compressed").copy(source, with_format("gzip")))
    assert (kind, layer.annotations) == (OCI_LAYER_GZIP, {})


def test_a_chunked_layer_that_is_unpacked_loses_its_annotations(world: World) -> None:
    source = world.source.add(chunked_image(), "app")
    _, layer = only_layer(world, world.takes("plain").copy(source))
    assert (layer.stored, layer.annotations) == (TAR, {})


def test_annotations_of_an_older_format_do_not_count(world: World) -> None:
    old = {key.replace("github.", ""): "0:0:0:1" for key in KEYS}
    source = world.source.add(image_of(ChunkedLayer.of(TAR, 9).stored, old), "app")
    _, layer = only_layer(world, world.takes("compressed").copy(source, CHUNKED))
    assert set(layer.annotations) == KEYS


def test_a_layer_that_is_no_tar_file_is_plain_zstd(world: World) -> None:
    text = b"no tar file, but a layer of an image\n" * 100
    source = world.source.add(image_with("gzip", layers=[text, TAR]), "app")

    result = world.takes("compressed").copy(source, CHUNKED)

    (_, first), (kind, second) = arrived(world, result.digest)
    assert (kind, first.annotations) == (OCI_LAYER_ZSTD, {})
    assert set(second.annotations) == KEYS


def test_what_an_artifact_names_stays_as_it_is(world: World) -> None:
    image = image_with("none", layers=[TAR])
    document = json.loads(image.top.content)
    document["config"]["mediaType"] = "application/vnd.example+json"
    artifact = with_manifest(image, document)
    result = world.takes("compressed").copy(world.source.add(artifact, "app"), CHUNKED)
    assert result.digest == artifact.digest


def test_images_that_share_a_layer_share_what_it_became(world: World) -> None:
    images = [image_with("gzip", layers=[TAR, tar_of(File("only", b"%d" % n))]) for n in range(2)]
    options = CopyOptions(Instances("all"), compression=CHUNKED.compression)

    result = world.takes("compressed").copy(world.source.add(index_of(*images), "app"), options)

    first, second = ([layer for _, layer in arrived(world, one.digest)] for one in result.images)
    assert first[0] == second[0]
    assert set(first[0].annotations) == set(second[1].annotations) == KEYS
    assert result.blobs_copied == 5


def test_another_copy_of_the_run_gets_the_annotations_too(world: World) -> None:
    source = world.source.add(image_with("gzip", layers=[TAR]), "app")
    job = world.takes("compressed").job(source, CHUNKED)
    first = world.run(job)
    world.destination.tags.clear()
    second = world.run(job)
    assert (second.digest, second.blobs_reused) == (first.digest, 2)


def test_dockers_form_has_no_such_layers(world: World) -> None:
    image = image_with("gzip", family="v2s2", layers=[TAR])
    options = CopyOptions(format="v2s2", compression=CHUNKED.compression)
    with pytest.raises(ManifestUnsupported, match="Docker schema 2 does not have"):
        world.takes("compressed").copy(world.source.add(image, "app"), options)
