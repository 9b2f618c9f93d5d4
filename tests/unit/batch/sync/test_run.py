"""Copying what was found: at once, until something fails."""

from __future__ import annotations

import threading

import pytest

from regcopy.batch import LineEnded, LineStarted
from regcopy.batch.sync import SyncRequest, sync_images
from regcopy.config.environment import Environment
from regcopy.testing.samples import single_image
from tests.fake_registry import Exchange
from tests.faults import refuse
from tests.unit.batch.sync.conftest import World


def run(
    world: World, request: SyncRequest, *, keep_going: bool = False
) -> tuple[list[int], dict[int, str]]:
    """Sync; give what was begun, and how each image ended."""
    begun: list[int] = []
    ended: dict[int, str] = {}
    plan = world.plan(request)
    for event in sync_images(plan, request, keep_going=keep_going, environment=Environment()):
        if isinstance(event, LineStarted):
            begun.append(event.line.number)
        if isinstance(event, LineEnded):
            ended[event.line.number] = event.report.status
    return begun, ended


def test_all_images_are_copied(world: World) -> None:
    world.hold("1", "2", "3")
    assert run(world, world.request()) == ([1, 2, 3], dict.fromkeys((1, 2, 3), "done"))
    for tag in "123":
        assert world.destination.manifests["x/app", tag] == single_image(seed=tag).top


def test_what_is_there_costs_one_head_at_the_destination(world: World) -> None:
    world.hold("1", "2")
    run(world, world.request())
    world.destination.seen.clear()
    run(world, world.request())
    assert sorted((each.method, each.path) for each in world.destination.seen) == [
        ("HEAD", "/v2/x/app/manifests/1"),
        ("HEAD", "/v2/x/app/manifests/2"),
    ]


@pytest.mark.parametrize(("keep_going", "begun"), [(False, [1, 2]), (True, [1, 2, 3])])
def test_after_a_failure_nothing_is_begun_unless_it_is_to_go_on(
    world: World, keep_going: bool, begun: list[int]
) -> None:
    world.hold("1", "2", "3")
    request = world.request(jobs=1)
    world.source.on("GET", "manifests/2$", refuse(404))
    found, ended = run(world, request, keep_going=keep_going)
    assert found == begun
    assert ended == {number: "failed" if number == 2 else "done" for number in begun}


def test_what_was_begun_before_a_failure_is_finished(world: World) -> None:
    world.hold("1", "2", "3", "4")
    failed = threading.Event()

    def wait(_: Exchange) -> bool:
        failed.wait(20)
        return False

    def fail(exchange: Exchange) -> bool:
        exchange.error(404, "MANIFEST_UNKNOWN")
        failed.set()
        return True

    world.source.on("GET", "manifests/1$", wait)
    world.source.on("GET", "manifests/2$", fail)
    begun, ended = run(world, world.request(jobs=2))
    assert (ended[1], ended[2]) == ("done", "failed")
    assert set(begun) == set(ended)
