"""What several tests of both programs start from."""

from __future__ import annotations

from pathlib import Path

import pytest

from regcopy.testing.samples import multi_platform_image, single_image
from tests.compat.registries import World
from tests.servers import Registry


@pytest.fixture
def world(
    registry: Registry,
    second_registry: Registry,
    repository: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> World:
    """`app` with the tags 1, 2 and v3, and `many` with an index; the folder is the current one."""
    monkeypatch.chdir(tmp_path)
    world = World(registry, second_registry, repository, tmp_path)
    for tag in ("1", "2", "v3"):
        world.tools.push(single_image(seed=tag), f"{repository}/app", tag)
    world.tools.push(multi_platform_image(), f"{repository}/many", "m")
    return world
