"""Layers get another compression on the way: which, and what the result says of it."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from regcopy.copying.options import CompressionOptions, CopyOptions
from regcopy.errors import ManifestUnsupported, UsageError
from regcopy.model.mediatypes import (
    Compression,
    CompressionFormat,
)
from regcopy.transports.base import LayerForm
from tests.layers import (
    COMPRESSIONS,
    PACK,
    TYPES,
    image_with,
    tars,
    unpacked,
)
from tests.unit.copying.conftest import World, with_format, with_layers

FORMATS: Sequence[CompressionFormat | None] = (None, "gzip", "zstd")


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
    result = world.takes(form).copy(world.source.add(image, "app"), with_format(wanted))
    after = arrives(form, before, wanted)
    layers = world.layers(result)
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
    assert [media_type for media_type, _ in world.layers(result)] == [TYPES["oci"][after]] * 2


@pytest.mark.parametrize("form", ["compressed", "plain"])
def test_other_places_have_their_own_way(world: World, form: LayerForm) -> None:
    other: LayerForm = "plain" if form == "compressed" else "compressed"
    source = world.source.add(image_with("gzip"), "app")
    result = world.takes(form).copy(source, with_layers(other))
    after: Compression = "gzip" if form == "compressed" else "none"
    assert world.layers(result)[0][0] == TYPES["oci"][after]


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
    assert world.takes(form).copy(source, with_format(wanted)).changed == said


def test_the_level_is_obeyed(world: World) -> None:
    source = world.source.add(image_with("none", layers=[b"text, " * 10_000]), "app")
    world.takes("compressed")
    sizes = [
        len(world.layers(world.copy(source, with_format(None, level=level)))[0][1])
        for level in (0, 1, 9)
    ]
    assert sizes == sorted(set(sizes), reverse=True)


def test_bytes_are_counted_as_they_were_at_the_source(world: World) -> None:
    image = image_with("gzip")
    document = json.loads(image.top.content)
    result = world.takes("plain").copy(world.source.add(image, "app"))
    assert result.blobs_copied == 3
    assert result.bytes_copied == sum(
        entry["size"] for entry in (document["config"], *document["layers"])
    )


# Where the bytes say something else than the media type.


@pytest.mark.parametrize("form", ["compressed", "plain"])
@pytest.mark.parametrize("found", ["none", "zstd"])
def test_a_layer_that_is_not_gzip_as_it_says_is_told_by_its_bytes(
    world: World, found: Compression, form: LayerForm
) -> None:
    image = image_with(found, says="gzip")
    wanted = with_format("zstd") if form == "compressed" else CopyOptions()
    result = world.takes(form).copy(world.source.add(image, "app"), wanted)
    assert [unpacked(stored) for _, stored in world.layers(result)] == tars()
    arrived = "zstd" if form == "compressed" else "none"
    # Where the bytes are what is wanted, nothing was done, and nothing is claimed.
    assert (result.digest == image.digest) == (arrived == found) == (not result.changed)


def test_a_compressed_layer_that_is_said_to_be_plain_is_not_compressed_again(
    world: World,
) -> None:
    image = image_with("gzip", says="none")
    result = world.takes("compressed").copy(world.source.add(image, "app"))
    assert result.digest == image.digest
    assert result.changed == ""


@pytest.mark.parametrize("form", ["compressed", "plain"])
def test_a_layer_in_a_form_that_images_do_not_have_is_named(world: World, form: LayerForm) -> None:
    image = image_with("xz", says="gzip")
    with pytest.raises(ManifestUnsupported, match=r"decompressing layer sha256:.* with xz"):
        world.takes(form).copy(world.source.add(image, "app"), with_format("zstd"))
    assert world.destination.tags == {}


# Before a copy.


def test_a_dry_run_knows_that_the_digest_will_be_another(world: World) -> None:
    world.takes("plain")
    outcome = world.dry_run(world.source.add(image_with("gzip"), "app"))
    assert outcome.digest is None
    assert outcome.blobs_to_copy == 3


def test_a_dry_run_knows_layers_that_will_do_as_they_are(world: World) -> None:
    image = image_with("gzip")
    source = world.source.add(image, "app")
    world.takes("compressed").copy(source)
    world.destination.tags.clear()
    outcome = world.dry_run(source, with_format("zstd"))
    assert outcome.digest == image.digest
    assert (outcome.blobs_to_copy, outcome.blobs_present) == (0, 3)


@pytest.mark.parametrize(
    ("form", "level", "force"),
    [
        ("gzip", 10, False),
        ("zstd", 0, False),
        ("zstd", 23, False),
        (None, 22, False),
        (None, None, True),
    ],
)
def test_options_that_make_no_sense_are_refused(
    form: CompressionFormat | None, level: int | None, force: bool
) -> None:
    with pytest.raises(UsageError):
        CompressionOptions(format=form, level=level, force=force)
