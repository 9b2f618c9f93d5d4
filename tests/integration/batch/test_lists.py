"""Lists between two real registries: shared layers, bad lines, second runs."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Final

import pytest

from tests.command_line import run_cli
from tests.fake_registry import Exchange, FakeRegistry
from tests.lists import family, push_all, run
from tests.registry_tools import RegistryTools
from tests.servers import LoggedRequest, Registry

COUNT: Final = 60
REPOSITORIES: Final = 12
PLAIN: Final = ("--src-tls-verify=false", "--dest-tls-verify=false")


class World:
    """Sixty images in twelve repositories of one registry, and a place for them in another."""

    def __init__(self, source: Registry, destination: Registry, prefix: str) -> None:
        self.images = family(COUNT, bases=3)
        self.source = source
        self.destination = destination
        self.prefix = prefix
        push_all(RegistryTools(source.url), {self.name(n): i for n, i in enumerate(self.images)})

    def name(self, number: int) -> str:
        """Repository and tag of an image."""
        return f"{self.prefix}-{number % REPOSITORIES}:{number}"

    def texts(self, target: str = "copy") -> list[str]:
        """Lines of the list."""
        return [
            f"docker://{self.source.host}/{self.name(n)} "
            f"docker://{self.destination.host}/{target}/{self.name(n)}"
            for n in range(COUNT)
        ]

    def missing(self, target: str = "copy") -> list[int]:
        """Numbers of the images whose manifest is not at the destination."""
        tools = RegistryTools(self.destination.url)
        named = {n: f"{target}/{self.name(n)}".rpartition(":") for n in range(COUNT)}
        found = {n: tools.get_manifest(name, tag) for n, (name, _, tag) in named.items()}
        return [n for n, image in enumerate(self.images) if found[n] != image.top]

    def has_all_bytes(self, number: int, target: str = "copy") -> bool:
        """Tell whether an image is at the destination with every blob."""
        repository, _, tag = f"{target}/{self.name(number)}".rpartition(":")
        return RegistryTools(self.destination.url).holds(self.images[number], repository, tag)


@pytest.fixture
def world(registry: Registry, second_registry: Registry, repository: str) -> World:
    """Sixty images that share three base layers."""
    return World(registry, second_registry, repository)


def counts(requests: list[LoggedRequest]) -> Counter[str]:
    return Counter(request.method for request in requests)


def test_sixty_images_arrive_with_all_their_bytes(world: World) -> None:
    ran = run(world.texts(), jobs=16)
    assert ran.statuses() == ["done"] * COUNT
    assert world.missing() == []
    assert all(world.has_all_bytes(number) for number in range(0, COUNT, 7))


def test_a_bad_line_in_the_middle_is_run_again_once_it_is_mended(
    world: World, tmp_path: Path
) -> None:
    texts = world.texts("mended")
    gone = world.name(30)
    texts[30] = texts[30].replace(f"/{gone} ", f"/{gone}-late ")
    (tmp_path / "list").write_text("\n".join(texts))
    flags = (*PLAIN, "--failures", str(tmp_path / "failed"))
    assert run_cli("batch", *flags, str(tmp_path / "list")).code == 3
    assert world.missing("mended") == [30]
    push_all(RegistryTools(world.source.url), {f"{gone}-late": world.images[30]})
    assert run_cli("batch", *flags, str(tmp_path / "failed")).code == 0
    assert (tmp_path / "failed").read_text() == ""
    assert world.missing("mended") == []


def test_a_second_run_asks_twice_for_each_line_and_moves_nothing(world: World) -> None:
    texts = world.texts("again")
    run(texts)
    with world.source.watch() as read, world.destination.watch() as written:
        ran = run(texts)
    assert ran.report.already_there == COUNT
    assert counts(read) == {"GET": COUNT}
    assert counts(written) == {"HEAD": COUNT}


def test_a_resumed_run_asks_the_destination_once_for_each_line(
    world: World, tmp_path: Path
) -> None:
    (tmp_path / "list").write_text("\n".join(world.texts("resumed")))
    report = str(tmp_path / "report")
    flags = (*PLAIN, "--report", report, "--resume", report, str(tmp_path / "list"))
    assert run_cli("batch", *flags).code == 0
    with world.source.watch() as read, world.destination.watch() as written:
        assert run_cli("batch", *flags).code == 0
    assert read == []
    assert counts(written) == {"HEAD": COUNT}
    entries = [json.loads(line) for line in Path(report).read_text().splitlines()]
    assert Counter(entry["resumed"] for entry in entries) == {False: COUNT, True: COUNT}


def test_promotion_inside_one_registry_moves_no_blob(world: World) -> None:
    host = world.source.host
    texts = [
        f"docker://{host}/{world.name(n)} docker://{host}/promoted/{world.name(n)}"
        for n in range(COUNT)
    ]
    with world.source.watch() as seen:
        ran = run(texts)
    assert ran.statuses() == ["done"] * COUNT
    assert ran.report.bytes_copied == 0
    assert [one for one in seen if one.method == "GET" and "/blobs/" in one.path] == []


def test_a_registry_that_refuses_every_second_request_loses_nothing(
    fake: FakeRegistry, tmp_path: Path
) -> None:
    images = family(6)
    for number, image in enumerate(images):
        fake.hold(image, "in", str(number))

    def every_second(exchange: Exchange) -> bool:
        if len(fake.seen) % 2:
            return False
        for _ in exchange.body():
            pass
        exchange.error(429, "TOOMANYREQUESTS", {"Retry-After": "0"})
        return True

    for method in ("GET", "HEAD", "POST", "PUT"):
        fake.on(method, "/v2/.+", every_second, forever=True)
    ran = run([f"docker://{fake.host}/in:{n} docker://{fake.host}/out:{n}" for n in range(6)])
    assert ran.statuses() == ["done"] * 6
    assert ran.report.repeated_requests > 0
    assert [fake.manifests["out", str(n)] for n in range(6)] == [image.top for image in images]
