"""How much a list is to copy, read from manifests alone."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from regcopy.batch import Estimate, estimate_lines, parse_list
from regcopy.config.environment import Environment
from regcopy.errors import Cancelled, ServerFault
from regcopy.testing.samples import multi_platform_image, write_layout
from tests.fake_registry import Exchange, FakeRegistry
from tests.faults import refuse
from tests.lists import QUICK, family, layout_lines


def estimated(*texts: str, cancelled: threading.Event | None = None) -> list[Estimate]:
    return estimate_lines(
        parse_list(texts),
        access=QUICK,
        jobs=3,
        cancelled=cancelled,
        environment=Environment({}),
    )


def test_an_estimate_is_the_sizes_of_all_blobs(tmp_path: Path) -> None:
    lines = layout_lines(tmp_path, 3)
    found = estimated(*lines.texts)
    for estimate, image in zip(found, lines.images, strict=True):
        assert estimate.blobs == {digest: len(blob) for digest, blob in image.blobs.items()}


def test_only_manifests_are_read(fake: FakeRegistry) -> None:
    for number, image in enumerate(family(3)):
        fake.hold(image, "app", f"{number}")
    found = estimated(*(f"docker://{fake.host}/app:{n} dir:out-{n}" for n in range(3)))
    assert all(estimate.total_bytes > 0 for estimate in found)
    assert fake.asked("GET", "blobs") == []


@pytest.mark.parametrize(("words", "images"), [("all", 4), ("", 1), ("multi-arch=index-only", 0)])
def test_an_index_counts_as_far_as_it_is_copied(tmp_path: Path, words: str, images: int) -> None:
    image = multi_platform_image()
    write_layout(image, tmp_path / "in", "1")
    [found] = estimated(f"oci:{tmp_path}/in:1 dir:out {words}")
    assert len(found.blobs) == images * len(image.blobs) // 4


def test_what_is_not_there_counts_nothing(tmp_path: Path) -> None:
    [found] = estimated(f"oci:{tmp_path}/nothing dir:out")
    assert (found.known, found.total_bytes) == (False, 0)


def test_a_registry_that_cannot_be_asked_is_an_error(fake: FakeRegistry) -> None:
    def broken(exchange: Exchange) -> bool:
        exchange.answer(500)
        return True

    fake.on("GET", "manifests", broken, forever=True)
    with pytest.raises(ServerFault):
        estimated(f"docker://{fake.host}/app:1 dir:out")


def test_each_line_has_a_budget_of_retries_of_its_own(fake: FakeRegistry) -> None:
    for number, image in enumerate(family(4)):
        fake.hold(image, "app", f"{number}")
        fake.on("GET", f"manifests/{number}", refuse(503))
    found = estimate_lines(
        parse_list(f"docker://{fake.host}/app:{n} dir:out-{n}" for n in range(4)),
        access=replace(QUICK, retry=replace(QUICK.retry, budget=1)),
        jobs=1,
        environment=Environment({}),
    )
    assert all(estimate.known for estimate in found)


def test_estimates_can_be_stopped(tmp_path: Path) -> None:
    cancelled = threading.Event()
    cancelled.set()
    with pytest.raises(Cancelled):
        estimated(*layout_lines(tmp_path, 1).texts, cancelled=cancelled)
