"""The container image, and registries with TLS and passwords for what runs in it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest

from tests.cluster import PASSWORD, USER, Cluster, Place
from tests.conftest import StartRegistry, unavailable
from tests.containers import BASE, Image, build, load
from tests.engines import Podman
from tests.servers import RegistrySetup, ServerMissing, ServerTls

SIZE: Final = pytest.StashKey[str]()
# A file of `podman save --multi-image-archive`, where the image is not to be built again.
_ARCHIVE: Final = "REGCOPY_CONTAINER_IMAGE"


@pytest.fixture(scope="session")
def engine() -> Iterator[Podman]:
    """Podman with a store where containers start at once."""
    with ExitStack() as stack:
        try:
            made = stack.enter_context(Podman("overlay"))
            made.run("info")
        except ServerMissing as missing:
            unavailable(missing)
        except RuntimeError:  # temporary files lie where overlays cannot
            made = stack.enter_context(Podman())
        yield made


@pytest.fixture(scope="session")
def image(
    engine: Podman, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Image:
    """The image, built once."""
    archive = os.environ.get(_ARCHIVE)
    try:
        if archive:
            made = load(engine, Path(archive))
        else:
            made = build(engine, tmp_path_factory.mktemp("image"))
    except ServerMissing as missing:
        unavailable(missing)
    base, whole = made.size(BASE) / 1e6, made.size() / 1e6
    request.config.stash[SIZE] = f"{whole:.0f} MB, {whole - base:.0f} MB beyond its base"
    return made


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Tell the size of the image after all tests."""
    if SIZE in config.stash:
        terminalreporter.write_line(f"container image: {config.stash[SIZE]}")


@pytest.fixture(scope="session")
def source(start_registry: StartRegistry) -> Place:
    """Where images come from."""
    return Place(start_registry(RegistrySetup(tls=ServerTls(), users={USER: PASSWORD})))


@pytest.fixture(scope="session")
def destination(start_registry: StartRegistry) -> Place:
    """Where they go: another host, with another authority."""
    return Place(start_registry(RegistrySetup(tls=ServerTls(), users={USER: PASSWORD})))


@pytest.fixture
def cluster(image: Image, source: Place, destination: Place, tmp_path: Path) -> Cluster:
    """A cluster with the image, whose steps reach both registries."""
    return Cluster(image, tmp_path, (source, destination))
