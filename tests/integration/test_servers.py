"""The tests' own servers do what other tests rely on."""

from __future__ import annotations

import base64
import time

from regcopy.testing.samples import multi_platform_image, single_image
from tests.conftest import PASSWORD, USER
from tests.registry_tools import RegistryTools, ask
from tests.servers import Registry
from tests.token_server import TokenServer


def test_what_is_pushed_is_read_back(tools: RegistryTools, repository: str) -> None:
    image = multi_platform_image()
    assert not tools.holds(image, repository, "1")
    tools.push(image, repository, "1")
    assert tools.holds(image, repository, "1")
    assert tools.tags(repository) == ["1"]


def test_requests_are_counted_from_the_access_log(registry: Registry, repository: str) -> None:
    with registry.watch() as seen:
        ask("GET", f"{registry.url}/v2/{repository}/tags/list?n=5")
    assert [(r.method, r.path, r.query, r.status) for r in seen] == [
        ("GET", f"/v2/{repository}/tags/list", "n=5", 404)
    ]


def test_the_tls_registry_is_trusted_through_its_authority(
    tls_registry: Registry, repository: str
) -> None:
    assert tls_registry.setup.tls is not None
    tools = RegistryTools(tls_registry.url, tls=tls_registry.setup.tls.client_context())
    tools.push(single_image(), repository, "1")
    assert tools.holds(single_image(), repository, "1")


def test_the_basic_registry_lets_nobody_in_without_a_password(basic_registry: Registry) -> None:
    secret = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    assert ask("GET", f"{basic_registry.url}/v2/").status == 401
    named = ask("GET", f"{basic_registry.url}/v2/", headers={"Authorization": f"Basic {secret}"})
    assert named.status == 200


def test_the_token_registry_takes_a_token_until_it_is_over(
    token_registry: Registry, token_server: TokenServer
) -> None:
    def status(end: float) -> int:
        made = token_server.sign_for(USER, "repository:x/y:pull", end=end)
        header = {"Authorization": f"Bearer {made}"}
        return ask("GET", f"{token_registry.url}/v2/x/y/tags/list", headers=header).status

    assert status(time.time() + 60) == 404
    assert status(time.time() - 1) == 401
