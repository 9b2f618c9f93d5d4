"""A repository of many tags, one of which a disk has damaged: all others are copied."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from regcopy.model.digest import Digest
from regcopy.testing.samples import SampleImage
from tests.command_line import run_cli
from tests.conftest import unavailable
from tests.lists import family, push_all, run
from tests.registry_tools import RegistryTools
from tests.servers import Registry, RegistrySetup, ServerMissing

COUNT: Final = 120
DAMAGED: Final = 54
PLAIN: Final = ("--src-tls-verify=false", "--dest-tls-verify=false")


def damage(folder: Path, digest: Digest) -> None:
    """Change a byte of a blob on the registry's disk."""
    path = folder / "docker/registry/v2/blobs/sha256" / digest.hex[:2] / digest.hex / "data"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def own_layer(image: SampleImage) -> Digest:
    """Digest of the layer that no other image has."""
    return list(image.blobs)[-2]


@pytest.fixture(scope="module")
def images() -> list[SampleImage]:
    return family(COUNT, bases=1, layer_bytes=300)


@pytest.fixture(scope="module")
def source(
    images: list[SampleImage], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Registry]:
    folder = tmp_path_factory.mktemp("data")
    try:
        with Registry(RegistrySetup(folder=folder)) as running:
            named = {f"team/app:v{number}": image for number, image in enumerate(images)}
            push_all(RegistryTools(running.url), named)
            damage(folder, own_layer(images[DAMAGED]))
            yield running
    except ServerMissing as missing:
        unavailable(missing)


def missing(registry: Registry, repository: str, images: list[SampleImage]) -> list[int]:
    """Numbers of the images that are not there."""
    tools = RegistryTools(registry.url)
    found = [tools.get_manifest(repository, f"v{number}") for number in range(COUNT)]
    return [n for n, image in enumerate(images) if found[n] != image.top]


def test_a_list_has_all_but_the_damaged_one(
    source: Registry, registry: Registry, repository: str, images: list[SampleImage]
) -> None:
    ran = run(
        [
            f"docker://{source.host}/team/app:v{n} docker://{registry.host}/{repository}:v{n}"
            for n in range(COUNT)
        ],
        jobs=8,
    )
    assert missing(registry, repository, images) == [DAMAGED]
    assert ran.report.done == COUNT - 1
    [failed] = ran.report.failed
    assert failed.line == DAMAGED + 1
    assert failed.failure is not None
    assert failed.failure.message.startswith(f"source docker://{source.host}/team/app:v{DAMAGED}")
    assert str(own_layer(images[DAMAGED])) in failed.failure.message


def test_sync_that_keeps_going_has_all_but_the_damaged_one(
    source: Registry, registry: Registry, repository: str, images: list[SampleImage]
) -> None:
    names = (f"{source.host}/team/app", f"{registry.host}/{repository}")
    ended = run_cli("sync", "--keep-going", "-s", "docker", "-d", "docker", *PLAIN, *names)
    assert ended.code == 1
    assert missing(registry, f"{repository}/app", images) == [DAMAGED]
    errors = [line.message for line in ended.log if line.level == "error"]
    assert f"team/app:v{DAMAGED}" in " ".join(errors)


def test_verify_names_the_damaged_one(source: Registry, images: list[SampleImage]) -> None:
    names = [f"docker://{source.host}/team/app:v{n}" for n in (DAMAGED - 1, DAMAGED)]
    ended = run_cli("verify", "--deep", "--tls-verify=false", *names)
    assert ended.code != 0
    assert str(own_layer(images[DAMAGED])) in ended.out + ended.err
