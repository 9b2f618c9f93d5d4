"""Layers that are there already, and those that were made before in the same run."""

from __future__ import annotations

from dataclasses import replace

import pytest

from regcopy.copying.options import CompressionOptions, CopyOptions, Instances
from regcopy.errors import DigestMismatch
from regcopy.model.digest import Digest
from regcopy.model.mediatypes import Compression
from regcopy.transports.base import LayerForm
from tests.layers import (
    TYPES,
    image_with,
    index_of,
    tars,
    with_config,
)
from tests.unit.copying.conftest import World, with_format, with_layers


def test_a_layer_that_is_there_in_another_compression_will_do(world: World) -> None:
    image = image_with("gzip")
    source = world.source.add(image, "app")
    world.takes("compressed").copy(source)
    other = world.destination.reference("copy", "other")
    result = world.copy(source, with_format("zstd"), other)
    assert (result.digest, result.changed) == (image.digest, "")
    assert result.blobs_reused == 3


def test_force_compresses_it_all_the_same(world: World) -> None:
    source = world.source.add(image_with("gzip"), "app")
    world.takes("compressed").copy(source)
    result = world.copy(source, with_format("zstd", force=True))
    assert [kind for kind, _ in world.layers(result)] == [TYPES["oci"]["zstd"]] * 2
    assert result.blobs_copied == 2


def test_a_zstd_layer_that_is_there_will_not_do_for_dockers_form(world: World) -> None:
    source = world.source.add(image_with("zstd"), "app")
    world.takes("compressed").copy(source)
    options = CopyOptions(format="v2s2", compression=CompressionOptions(format="gzip"))
    result = world.copy(source, options)
    assert [kind for kind, _ in world.layers(result)] == [TYPES["v2s2"]["gzip"]] * 2


@pytest.mark.parametrize("form", ["compressed", "plain"])
def test_a_folder_that_has_the_image_is_written_again_in_the_form_asked_for(
    world: World, form: LayerForm
) -> None:
    source = world.source.add(image_with("gzip"), "app")
    world.copy(source)
    result = world.copy(source, with_layers(form, "zstd"))
    assert not result.already_there
    after: Compression = "zstd" if form == "compressed" else "none"
    assert [kind for kind, _ in world.layers(result)] == [TYPES["oci"][after]] * 2


def test_the_same_again_does_nothing_where_nothing_was_forced(world: World) -> None:
    source = world.source.add(image_with("gzip"), "app")
    world.takes("compressed").copy(source)
    assert world.copy(source, with_format("zstd")).already_there


def test_a_layer_that_images_share_is_compressed_once(world: World) -> None:
    shared, one, two = tars(3)
    images = [image_with("none", layers=[shared, own]) for own in (one, two)]
    world.takes("compressed").copy(
        world.source.add(index_of(*images), "app"), CopyOptions(Instances("all"))
    )
    assert world.destination.called("put_blob").count("unknown") == 3


def test_a_second_copy_of_a_run_finds_what_the_first_made(world: World) -> None:
    job = world.job(world.source.add(image_with("none"), "app"))
    world.takes("compressed")
    first = world.run(job)
    world.source.calls.clear()
    second = world.run(replace(job, destination=world.destination.reference("copy", "other")))
    assert second.digest == first.digest
    assert second.blobs_reused == 3
    assert world.source.called("open_blob") == []


def test_a_second_repository_mounts_what_the_first_got(world: World) -> None:
    world.destination.mounts = "yes"
    job = world.job(world.source.add(image_with("gzip"), "app"), with_format("zstd"))
    world.takes("compressed")
    first = world.run(job)
    second = world.run(replace(job, destination=world.destination.reference("elsewhere")))
    assert second.digest == first.digest
    assert second.blobs_mounted == 3


def test_a_second_image_with_another_diff_id_does_not_take_it_over(world: World) -> None:
    image = image_with("gzip")
    job = world.job(world.source.add(image, "app"))
    world.takes("plain").run(job)
    liar = with_config(image, diff_ids=[str(Digest.of(b"other"))] * 2)
    with pytest.raises(DigestMismatch):
        world.run(replace(job, source=world.source.add(liar, "app", "liar")))


def test_another_level_is_another_layer(world: World) -> None:
    source = world.source.add(image_with("none", layers=[b"text, " * 10_000]), "app")
    job = world.job(source, with_format(None, level=1))
    world.takes("compressed")
    digests = {world.run(job).digest}
    digests.add(world.run(replace(job, options=with_format(None, level=9))).digest)
    assert len(digests) == 2
