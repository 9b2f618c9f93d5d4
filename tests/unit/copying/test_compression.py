"""Layers get another compression on the way: which, when, and what the result says of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from regcopy.copying.options import CompressionOptions, CopyOptions, Instances
from regcopy.copying.result import CopyResult
from regcopy.errors import DigestMismatch, ManifestInvalid, ManifestUnsupported, UsageError
from regcopy.model.digest import Digest
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
from regcopy.testing.samples import SampleImage, multi_platform_image
from regcopy.transports.base import Capabilities, LayerForm
from tests.layers import (
    COMPRESSIONS,
    PACK,
    TYPES,
    image_with,
    layers_of,
    tars,
    unpacked,
    with_manifest,
)
from tests.unit.copying.conftest import World

FORMATS: Sequence[CompressionFormat | None] = (None, "gzip", "zstd")


def with_format(
    format: CompressionFormat | None, level: int | None = None, *, force: bool = False
) -> CopyOptions:
    return CopyOptions(compression=CompressionOptions(format=format, level=level, force=force))


def with_layers(layers: LayerForm, format: CompressionFormat | None = None) -> CopyOptions:
    return CopyOptions(compression=CompressionOptions(layers=layers, format=format))


def takes(world: World, layers: LayerForm, *manifest_types: str) -> World:
    world.destination.capabilities = Capabilities(
        frozenset(manifest_types), layers=layers, max_parallel=4
    )
    return world


def written(world: World, result: CopyResult) -> list[tuple[str, bytes]]:
    place = world.destination
    return layers_of(place.manifests["copy"][result.digest], place.blobs["copy"])


def arrives(form: LayerForm, before: Compression, wanted: CompressionFormat | None) -> Compression:
    """What skopeo makes of a layer."""
    if form == "plain":
        return "none"
    if form == "compressed" and (before == "none" or wanted is not None):
        return wanted or "gzip"
    return before


@pytest.mark.parametrize("wanted", FORMATS)
@pytest.mark.parametrize("form", ["any", "compressed", "plain"])
@pytest.mark.parametrize("before", COMPRESSIONS)
def test_layers_arrive_as_the_destination_takes_them(
    world: World, before: Compression, form: LayerForm, wanted: CompressionFormat | None
) -> None:
    image = image_with(before)
    result = takes(world, form).copy(world.source.add(image, "app"), with_format(wanted))
    after = arrives(form, before, wanted)
    layers = written(world, result)
    assert [media_type for media_type, _ in layers] == [TYPES["oci"][after]] * 2
    assert [
        stored.startswith(PACK[after](b"x")[:3]) for _, stored in layers if after != "none"
    ] in (
        [],
        [True, True],
    )
    assert [unpacked(stored) for _, stored in layers] == tars()
    assert (result.digest == image.digest) == (after == before) == (not result.changed)


@pytest.mark.parametrize("wanted", FORMATS)
@pytest.mark.parametrize("form", ["any", "compressed", "plain"])
@pytest.mark.parametrize("before", COMPRESSIONS)
def test_a_place_that_takes_anything_gets_what_was_asked_for(
    world: World, before: Compression, form: LayerForm, wanted: CompressionFormat | None
) -> None:
    source = world.source.add(image_with(before), "app")
    result = world.copy(source, with_layers(form, wanted))
    after = arrives(form, before, wanted)
    assert [media_type for media_type, _ in written(world, result)] == [TYPES["oci"][after]] * 2


@pytest.mark.parametrize("form", ["compressed", "plain"])
def test_other_places_have_their_own_way(world: World, form: LayerForm) -> None:
    other: LayerForm = "plain" if form == "compressed" else "compressed"
    source = world.source.add(image_with("gzip"), "app")
    result = takes(world, form).copy(source, with_layers(other))
    after: Compression = "gzip" if form == "compressed" else "none"
    assert written(world, result)[0][0] == TYPES["oci"][after]


@pytest.mark.parametrize(
    ("before", "form", "wanted", "said"),
    [
        ("none", "compressed", None, "plain layers were gzipped"),
        ("none", "compressed", "zstd", "plain layers were compressed with zstd"),
        ("gzip", "compressed", "zstd", "gzip layers were compressed with zstd"),
        ("zstd", "compressed", "gzip", "zstd layers were gzipped"),
        ("gzip", "plain", None, "layers were decompressed"),
        ("gzip", "compressed", "gzip", ""),
    ],
)
def test_the_result_says_what_was_done(
    world: World, before: Compression, form: LayerForm, wanted: CompressionFormat, said: str
) -> None:
    source = world.source.add(image_with(before), "app")
    assert takes(world, form).copy(source, with_format(wanted)).changed == said


def test_the_level_is_obeyed(world: World) -> None:
    source = world.source.add(image_with("none", layers=[b"text, " * 10_000]), "app")
    takes(world, "compressed")
    sizes = [
        len(written(world, world.copy(source, with_format(None, level=level)))[0][1])
        for level in (0, 1, 9)
    ]
    assert sizes == sorted(set(sizes), reverse=True)


def test_bytes_are_counted_as_they_were_at_the_source(world: World) -> None:
    image = image_with("gzip")
    result = takes(world, "plain").copy(world.source.add(image, "app"))
    config = len(image.blobs[next(iter(reversed(image.blobs)))])
    assert config
    assert result.blobs_copied == 3
    assert result.bytes_copied == sum(size for size in sizes_in(image))


def sizes_in(image: SampleImage) -> list[int]:
    document = json.loads(image.top.content)
    return [entry["size"] for entry in (document["config"], *document["layers"])]


# Where the bytes say something else than the media type.


@pytest.mark.parametrize("form", ["compressed", "plain"])
@pytest.mark.parametrize("found", ["none", "zstd"])
def test_a_layer_that_is_not_gzip_as_it_says_is_told_by_its_bytes(
    world: World, found: Compression, form: LayerForm
) -> None:
    image = image_with(found, says="gzip")
    wanted = with_format("zstd") if form == "compressed" else CopyOptions()
    result = takes(world, form).copy(world.source.add(image, "app"), wanted)
    assert [unpacked(stored) for _, stored in written(world, result)] == tars()
    arrived = "zstd" if form == "compressed" else "none"
    # Where the bytes are what is wanted, nothing was done, and nothing is claimed.
    assert (result.digest == image.digest) == (arrived == found) == (not result.changed)


def test_a_compressed_layer_that_is_said_to_be_plain_is_not_compressed_again(
    world: World,
) -> None:
    image = image_with("gzip", says="none")
    result = takes(world, "compressed").copy(world.source.add(image, "app"))
    assert result.digest == image.digest
    assert result.changed == ""


@pytest.mark.parametrize("form", ["compressed", "plain"])
def test_a_layer_in_a_form_that_images_do_not_have_is_named(world: World, form: LayerForm) -> None:
    image = image_with("xz", says="gzip")
    with pytest.raises(ManifestUnsupported, match="decompressing layer sha256:.* with xz"):
        takes(world, form).copy(world.source.add(image, "app"), with_format("zstd"))
    assert world.destination.tags == {}


# What must not change.


@pytest.mark.parametrize("form", ["compressed", "plain"])
def test_what_an_artifact_names_arrives_as_it_is(world: World, form: LayerForm) -> None:
    image = image_with("none" if form == "compressed" else "gzip")
    document = json.loads(image.top.content)
    document["config"]["mediaType"] = "application/vnd.example+json"
    artifact = with_manifest(image, document)
    result = takes(world, form).copy(world.source.add(artifact, "app"), with_format("zstd"))
    assert result.digest == artifact.digest


def test_a_layer_that_an_artifact_shares_arrives_as_it_is_and_changed(world: World) -> None:
    image = image_with("gzip")
    document = json.loads(image.top.content)
    artifact = with_manifest(
        image, {**document, "config": {**document["config"], "mediaType": "x/y"}}
    )
    index = index_of(image, artifact)
    takes(world, "compressed").copy(
        world.source.add(index, "app"),
        CopyOptions(Instances("all"), compression=CompressionOptions(format="zstd")),
    )
    copied = world.destination.manifests["copy"]
    assert artifact.digest in copied
    assert image.digest not in copied
    blobs = world.destination.blobs["copy"]
    assert {unpacked(blobs[d]) for d in blobs if blobs[d][:1] == b"\x28"} == set(tars())
    assert all(digest in blobs for digest in layer_digests(artifact))


def index_of(*images: SampleImage, media_type: str = OCI_INDEX) -> SampleImage:
    entries = [
        {
            "mediaType": image.top.media_type,
            "digest": str(image.digest),
            "size": image.top.size,
            "platform": {"architecture": f"a{number}", "os": "linux"},
        }
        for number, image in enumerate(images)
    ]
    blobs = {digest: blob for image in images for digest, blob in image.blobs.items()}
    base = SampleImage(multi_platform_image().top, (), blobs)
    document = {"schemaVersion": 2, "mediaType": media_type, "manifests": entries}
    top = with_manifest(base, document).top
    return SampleImage(type(top)(top.content, media_type), tuple(i.top for i in images), blobs)


def layer_digests(image: SampleImage) -> list[Digest]:
    document = json.loads(image.top.content)
    return [Digest.parse(layer["digest"]) for layer in document["layers"]]


def test_a_layer_that_can_be_fetched_elsewhere_stays(world: World) -> None:
    image = image_with("none")
    document = json.loads(image.top.content)
    document["layers"][0]["urls"] = ["https://example.com/layer"]
    source = world.source.add(with_manifest(image, document), "app")
    result = takes(world, "compressed").copy(source)
    assert [kind for kind, _ in written(world, result)] == [OCI_LAYER, OCI_LAYER_GZIP]


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


# Layers are checked against the config.


def with_config(image: SampleImage, **rootfs: object) -> SampleImage:
    document = json.loads(image.top.content)
    digest = Digest.parse(document["config"]["digest"])
    config = json.loads(image.blobs[digest])
    content = json.dumps({**config, "rootfs": {"type": "layers", **rootfs}}).encode()
    document["config"].update(digest=str(Digest.of(content)), size=len(content))
    return with_manifest(image, document, [content])


@pytest.mark.parametrize(("form", "wanted"), [("plain", None), ("compressed", "zstd")])
def test_a_layer_that_unpacks_to_something_else_fails_and_is_named(
    world: World, form: LayerForm, wanted: CompressionFormat | None
) -> None:
    ids = [str(Digest.of(tars()[0])), str(Digest.of(b"other"))]
    image = with_config(image_with("gzip"), diff_ids=ids)
    victim = layer_digests(image)[1]
    with pytest.raises(DigestMismatch, match=f"decompressing layer {victim}: expected") as caught:
        takes(world, form).copy(world.source.add(image, "app"), with_format(wanted))
    assert caught.value.side == "source"
    assert str(caught.value.expected) == ids[1]
    assert world.destination.tags == {}


@pytest.mark.parametrize(
    ("rootfs", "why"),
    [
        ({}, "has 2 layers, and its config has diff IDs for 0"),
        ({"diff_ids": [f"sha256:{'0' * 64}"]}, "diff IDs for 1"),
        ({"diff_ids": ["sha256:0", "sha256:1"]}, r'"rootfs.diff_ids\[0\]" is no digest'),
        ({"diff_ids": "no list"}, "is not an array"),
        ({"Diff_IDs": []}, "by case only"),
    ],
)
def test_a_config_that_does_not_fit_fails_before_anything_moves(
    world: World, rootfs: dict[str, object], why: str
) -> None:
    image = with_config(image_with("gzip"), **rootfs)
    with pytest.raises(ManifestInvalid, match=why) as caught:
        takes(world, "plain").copy(world.source.add(image, "app"))
    assert caught.value.side == "source"
    assert world.destination.called("put_blob") == []


def test_two_images_that_contradict_each_other_fail(world: World) -> None:
    image = image_with("gzip")
    ids = [str(Digest.of(tar)) for tar in reversed(tars())]
    index = index_of(image, with_config(image, diff_ids=ids))
    options = CopyOptions(Instances("all"))
    with pytest.raises(ManifestInvalid, match="has diff ID sha256:.* and also sha256:"):
        takes(world, "plain").copy(world.source.add(index, "app"), options)


def test_a_config_that_was_read_for_that_is_not_read_again(world: World) -> None:
    image = image_with("gzip")
    takes(world, "plain").copy(world.source.add(image, "app"))
    opened = world.source.called("open_blob")
    assert len(opened) == len(set(opened)) == 3


def test_plain_layers_need_no_config_to_be_compressed(world: World) -> None:
    image = with_config(image_with("none"))
    takes(world, "compressed").copy(world.source.add(image, "app"))
    assert len(world.destination.called("put_manifest")) == 1


# Docker has no zstd.


@pytest.mark.parametrize("before", ["none", "gzip"])
def test_a_docker_image_that_gets_zstd_layers_becomes_an_oci_image(
    world: World, before: Compression
) -> None:
    image = image_with(before, family="v2s2")
    result = takes(world, "compressed").copy(world.source.add(image, "app"), with_format("zstd"))
    raw = world.destination.manifests["copy"][result.digest]
    assert raw.media_type == OCI_MANIFEST
    assert [kind for kind, _ in written(world, result)] == [TYPES["oci"]["zstd"]] * 2
    assert "converted to OCI" in result.changed


def test_a_list_of_them_becomes_an_index(world: World) -> None:
    index = index_of(image_with("gzip", family="v2s2"), media_type=DOCKER_LIST)
    options = CopyOptions(Instances("all"), compression=CompressionOptions(format="zstd"))
    result = takes(world, "compressed").copy(world.source.add(index, "app"), options)
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
        takes(world, "compressed").copy(source, options)
    assert world.destination.called("put_blob") == []


def test_a_place_that_takes_dockers_form_alone_gets_no_zstd(world: World) -> None:
    takes(world, "compressed", DOCKER_MANIFEST)
    source = world.source.add(image_with("gzip", family="v2s2"), "app")
    with pytest.raises(ManifestUnsupported, match="Docker schema 2 does not have"):
        world.copy(source, with_format("zstd"))


def test_zstd_layers_become_gzip_for_dockers_form(world: World) -> None:
    options = CopyOptions(format="v2s2", compression=CompressionOptions(format="gzip"))
    source = world.source.add(image_with("zstd"), "app")
    result = takes(world, "compressed").copy(source, options)
    assert [kind for kind, _ in written(world, result)] == [TYPES["v2s2"]["gzip"]] * 2


def test_without_asking_for_gzip_the_error_tells_how(world: World) -> None:
    source = world.source.add(image_with("zstd"), "app")
    with pytest.raises(ManifestUnsupported, match="no zstd layers") as caught:
        takes(world, "compressed").copy(source, CopyOptions(format="v2s2"))
    assert "--dest-compress-format gzip" in caught.value.hint
    assert world.destination.called("put_blob") == []


# What is there already.


def test_a_layer_that_is_there_in_another_compression_will_do(world: World) -> None:
    image = image_with("gzip")
    source = world.source.add(image, "app")
    takes(world, "compressed").copy(source)
    other = world.destination.reference("copy", "other")
    result = world.copy(source, with_format("zstd"), other)
    assert (result.digest, result.changed) == (image.digest, "")
    assert result.blobs_reused == 3


def test_force_compresses_it_all_the_same(world: World) -> None:
    source = world.source.add(image_with("gzip"), "app")
    takes(world, "compressed").copy(source)
    result = world.copy(source, with_format("zstd", force=True))
    assert [kind for kind, _ in written(world, result)] == [TYPES["oci"]["zstd"]] * 2
    assert result.blobs_copied == 2


def test_a_zstd_layer_that_is_there_will_not_do_for_dockers_form(world: World) -> None:
    source = world.source.add(image_with("zstd"), "app")
    takes(world, "compressed").copy(source)
    options = CopyOptions(format="v2s2", compression=CompressionOptions(format="gzip"))
    result = world.copy(source, options)
    assert [kind for kind, _ in written(world, result)] == [TYPES["v2s2"]["gzip"]] * 2


@pytest.mark.parametrize("form", ["compressed", "plain"])
def test_a_folder_that_has_the_image_is_written_again_in_the_form_asked_for(
    world: World, form: LayerForm
) -> None:
    source = world.source.add(image_with("gzip"), "app")
    world.copy(source)
    result = world.copy(source, with_layers(form, "zstd"))
    assert not result.already_there
    after: Compression = "zstd" if form == "compressed" else "none"
    assert [kind for kind, _ in written(world, result)] == [TYPES["oci"][after]] * 2


def test_the_same_again_does_nothing_where_nothing_was_forced(world: World) -> None:
    source = world.source.add(image_with("gzip"), "app")
    takes(world, "compressed").copy(source)
    assert world.copy(source, with_format("zstd")).already_there


# Nothing is compressed twice in one run.


def test_a_layer_that_images_share_is_compressed_once(world: World) -> None:
    shared, one, two = tars(3)
    images = [image_with("none", layers=[shared, own]) for own in (one, two)]
    takes(world, "compressed").copy(
        world.source.add(index_of(*images), "app"), CopyOptions(Instances("all"))
    )
    assert world.destination.called("put_blob").count("unknown") == 3


def test_a_second_copy_of_a_run_finds_what_the_first_made(world: World) -> None:
    job = world.job(world.source.add(image_with("none"), "app"))
    takes(world, "compressed")
    first = world.run(job)
    world.source.calls.clear()
    second = world.run(replace(job, destination=world.destination.reference("copy", "other")))
    assert second.digest == first.digest
    assert second.blobs_reused == 3
    assert world.source.called("open_blob") == []


def test_a_second_repository_mounts_what_the_first_got(world: World) -> None:
    world.destination.mounts = "yes"
    job = world.job(world.source.add(image_with("gzip"), "app"), with_format("zstd"))
    takes(world, "compressed")
    first = world.run(job)
    second = world.run(replace(job, destination=world.destination.reference("elsewhere")))
    assert second.digest == first.digest
    assert second.blobs_mounted == 2


def test_another_level_is_another_layer(world: World) -> None:
    source = world.source.add(image_with("none", layers=[b"text, " * 10_000]), "app")
    job = world.job(source, with_format(None, level=1))
    takes(world, "compressed")
    digests = {world.run(job).digest}
    digests.add(world.run(replace(job, options=with_format(None, level=9))).digest)
    assert len(digests) == 2


# Before a copy.


def test_a_dry_run_knows_that_the_digest_will_be_another(world: World) -> None:
    takes(world, "plain")
    outcome = world.dry_run(world.source.add(image_with("gzip"), "app"))
    assert outcome.digest is None
    assert outcome.blobs_to_copy == 3


def test_a_dry_run_knows_layers_that_will_do_as_they_are(world: World) -> None:
    image = image_with("gzip")
    source = world.source.add(image, "app")
    takes(world, "compressed").copy(source)
    world.destination.tags.clear()
    outcome = world.dry_run(source, with_format("zstd"))
    assert outcome.digest == image.digest
    assert (outcome.blobs_to_copy, outcome.blobs_present) == (0, 3)


@pytest.mark.parametrize(
    ("format", "level", "force"),
    [
        ("gzip", 10, False),
        ("zstd", 0, False),
        ("zstd", 23, False),
        (None, 22, False),
        (None, None, True),
    ],
)
def test_options_that_make_no_sense_are_refused(
    format: CompressionFormat | None, level: int | None, force: bool
) -> None:
    with pytest.raises(UsageError):
        CompressionOptions(format=format, level=level, force=force)
