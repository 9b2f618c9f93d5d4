"""The engine between two stores in memory: what moves, in which order, and what does not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from regcopy.copying.options import CopyOptions, Instances
from regcopy.errors import (
    Cancelled,
    DigestMismatch,
    ManifestUnsupported,
    NotFound,
    SizeMismatch,
    StorageFailed,
)
from regcopy.events import BlobDone, CopyStarted, ManifestWritten
from regcopy.model.digest import Digest
from regcopy.model.mediatypes import OCI_INDEX, OCI_MANIFEST
from regcopy.model.platform import Platform
from regcopy.testing.samples import (
    FOUR_PLATFORMS,
    SampleImage,
    multi_platform_image,
    single_image,
)
from regcopy.transports.base import Capabilities
from tests.unit.copying.conftest import World

ALL = CopyOptions(instances=Instances("all"))


def platforms(*texts: str, strip: bool = False) -> CopyOptions:
    chosen = tuple(Platform.parse(text) for text in texts)
    return CopyOptions(instances=Instances("platforms", chosen, strip))


def on(text: str) -> CopyOptions:
    return CopyOptions(platform=Platform.parse(text))


def test_a_single_image_arrives_byte_for_byte(world: World) -> None:
    image = single_image()
    result = world.copy(world.source.add(image, "app"))
    assert result.digest == image.digest
    assert world.destination.manifests["copy"][image.digest].content == image.top.content
    assert world.destination.blobs["copy"] == image.blobs


def test_the_result_counts_bytes_and_blobs(world: World) -> None:
    image = single_image(layers=2)
    result = world.copy(world.source.add(image, "app"))
    assert result.blobs_copied == 3
    assert result.bytes_copied == sum(len(blob) for blob in image.blobs.values())
    assert (result.blobs_reused, result.blobs_mounted, result.already_there) == (0, 0, False)


def test_an_index_arrives_with_all_its_images(world: World) -> None:
    image = multi_platform_image()
    result = world.copy(world.source.add(image, "app"), ALL)
    assert result.digest == image.digest
    assert set(world.destination.manifests["copy"]) == {m.digest for m in image.manifests}
    assert [i.platform for i in result.images] == list(FOUR_PLATFORMS)


@pytest.mark.parametrize("platform", FOUR_PLATFORMS, ids=str)
def test_without_all_one_platform_is_copied(world: World, platform: Platform) -> None:
    image = multi_platform_image()
    result = world.copy(world.source.add(image, "app"), on(str(platform)))
    assert result.digest == image.children[FOUR_PLATFORMS.index(platform)].digest
    assert result.source_digest == image.digest
    assert set(world.destination.manifests["copy"]) == {result.digest}


def test_a_platform_that_is_missing_is_named_with_what_there_is(world: World) -> None:
    source = world.source.add(multi_platform_image(), "app")
    with pytest.raises(ManifestUnsupported, match="linux/riscv64") as caught:
        world.copy(source, on("linux/riscv64"))
    assert "linux/s390x" in caught.value.hint
    assert not world.destination.manifests["copy"]


def test_a_list_of_platforms_keeps_the_index_whole(world: World) -> None:
    image = multi_platform_image()
    result = world.copy(world.source.add(image, "app"), platforms("linux/arm64", "linux/s390x"))
    assert result.digest == image.digest
    assert len(world.destination.manifests["copy"]) == 3
    assert len(result.images) == 2


def test_stripping_writes_an_index_of_what_was_copied(world: World) -> None:
    image = multi_platform_image()
    options = platforms("linux/arm64", "linux/s390x", strip=True)
    result = world.copy(world.source.add(image, "app"), options)
    again = world.copy(world.destination.reference("copy"), ALL, world.destination.reference("b"))
    assert result.digest != image.digest
    assert "index" in result.changed
    assert [str(i.platform) for i in again.images] == ["linux/arm64/v8", "linux/s390x"]


def test_index_only_copies_no_image(world: World) -> None:
    image = multi_platform_image()
    options = CopyOptions(instances=Instances("index-only"))
    result = world.copy(world.source.add(image, "app"), options)
    assert result.digest == image.digest
    assert world.destination.blobs["copy"] == {}


def test_a_blob_that_images_share_moves_once(world: World) -> None:
    image = multi_platform_image(shared_layers=2)
    world.copy(world.source.add(image, "app"), ALL)
    moved = world.destination.called("put_blob")
    assert len(moved) == len(set(moved)) == 2 + 4 + 4


def test_blobs_come_before_manifests_and_the_name_is_last(world: World) -> None:
    image = multi_platform_image()
    world.copy(world.source.add(image, "app"), ALL)
    calls = [call for call, _ in world.destination.calls]
    last_blob = max(n for n, call in enumerate(calls) if call == "put_blob")
    manifests = [n for n, call in enumerate(calls) if call == "put_manifest"]
    assert last_blob < min(manifests)
    assert world.destination.called("put_manifest")[-1] == str(image.digest)
    assert calls.index("commit") > max(manifests)


def test_the_same_again_reads_one_manifest_and_asks_once(world: World) -> None:
    source = world.source.add(single_image(), "app")
    world.copy(source)
    world.source.calls.clear()
    world.destination.calls.clear()
    result = world.copy(source)
    assert result.already_there
    assert [call for call, _ in world.source.calls if call != "close"] == [
        "open_source",
        "get_manifest",
    ]
    assert world.destination.called("put_manifest") == []


def test_an_index_is_not_taken_for_whole_when_an_image_of_it_is_missing(world: World) -> None:
    image = multi_platform_image()
    source = world.source.add(image, "app")
    world.copy(source, CopyOptions(instances=Instances("index-only")))
    result = world.copy(source, ALL)
    assert not result.already_there
    assert len(world.destination.manifests["copy"]) == 5


def test_blobs_that_are_there_are_not_read(world: World) -> None:
    image = single_image()
    source = world.source.add(image, "app")
    world.copy(source)
    result = world.copy(source, None, world.destination.reference("copy", "other"))
    assert result.blobs_reused == 4
    assert len(world.source.called("open_blob")) == 4


def test_inside_one_store_blobs_are_mounted_and_no_byte_moves(world: World) -> None:
    world.source.mounts = "yes"
    source = world.source.add(multi_platform_image(), "app")
    result = world.copy(source, ALL, world.source.reference("promoted"))
    assert result.bytes_copied == 0
    assert result.blobs_mounted == 16
    assert world.source.called("open_blob") == []


def test_a_mount_that_is_refused_becomes_a_copy(world: World) -> None:
    world.source.mounts = "refused"
    source = world.source.add(single_image(), "app")
    result = world.copy(source, None, world.source.reference("promoted"))
    assert (result.blobs_mounted, result.blobs_copied) == (0, 4)


def test_additional_tags_get_the_same_digest(world: World) -> None:
    image = single_image()
    world.copy(world.source.add(image, "app"), CopyOptions(additional_tags=("b", "c")))
    assert {tag for _, tag in world.destination.tags} == {"latest", "b", "c"}
    assert set(world.destination.tags.values()) == {image.digest}


def broken(image: SampleImage, change: Callable[[bytes], bytes]) -> SampleImage:
    victim = next(iter(image.blobs))
    return replace(image, blobs={**image.blobs, victim: change(image.blobs[victim])})


CHANGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "one byte short": lambda blob: blob[:-1],
    "one byte more": lambda blob: blob + b"x",
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_blob_of_another_size_fails_and_names_the_source(
    world: World, change: Callable[[bytes], bytes]
) -> None:
    image = broken(single_image(), change)
    with pytest.raises(SizeMismatch) as caught:
        world.copy(world.source.add(image, "app"))
    assert caught.value.side == "source"
    assert world.destination.tags == {}


def test_a_blob_with_other_bytes_fails_and_nothing_gets_the_name(world: World) -> None:
    image = broken(single_image(), lambda blob: bytes(len(blob)))
    with pytest.raises(DigestMismatch, match="source memory:app:latest: reading blob"):
        world.copy(world.source.add(image, "app"))
    assert world.destination.manifests["copy"] == {}
    assert world.destination.tags == {}


def test_a_missing_image_is_not_found_at_the_source(world: World) -> None:
    with pytest.raises(NotFound) as caught:
        world.copy(world.source.reference("nothing"))
    assert caught.value.side == "source"
    assert caught.value.reference == "memory:nothing:latest"


def test_a_failure_of_the_destination_says_so(world: World) -> None:
    def full(call: str, about: str) -> None:
        if call == "put_blob":
            raise StorageFailed(f"no space for {about}")

    world.destination.hook = full
    with pytest.raises(StorageFailed) as caught:
        world.copy(world.source.add(single_image(), "app"))
    assert caught.value.side == "destination"
    assert world.destination.tags == {}


def test_after_a_failure_no_other_blob_is_begun(world: World) -> None:
    def fail(call: str, about: str) -> None:
        if call == "put_blob":
            raise StorageFailed("no space")

    world.destination.hook = fail
    world.destination.capabilities = Capabilities(max_parallel=1)
    with pytest.raises(StorageFailed):
        world.copy(world.source.add(single_image(layers=20), "app"))
    assert len(world.destination.called("put_blob")) == 1


def test_a_cancelled_copy_stops_and_gives_nothing_the_name(world: World) -> None:
    def cancel(call: str, about: str) -> None:
        if call == "put_blob":
            world.cancelled.set()

    world.destination.hook = cancel
    with pytest.raises(Cancelled):
        world.copy(world.source.add(single_image(), "app"))
    assert world.destination.tags == {}


def test_both_sides_are_closed_after_a_failure(world: World) -> None:
    with pytest.raises(NotFound):
        world.copy(world.source.reference("nothing"))
    assert world.source.called("close") == ["MemorySource"]
    assert world.destination.called("close") == ["MemoryDestination"]


def test_events_tell_the_whole_story(world: World) -> None:
    image = single_image(layers=2)
    world.copy(world.source.add(image, "app"))
    events = world.recorder.events
    started = events[0]
    assert isinstance(started, CopyStarted)
    assert (started.images, started.listed, started.is_index, started.blobs) == (1, 1, False, 3)
    assert sum(isinstance(event, BlobDone) for event in events) == 3
    assert events[-1] == ManifestWritten(image.digest, is_top=True)


def test_docker_images_become_oci_where_only_that_is_taken(world: World) -> None:
    world.destination.capabilities = Capabilities(frozenset({OCI_MANIFEST, OCI_INDEX}))
    source = world.source.add(multi_platform_image(family="v2s2"), "app")
    result = world.copy(source, ALL)
    top = world.destination.manifests["copy"][result.digest]
    assert top.media_type == OCI_INDEX
    assert "converted to OCI" in result.changed
    assert len(world.destination.manifests["copy"]) == 5


def test_preserving_digests_refuses_a_conversion_before_anything_moves(world: World) -> None:
    world.destination.capabilities = Capabilities(frozenset({OCI_MANIFEST, OCI_INDEX}))
    source = world.source.add(single_image(family="v2s2"), "app")
    with pytest.raises(ManifestUnsupported, match="digests are to be preserved"):
        world.copy(source, CopyOptions(preserve_digests=True))
    assert world.destination.called("put_blob") == []


def test_plain_layers_are_gzipped_on_the_way_and_the_result_says_so(world: World) -> None:
    world.destination.capabilities = Capabilities(layers="compressed", max_parallel=4)
    image = single_image(plain=True)
    result = world.copy(world.source.add(image, "app"))
    assert result.digest != image.digest
    assert "gzipped" in result.changed
    again = world.copy(world.destination.reference("copy"), None, world.source.reference("back"))
    assert again.digest == result.digest


def test_preserving_digests_keeps_plain_layers_plain(world: World) -> None:
    world.destination.capabilities = Capabilities(layers="compressed")
    image = single_image(plain=True)
    result = world.copy(world.source.add(image, "app"), CopyOptions(preserve_digests=True))
    assert result.digest == image.digest


def test_a_name_with_a_digest_takes_no_other(world: World) -> None:
    world.destination.capabilities = Capabilities(
        layers="compressed", required_digest=Digest.of(b"")
    )
    with pytest.raises(ManifestUnsupported, match="digest"):
        world.copy(world.source.add(single_image(), "app"))
    assert world.destination.called("put_blob") == []


def test_a_dry_run_counts_and_begins_nothing(world: World) -> None:
    image = single_image(layers=2)
    outcome = world.dry_run(world.source.add(image, "app"))
    assert outcome.digest == image.digest
    assert outcome.blobs_to_copy == 3
    assert outcome.bytes_to_copy == sum(len(blob) for blob in image.blobs.values())
    assert world.destination.called("put_blob") == world.destination.called("commit") == []


def test_a_dry_run_of_what_is_there_says_so(world: World) -> None:
    source = world.source.add(single_image(), "app")
    world.copy(source)
    assert world.dry_run(source).already_there


def test_a_dry_run_of_an_index_that_is_there_names_its_images(world: World) -> None:
    source = world.source.add(multi_platform_image(), "app")
    before = world.dry_run(source, ALL)
    world.copy(source, ALL)
    after = world.dry_run(source, ALL)
    assert after.already_there
    assert after.images == before.images


SINGLE = Capabilities(frozenset({OCI_MANIFEST}))


def test_a_place_without_indexes_refuses_one_before_anything_moves(world: World) -> None:
    world.destination.capabilities = SINGLE
    with pytest.raises(ManifestUnsupported, match="single images") as caught:
        world.copy(world.source.add(multi_platform_image(), "app"), ALL)
    assert "--platform" in caught.value.hint
    assert world.destination.called("put_blob") == []


def test_a_place_without_indexes_takes_the_image_for_one_platform(world: World) -> None:
    world.destination.capabilities = SINGLE
    image = multi_platform_image()
    options = platforms("linux/s390x", strip=True)
    assert world.copy(world.source.add(image, "app"), options).digest == image.children[2].digest
