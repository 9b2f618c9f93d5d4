"""Servers for all tests: started when first asked for, ended with the run."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NoReturn

import pytest

from regcopy.transports.base import Context
from tests.contexts import make_context
from tests.engines import Podman
from tests.fake_daemon import FakeDaemon
from tests.fake_registry import FakeRegistry
from tests.registry_tools import RegistryTools
from tests.servers import Registry, RegistrySetup, ServerMissing, ServerTls
from tests.token_server import TokenServer

USER, PASSWORD = "robot", "correct horse"

StartRegistry = Callable[[RegistrySetup], Registry]
Keep = Callable[[Context], Context]


def unavailable(reason: object) -> NoReturn:
    """Skip the test; fail it where servers are required."""
    if os.environ.get("REGCOPY_REQUIRE_SERVERS") == "1":
        pytest.fail(f"{reason}, and REGCOPY_REQUIRE_SERVERS=1", pytrace=False)
    pytest.skip(str(reason))


@pytest.fixture(scope="session")
def start_registry() -> Iterator[StartRegistry]:
    """Start a registry that lives until the end of the run."""
    with ExitStack() as stack:

        def start(setup: RegistrySetup) -> Registry:
            try:
                return stack.enter_context(Registry(setup))
            except ServerMissing as missing:
                unavailable(missing)

        yield start


@pytest.fixture(scope="session")
def registry(start_registry: StartRegistry) -> Registry:
    """A real registry, plain HTTP, open to everybody."""
    return start_registry(RegistrySetup())


@pytest.fixture(scope="session")
def second_registry(start_registry: StartRegistry) -> Registry:
    """Another one like `registry`, with relative upload locations."""
    return start_registry(RegistrySetup(relative_locations=True))


@pytest.fixture(scope="session")
def tls_registry(start_registry: StartRegistry) -> Registry:
    """A real registry with HTTPS; `setup.tls` has its authority."""
    return start_registry(RegistrySetup(tls=ServerTls()))


@pytest.fixture(scope="session")
def basic_registry(start_registry: StartRegistry) -> Registry:
    """A real registry that wants USER and PASSWORD for everything."""
    return start_registry(RegistrySetup(users={USER: PASSWORD}))


@pytest.fixture(scope="session")
def token_server() -> Iterator[TokenServer]:
    """The token service of `token_registry`."""
    with TokenServer({USER: PASSWORD}, refresh_tokens={"refresh-me": USER}) as server:
        yield server


@pytest.fixture(scope="session")
def token_registry(start_registry: StartRegistry, token_server: TokenServer) -> Registry:
    """A real registry that wants tokens: USER may do all, others may pull."""
    return start_registry(RegistrySetup(tokens=token_server))


@pytest.fixture
def token_tools(
    token_registry: Registry, token_server: TokenServer, repository: str
) -> RegistryTools:
    """The tests' own way into `repository` of `token_registry`."""
    scope = f"repository:{repository}:pull,push"
    made = token_server.sign_for(USER, scope)
    return RegistryTools(token_registry.url, {"Authorization": f"Bearer {made}"})


@pytest.fixture(scope="session")
def podman() -> Iterator[Podman]:
    """Podman with a store of its own."""
    try:
        engine = Podman()
    except ServerMissing as missing:
        unavailable(missing)
    with engine:
        yield engine


@pytest.fixture(scope="session")
def podman_socket(podman: Podman) -> str:
    """Address of podman's service, as DOCKER_HOST has it."""
    return podman.serve()


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[FakeDaemon]:
    """A Docker daemon in this process, that can be made to misbehave."""
    with FakeDaemon(tmp_path) as running:
        yield running


@pytest.fixture
def keep() -> Iterator[Keep]:
    """Take a context, and close what its users shared at the end of the test."""
    with ExitStack() as stack:

        def take(context: Context) -> Context:
            stack.callback(context.resources.close)
            return context

        yield take


@pytest.fixture
def source_context(keep: Keep) -> Context:
    """For reading anonymously, over plain HTTP."""
    return keep(make_context("source"))


@pytest.fixture
def destination_context(keep: Keep) -> Context:
    """For writing anonymously, over plain HTTP."""
    return keep(make_context("destination"))


@pytest.fixture
def fake() -> Iterator[FakeRegistry]:
    """A registry in this process, whose answers can be replaced by faults."""
    with FakeRegistry() as running:
        yield running


@pytest.fixture
def repository() -> str:
    """Name of a repository that no other test uses."""
    return f"test/{uuid.uuid4().hex[:12]}"


@pytest.fixture
def tools(registry: Registry) -> RegistryTools:
    """The tests' own way into `registry`."""
    return RegistryTools(registry.url)
