"""`precompute_digests`: a layer that is made on the way moves only where it is not there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from regcopy.config.environment import Environment
from regcopy.copying.options import CopyOptions
from regcopy.copying.places import CopyJob
from regcopy.errors import DigestMismatch, StorageFailed
from regcopy.model.digest import Digest
from regcopy.testing.memory import MemoryReference
from tests.layers import TYPES, image_with, with_config
from tests.unit.copying.conftest import World, with_format

PRECOMPUTED = replace(CopyOptions(), precompute_digests=True)


def anew(world: World, source: MemoryReference, options: CopyOptions = PRECOMPUTED) -> CopyJob:
    """A copy of a run that does not know what earlier ones made."""
    return world.job(source, options, world.destination.reference("copy", "again"))


def test_a_made_layer_that_is_there_is_not_uploaded(world: World) -> None:
    source = world.source.add(image_with("none"), "app")
    first = world.takes("compressed").copy(source)
    world.destination.calls.clear()
    second = world.run(anew(world, source))
    assert world.destination.called("put_blob") == []
    assert (second.digest, second.blobs_reused) == (first.digest, 3)


def test_without_it_such_a_layer_is_uploaded_again(world: World) -> None:
    source = world.source.add(image_with("none"), "app")
    world.takes("compressed").copy(source)
    world.destination.calls.clear()
    assert world.run(anew(world, source, CopyOptions())).blobs_copied == 2


def test_a_layer_that_is_not_there_arrives_whole_with_its_digest_announced(world: World) -> None:
    source = world.source.add(image_with("none"), "app")
    result = world.takes("compressed").copy(source, PRECOMPUTED)
    assert [kind for kind, _ in world.layers(result)] == [TYPES["oci"]["gzip"]] * 2
    assert "unknown" not in world.destination.called("put_blob")
    assert result.blobs_copied == 3


def test_it_becomes_the_same_layer_as_on_the_fly(world: World) -> None:
    source = world.source.add(image_with("gzip"), "app")
    world.takes("compressed")
    options = with_format("zstd")
    other = world.job(source, options, world.destination.reference("other"))
    digest = world.run(other).digest
    assert world.copy(source, replace(options, precompute_digests=True)).digest == digest


def test_another_repository_of_the_run_mounts_it(world: World) -> None:
    world.destination.mounts = "yes"
    job = world.job(world.source.add(image_with("none"), "app"), PRECOMPUTED)
    world.takes("compressed").run(job)
    second = world.run(replace(job, destination=world.destination.reference("elsewhere")))
    assert second.blobs_mounted == 3


def test_a_wrong_layer_is_found_out_before_anything_is_uploaded(world: World) -> None:
    image = with_config(image_with("gzip"), diff_ids=[str(Digest.of(b"other"))] * 2)
    source = world.source.add(image, "app")
    with pytest.raises(DigestMismatch):
        world.takes("compressed").copy(
            source, replace(with_format("zstd", force=True), precompute_digests=True)
        )
    assert "unknown" not in world.destination.called("put_blob")


def test_no_room_for_the_temporary_file_is_told(world: World, tmp_path: Path) -> None:
    job = world.job(world.source.add(image_with("none"), "app"), PRECOMPUTED)
    nowhere = Environment({"TMPDIR": str(tmp_path / "gone")})
    context = replace(job.destination_context, environment=nowhere)
    world.takes("compressed")
    with pytest.raises(StorageFailed, match="creating a temporary file in"):
        world.run(replace(job, destination_context=context))
