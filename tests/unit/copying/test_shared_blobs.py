"""Copies of one run that want the same blobs at the same time."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from regcopy.copying.engine import copy_image
from regcopy.copying.places import CopyJob
from regcopy.copying.result import CopyResult
from regcopy.copying.tally import Tally
from regcopy.errors import NotFound, Refused, StorageFailed
from regcopy.events import Silent
from regcopy.testing.samples import FOUR_PLATFORMS, image_of_layers, make_layer
from tests.contexts import make_context
from tests.unit.copying.conftest import World

BASE = [make_layer(f"base {n}", 50_000) for n in range(3)]


@pytest.fixture
def jobs(world: World) -> list[CopyJob]:
    """Six images on one base, to six repositories of one store, in one run."""
    source, destination = make_context("source"), make_context("destination")
    world.destination.mounts = "yes"
    found: list[CopyJob] = []
    for n in range(6):
        image = image_of_layers([*BASE, make_layer(f"own {n}", 1000)], platform=FOUR_PLATFORMS[0])
        job = world.job(
            world.source.add(image, f"app{n}"), None, world.destination.reference(f"copy{n}")
        )
        found.append(replace(job, source_context=source, destination_context=destination))
    return found


def run_all(jobs: list[CopyJob]) -> list[CopyResult | None]:
    results: list[CopyResult | None] = [None] * len(jobs)

    def run(n: int) -> None:
        results[n] = copy_image(jobs[n], Tally(Silent()))

    threads = [threading.Thread(target=run, args=(n,)) for n in range(len(jobs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results


def test_a_layer_that_images_share_is_read_once_and_mounted_elsewhere(
    world: World, jobs: list[CopyJob]
) -> None:
    results = run_all(jobs)
    assert all(results)
    # Three layers of the base once; a layer and a config of each image.
    assert len(world.source.called("open_blob")) == 3 + 2 * 6
    assert sum(result.blobs_mounted for result in results if result) == 3 * 5


def test_every_repository_has_all_its_blobs(world: World, jobs: list[CopyJob]) -> None:
    run_all(jobs)
    for n in range(6):
        assert set(world.source.blobs[f"app{n}"]) == set(world.destination.blobs[f"copy{n}"])


def test_in_one_repository_nobody_asks_again(world: World, jobs: list[CopyJob]) -> None:
    same = [
        replace(job, destination=world.destination.reference("one", f"tag{n}"))
        for n, job in enumerate(jobs)
    ]
    run_all(same)
    assert len(world.destination.called("put_blob")) == 3 + 2 * 6
    assert len(world.destination.called("find_blob")) == 3 + 2 * 6


def test_when_the_one_that_brings_a_blob_fails_the_next_one_brings_it(
    world: World, jobs: list[CopyJob]
) -> None:
    failed = threading.Event()

    def fail_once(call: str, about: str) -> None:
        if call == "put_blob" and not failed.is_set():
            failed.set()
            raise StorageFailed("full for a moment")

    world.destination.hook = fail_once
    with pytest.raises(StorageFailed):
        copy_image(jobs[0], Tally(Silent()))
    assert all(run_all(jobs[1:]))


def test_blobs_that_were_removed_since_an_earlier_copy_are_brought_again(
    world: World, jobs: list[CopyJob]
) -> None:
    copy_image(jobs[0], Tally(Silent()))
    blobs, before = world.destination.blobs["copy0"], dict(world.destination.blobs["copy0"])
    blobs.clear()
    world.destination.tags.clear()

    def look(call: str, about: str) -> None:
        if call == "put_manifest" and blobs != before:
            raise NotFound("blob unknown")

    world.destination.hook = look
    result = copy_image(jobs[0], Tally(Silent()))

    assert blobs == before
    assert result.blobs_copied == len(before)


def test_a_manifest_that_is_refused_for_another_reason_is_written_once(
    world: World, jobs: list[CopyJob]
) -> None:
    def refuse(call: str, about: str) -> None:
        if call == "put_manifest":
            raise Refused("no such names here")

    world.destination.hook = refuse
    with pytest.raises(Refused):
        copy_image(jobs[0], Tally(Silent()))
    assert len(world.destination.called("put_manifest")) == 1
