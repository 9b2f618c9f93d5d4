"""Images of Docker's schema 1: what they become, and what is learned about them on the way."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from regcopy.copying.options import CompressionOptions, CopyOptions, Instances
from regcopy.errors import (
    ContentError,
    DigestMismatch,
    ManifestUnsupported,
    NotFound,
)
from regcopy.model.digest import Digest
from regcopy.model.manifest import RawManifest
from regcopy.model.mediatypes import (
    DOCKER_LAYER,
    DOCKER_LAYER_GZIP,
    DOCKER_LIST,
    DOCKER_MANIFEST,
    DOCKER_SCHEMA1,
    DOCKER_SCHEMA1_SIGNED,
    OCI_ARTIFACT,
    OCI_LAYER,
    OCI_LAYER_GZIP,
    OCI_LAYER_ZSTD,
    OCI_MANIFEST,
    Format,
)
from regcopy.model.schema1 import Schema1, read_schema1
from regcopy.testing.samples import FOUR_PLATFORMS, SampleImage, image_of_layers
from tests.layers import image_with, index_of, tars, unpacked, with_manifest, zstd
from tests.schema1 import EMPTY_LAYER, gzipped, schema1_image
from tests.unit.copying.conftest import World, with_layers

TARS = tars()
IMAGE = schema1_image(gzipped(*TARS), empty=[1])
DOCKER = (DOCKER_MANIFEST, DOCKER_LIST)


def copied(world: World, digest: Digest) -> RawManifest:
    return world.destination.manifests["copy"][digest]


def config(world: World, digest: Digest) -> dict[str, object]:
    described = json.loads(copied(world, digest).content)["config"]
    found = json.loads(world.destination.blobs["copy"][Digest.parse(described["digest"])])
    assert isinstance(found, dict)
    return found


def diff_ids(plain: Sequence[bytes]) -> dict[str, object]:
    return {"type": "layers", "diff_ids": [str(Digest.of(tar)) for tar in plain]}


def with_history(
    family: Format, history: list[dict[str, object]], image: SampleImage | None = None
) -> SampleImage:
    """Make an image whose config tells where its layers come from."""
    made = image or image_of_layers(TARS, platform=FOUR_PLATFORMS[0], family=family)
    document = json.loads(made.top.content)
    before = json.loads(made.blobs[Digest.parse(document["config"]["digest"])])
    content = json.dumps({**before, "history": history}).encode()
    document["config"].update(digest=str(Digest.of(content)), size=len(content))
    return with_manifest(made, document, [content])


def with_layer(**members: object) -> SampleImage:
    """Make an OCI image whose first layer is another than usual."""
    made = with_history("oci", [{}, {}])
    document = json.loads(made.top.content)
    document["layers"][0].update(members)
    return with_manifest(made, document)


def to(form: Format) -> CopyOptions:
    return CopyOptions(format=form)


def test_a_place_that_takes_everything_gets_it_as_it_is(world: World) -> None:
    result = world.copy(world.source.add(IMAGE, "app"))

    assert copied(world, result.digest) == IMAGE.top
    assert world.destination.blobs["copy"] == IMAGE.blobs
    assert result.changed == ""


@pytest.mark.parametrize(
    ("form", "media_type", "layer"),
    [("v2s2", DOCKER_MANIFEST, DOCKER_LAYER_GZIP), ("oci", OCI_MANIFEST, OCI_LAYER_GZIP)],
)
def test_it_gets_a_config_with_the_diff_ids_of_its_layers(
    world: World, form: Format, media_type: str, layer: str
) -> None:
    result = world.copy(world.source.add(IMAGE, "app"), to(form))

    assert copied(world, result.digest).media_type == media_type
    assert world.layers(result) == [(layer, stored) for stored in gzipped(*TARS)]
    assert config(world, result.digest)["rootfs"] == diff_ids(TARS)
    assert result.changed.startswith("manifests were converted to")


def test_layers_that_are_thrown_away_stay_behind(world: World) -> None:
    world.copy(world.source.add(IMAGE, "app"), to("v2s2"))

    assert Digest.of(EMPTY_LAYER) not in world.destination.blobs["copy"]


@pytest.mark.parametrize(
    ("types", "wanted"),
    [
        ((OCI_MANIFEST,), OCI_MANIFEST),
        (DOCKER, DOCKER_MANIFEST),
        ((OCI_MANIFEST, DOCKER_MANIFEST), DOCKER_MANIFEST),
        ((OCI_MANIFEST, DOCKER_MANIFEST, DOCKER_SCHEMA1_SIGNED), DOCKER_MANIFEST),
    ],
)
def test_a_place_with_wishes_gets_schema_2_or_else_oci(
    world: World, types: tuple[str, ...], wanted: str
) -> None:
    result = world.takes("any", *types).copy(world.source.add(IMAGE, "app"))

    assert copied(world, result.digest).media_type == wanted


def test_where_digests_must_stay_it_stays_schema_1(world: World) -> None:
    world.takes("compressed", *DOCKER, DOCKER_SCHEMA1_SIGNED)

    result = world.copy(world.source.add(IMAGE, "app"), CopyOptions(preserve_digests=True))

    assert copied(world, result.digest) == IMAGE.top


def test_where_digests_must_stay_and_cannot_it_fails_before_anything_moves(world: World) -> None:
    world.takes("compressed", *DOCKER)

    with pytest.raises(ManifestUnsupported, match="converted to Docker schema 2"):
        world.copy(world.source.add(IMAGE, "app"), CopyOptions(preserve_digests=True))

    assert world.destination.called("put_blob") == []


def test_a_layer_passes_once_where_it_was_not_there(world: World) -> None:
    world.copy(world.source.add(IMAGE, "app"), to("v2s2"))

    # Once to measure it, as a store in memory tells no sizes.
    layers = [Digest.of(layer) for layer in gzipped(*TARS)]
    opened = world.source.called("open_blob")
    assert [opened.count(str(layer)) for layer in layers] == [2, 2]


def test_a_layer_that_was_there_is_read_to_learn_its_diff_id(world: World) -> None:
    stored = gzipped(*TARS)
    world.destination.blobs["copy"] = {Digest.of(stored[0]): stored[0]}

    result = world.copy(world.source.add(IMAGE, "app"), to("v2s2"))

    assert (result.blobs_reused, result.blobs_copied) == (1, 1)
    assert config(world, result.digest)["rootfs"] == diff_ids(TARS)


def test_layers_of_an_archive_arrive_plain_and_their_digests_are_the_diff_ids(
    world: World,
) -> None:
    result = world.takes("plain", *DOCKER).copy(world.source.add(IMAGE, "app"))

    assert world.layers(result) == [(DOCKER_LAYER, tar) for tar in TARS]
    assert config(world, result.digest)["rootfs"] == diff_ids(TARS)


def test_layers_can_be_compressed_anew_on_the_way(world: World) -> None:
    options = CopyOptions(compression=CompressionOptions("compressed", "zstd"))

    result = world.copy(world.source.add(IMAGE, "app"), options)

    assert [kind for kind, _ in world.layers(result)] == [OCI_LAYER_ZSTD] * 2
    assert config(world, result.digest)["rootfs"] == diff_ids(TARS)


def test_how_a_layer_is_stored_is_told_by_its_bytes(world: World) -> None:
    image = schema1_image([TARS[0], zstd(TARS[1])])

    result = world.copy(world.source.add(image, "app"), to("oci"))

    assert [kind for kind, _ in world.layers(result)] == [OCI_LAYER, OCI_LAYER_ZSTD]
    assert config(world, result.digest)["rootfs"] == diff_ids(TARS)


def test_schema_2_has_no_zstd(world: World) -> None:
    image = schema1_image([zstd(TARS[0])])

    with pytest.raises(ManifestUnsupported, match="compressed with zstd") as caught:
        world.copy(world.source.add(image, "app"), to("v2s2"))
    assert "--format oci" in caught.value.hint


def test_a_layer_with_another_digest_fails(world: World) -> None:
    layer = gzipped(TARS[0])[0]
    image = schema1_image([layer])
    bad = SampleImage(image.top, (), {Digest.of(layer): gzipped(TARS[1])[0]})

    with pytest.raises(DigestMismatch):
        world.copy(world.source.add(bad, "app"))
    assert world.destination.tags == {}


def test_a_layer_that_cannot_be_unpacked_fails(world: World) -> None:
    image = schema1_image([gzipped(TARS[0])[0][:-9]])

    with pytest.raises(ContentError) as caught:
        world.copy(world.source.add(image, "app"), to("v2s2"))
    assert caught.value.side == "source"
    assert world.destination.tags == {}


def test_a_layer_that_is_missing_fails(world: World) -> None:
    with pytest.raises(NotFound):
        world.copy(world.source.add(SampleImage(IMAGE.top), "app"))


def test_an_image_of_a_list_is_converted_like_any_other(world: World) -> None:
    other = image_of_layers(TARS, platform=FOUR_PLATFORMS[0], family="v2s2")
    top = index_of(IMAGE, other, media_type=DOCKER_LIST)
    options = CopyOptions(format="oci", instances=Instances("all"))

    result = world.copy(world.source.add(top, "app"), options)

    first = result.images[0].digest
    assert copied(world, first).media_type == OCI_MANIFEST
    assert config(world, first)["rootfs"] == diff_ids(TARS)


def test_a_dry_run_reads_no_layer_that_a_place_can_measure(world: World) -> None:
    found = world.dry_run(world.source.add(IMAGE, "app"), to("v2s2"))

    assert (found.blobs_to_copy, found.digest) == (2, None)
    assert found.bytes_to_copy == sum(map(len, gzipped(*TARS)))


@pytest.mark.parametrize("is_signed", [True, False])
def test_an_image_that_is_there_already_is_not_read(world: World, is_signed: bool) -> None:
    image = schema1_image(gzipped(*TARS), is_signed=is_signed)
    source = world.source.add(image, "app")
    world.copy(source)
    world.source.calls.clear()

    assert world.copy(source).already_there
    assert world.source.called("open_blob") == []


# What stays schema 1, or becomes it.


def described(world: World, digest: Digest) -> Schema1:
    return read_schema1(copied(world, digest).payload)


def test_layers_that_are_unpacked_for_a_folder_are_entered_in_the_manifest(world: World) -> None:
    result = world.copy(world.source.add(IMAGE, "app"), with_layers("plain"))

    assert described(world, result.digest).layers == tuple(Digest.of(tar) for tar in TARS)
    assert result.changed == "layers were decompressed"


@pytest.mark.parametrize("family", ["oci", "v2s2"])
def test_an_image_can_become_schema_1(world: World, family: Format) -> None:
    image = with_history(family, [{}, {"empty_layer": True}, {}])

    result = world.copy(world.source.add(image, "app"), to("v2s1"))

    assert copied(world, result.digest).media_type == DOCKER_SCHEMA1_SIGNED
    assert described(world, result.digest).layers == tuple(map(Digest.of, gzipped(*TARS)))
    blobs = world.destination.blobs["copy"]
    assert set(blobs) == {Digest.of(blob) for blob in (*gzipped(*TARS), EMPTY_LAYER)}
    assert result.changed == "manifests were converted to Docker schema 1"


def test_no_empty_layer_is_written_that_nobody_names(world: World) -> None:
    world.copy(world.source.add(with_history("oci", [{}, {}]), "app"), to("v2s1"))

    assert Digest.of(EMPTY_LAYER) not in world.destination.blobs["copy"]


def test_what_became_schema_1_has_the_layers_that_it_had_when_it_comes_back(world: World) -> None:
    there = world.copy(world.source.add(with_history("v2s2", [{}, {}]), "app"), to("v2s1"))
    image = SampleImage(copied(world, there.digest), (), world.destination.blobs["copy"])

    back = world.copy(world.source.add(image, "old"), to("v2s2"))

    assert world.layers(back) == [(DOCKER_LAYER_GZIP, layer) for layer in gzipped(*TARS)]
    assert config(world, back.digest)["rootfs"] == diff_ids(TARS)


@pytest.mark.parametrize(
    ("image", "why"),
    [
        (image_with("zstd"), "compressed with zstd, which Docker schema 1 does not have"),
        (image_with("zstd", family="v2s2"), "compressed with zstd"),
        (with_layer(urls=["https://example.org/x"]), "an address of its own"),
        (with_layer(mediaType="application/x"), 'no layer of type "application/x"'),
        (with_history("oci", []), "its config has no history"),
    ],
)
def test_what_schema_1_has_no_place_for_fails_before_anything_moves(
    world: World, image: SampleImage, why: str
) -> None:
    with pytest.raises(ManifestUnsupported, match=why) as caught:
        world.copy(world.source.add(image, "app"), to("v2s1"))

    assert caught.value.hint
    assert world.destination.called("put_blob") == []


def test_zstd_layers_can_be_gzipped_on_the_way_to_schema_1(world: World) -> None:
    image = with_history("oci", [{}, {}], image_with("zstd"))
    options = CopyOptions(format="v2s1", compression=CompressionOptions("compressed", "gzip"))

    result = world.copy(world.source.add(image, "app"), options)

    assert [
        unpacked(world.destination.blobs["copy"][digest])
        for digest in described(world, result.digest).layers
    ] == TARS


def test_zstd_is_refused_where_schema_1_is_wanted(world: World) -> None:
    options = CopyOptions(format="v2s1", compression=CompressionOptions("compressed", "zstd"))

    with pytest.raises(ManifestUnsupported, match="Docker schema 1 does not have"):
        world.copy(world.source.add(IMAGE, "app"), options)


def test_where_digests_must_stay_nothing_becomes_schema_1(world: World) -> None:
    options = CopyOptions(format="v2s1", preserve_digests=True)

    with pytest.raises(ManifestUnsupported, match="converted to Docker schema 1"):
        world.copy(world.source.add(with_history("oci", [{}, {}]), "app"), options)


def test_images_of_a_list_become_schema_1_and_the_list_stays_one(world: World) -> None:
    top = index_of(with_history("oci", [{}, {}]), IMAGE)
    options = CopyOptions(format="v2s1", instances=Instances("all"))

    result = world.copy(world.source.add(top, "app"), options)

    entries = json.loads(copied(world, result.digest).content)["manifests"]
    assert copied(world, result.digest).media_type == DOCKER_LIST
    assert [entry["mediaType"] for entry in entries] == [DOCKER_SCHEMA1_SIGNED] * 2
    assert [entry["digest"] for entry in entries] == [str(one.digest) for one in result.images]


@pytest.mark.parametrize("is_signed", [True, False])
def test_a_registry_gets_schema_1_under_its_own_name_and_signed(
    world: World, is_signed: bool
) -> None:
    image = schema1_image(gzipped(*TARS), is_signed=is_signed)
    world.takes("compressed", *DOCKER, DOCKER_SCHEMA1, DOCKER_SCHEMA1_SIGNED)

    result = world.copy(world.source.add(image, "app"), to("v2s1"))

    found = copied(world, result.digest)
    assert (found.media_type, "signatures" in json.loads(found.content)) == (
        DOCKER_SCHEMA1_SIGNED,
        True,
    )
    assert described(world, result.digest)[:2] == ("", "")  # a store in memory has no names


def test_an_artifact_cannot_become_schema_1(world: World) -> None:
    raw = RawManifest(b'{"mediaType":"%s","blobs":[]}' % OCI_ARTIFACT.encode(), OCI_ARTIFACT)

    with pytest.raises(ManifestUnsupported, match="artifact"):
        world.copy(world.source.add(SampleImage(raw), "app"), to("v2s1"))
