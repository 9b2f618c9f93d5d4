"""Registries that answer GET well and HEAD badly."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pytest

from regcopy.testing.samples import multi_platform_image
from tests.command_line import run_cli
from tests.fake_registry import FakeRegistry
from tests.faults import refuse

IMAGE: Final = multi_platform_image()
PLAIN: Final = ("--src-tls-verify=false", "--dest-tls-verify=false", "--retry-delay=1ms")


@pytest.fixture(params=[400, 403, 404, 405, 501])
def target(request: pytest.FixtureRequest) -> Iterator[FakeRegistry]:
    """A registry that answers every HEAD with an error."""
    with FakeRegistry() as running:
        running.on("HEAD", "/v2/", refuse(request.param, "UNSUPPORTED"), forever=True)
        yield running


def holds(registry: FakeRegistry) -> bool:
    """Whether the index and all that it needs is there."""
    manifests = [registry.manifests.get(("out", str(one.digest))) for one in IMAGE.manifests]
    blobs = all(("out", digest) in registry.blobs for digest in IMAGE.blobs)
    return manifests == list(IMAGE.manifests) and blobs


@pytest.mark.parametrize("asks_by_mount", [True, False])
def test_an_image_is_copied_and_copied_again(
    fake: FakeRegistry, target: FakeRegistry, asks_by_mount: bool
) -> None:
    fake.hold(IMAGE, "in", "1")
    if not asks_by_mount:
        target.on("POST", "mount=", refuse(405, "UNSUPPORTED"), forever=True)
    names = (f"docker://{fake.host}/in:1", f"docker://{target.host}/out:1")
    for _ in range(2):
        ended = run_cli("copy", "--all", *PLAIN, *names)
        assert ended.code == 0, ended.err
        assert holds(target)


def test_an_image_is_read_without_any_head(target: FakeRegistry, fake: FakeRegistry) -> None:
    target.hold(IMAGE, "in", "1")
    names = (f"docker://{target.host}/in:1", f"docker://{fake.host}/out:1")
    ended = run_cli("copy", "--all", *PLAIN, *names)
    assert ended.code == 0, ended.err
    assert holds(fake)
    assert target.asked("HEAD") == []
