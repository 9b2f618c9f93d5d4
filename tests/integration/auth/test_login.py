"""Logging in to real registries, and out again."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from regcopy.testing.samples import single_image, write_layout
from tests.command_line import Ended, run_cli
from tests.conftest import PASSWORD, USER
from tests.credentials import basic
from tests.fake_registry import Exchange, FakeRegistry
from tests.servers import Registry, count
from tests.token_server import TokenServer


class Home:
    """A user who has a folder, and no login."""

    def __init__(self, root: Path) -> None:
        self.variables = {"XDG_RUNTIME_DIR": str(root), "HOME": str(root)}
        self.file = root / "containers" / "auth.json"

    def run(self, *arguments: str) -> Ended:
        return run_cli(*arguments, variables=self.variables)

    def login(self, host: str, *flags: str, user: str = USER, password: str = PASSWORD) -> Ended:
        return self.run(
            "login", "--tls-verify=false", f"-u{user}", f"--password={password}", *flags, host
        )

    def entries(self) -> object:
        return json.loads(self.file.read_text())["auths"] if self.file.exists() else {}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setattr(sys, "stdin", None)
    return Home(tmp_path)


def test_a_registry_takes_the_right_password(home: Home, basic_registry: Registry) -> None:
    ended = home.login(basic_registry.host)
    assert (ended.code, ended.out) == (0, "Login Succeeded!\n")
    assert home.entries() == {basic_registry.host: basic(USER, PASSWORD)}


@pytest.mark.parametrize("user", [USER, "nobody"])
def test_a_registry_refuses_the_wrong_password(
    home: Home, basic_registry: Registry, user: str
) -> None:
    ended = home.login(basic_registry.host, user=user, password="wrong")
    assert (ended.code, ended.out) == (1, "")
    assert ended.fatal == f'logging into "{basic_registry.host}": invalid username/password'
    assert home.entries() == {}


def test_a_login_costs_two_requests(home: Home, basic_registry: Registry) -> None:
    with basic_registry.watch() as seen:
        home.login(basic_registry.host)
    assert [str(request) for request in seen] == ["GET /v2/ 401", "GET /v2/ 200"]


def test_a_token_service_takes_the_right_password(
    home: Home, token_registry: Registry, token_server: TokenServer
) -> None:
    ended = home.login(token_registry.host, f"--token-host={token_server.host}")
    assert (ended.code, ended.out) == (0, "Login Succeeded!\n")
    assert token_server.asked[-1].user == USER
    assert token_server.asked[-1].scopes == ()


def test_a_token_service_refuses_the_wrong_password(
    home: Home, token_registry: Registry, token_server: TokenServer
) -> None:
    flag = f"--token-host={token_server.host}"
    ended = home.login(token_registry.host, flag, password="wrong")
    assert ended.fatal == f'logging into "{token_registry.host}": invalid username/password'
    assert home.entries() == {}


def test_a_token_service_somewhere_else_gets_no_password(
    home: Home, token_registry: Registry, token_server: TokenServer
) -> None:
    before = len(token_server.asked)
    ended = home.login(token_registry.host)
    assert ended.fatal.startswith(f'authenticating creds for "{token_registry.host}": ')
    assert f"--token-host {token_server.host}" in ended.hint
    assert len(token_server.asked) == before


def test_later_commands_use_the_login_until_the_logout(
    home: Home, basic_registry: Registry, repository: str, tmp_path: Path
) -> None:
    write_layout(single_image(), tmp_path / "layout", "one")
    host = basic_registry.host
    copy = ("copy", "--dest-tls-verify=false", "-q", f"oci:{tmp_path}/layout:one")
    assert home.run(*copy, f"docker://{host}/{repository}:1").code == 1
    home.login(f"{host}/{repository}")
    assert home.run(*copy, f"docker://{host}/{repository}:1").code == 0
    assert home.run(*copy, f"docker://{host}/{repository}-2:1").code == 1
    home.run("logout", f"{host}/{repository}")
    inspect = home.run("inspect", "--tls-verify=false", f"docker://{host}/{repository}:1")
    assert inspect.code == 1


def test_a_login_that_is_there_is_tried_again(home: Home, basic_registry: Registry) -> None:
    host = basic_registry.host
    home.login(host)
    ended = home.run("login", "--tls-verify=false", host)
    assert ended.out.endswith(f"Existing credentials are valid. Already logged in to {host}\n")


def test_an_open_registry_takes_any_login(home: Home, registry: Registry) -> None:
    assert home.login(registry.host).out == "Login Succeeded!\n"


def test_without_permission_no_password_goes_over_plain_http(
    home: Home, basic_registry: Registry
) -> None:
    with basic_registry.watch() as seen:
        ended = home.run("login", "-u", USER, "-p", PASSWORD, basic_registry.host)
    assert ended.code == 1
    assert ended.fatal.startswith(f'authenticating creds for "{basic_registry.host}": ')
    assert count(seen) == {}


def test_a_certificate_can_be_named(home: Home, tls_registry: Registry, tmp_path: Path) -> None:
    assert tls_registry.setup.tls is not None
    certs = tls_registry.setup.tls.write_certs_d(tmp_path / "certs")
    ended = home.run("login", f"--cert-dir={certs}", "-u", USER, "-p", PASSWORD, tls_registry.host)
    assert ended.out == "Login Succeeded!\n"


def test_a_fault_that_passes_is_passed(home: Home, fake: FakeRegistry) -> None:
    def fail(exchange: Exchange) -> bool:
        exchange.error(503, "UNAVAILABLE")
        return True

    fake.on("GET", "^/v2/$", fail)
    assert home.login(fake.host).out == "Login Succeeded!\n"
