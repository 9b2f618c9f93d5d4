"""A login writes its password into one file, and shows it nowhere else, whatever goes wrong."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.credentials import write_helper, write_json
from tests.fake_registry import Exchange, FakeRegistry
from tests.guard import Guard
from tests.sandbox import PASSWORD, USER, Ended, Sandbox

AUTH = "xdg_runtime_dir/containers/auth.json"


@pytest.fixture
def guard() -> Iterator[Guard]:
    with FakeRegistry() as running:
        yield Guard(running)


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    return Sandbox(tmp_path)


def login(sandbox: Sandbox, guard: Guard, *more: str) -> Ended:
    ended = sandbox.run(
        "login", "--tls-verify=false", "-v", "-u", USER, "-p", PASSWORD, *more, guard.registry.host
    )
    assert b"Traceback" not in ended.shown
    return ended


def echo(status: int) -> Callable[[Exchange], bool]:
    """Answer with all that came."""

    def fault(exchange: Exchange) -> bool:
        came = exchange.headers.get("authorization", "")
        plain = base64.b64decode(came.removeprefix("Basic ")) if came.startswith("Basic ") else b""
        told = f"{came} {plain.decode()}"
        body = {"errors": [{"code": told, "message": told}], "error": told, "details": told}
        exchange.answer(status, json.dumps(body).encode(), {"X-Echo": told, "Warning": told})
        return True

    return fault


@pytest.mark.parametrize("tokens", [True, False])
def test_a_login_that_is_taken(guard: Guard, sandbox: Sandbox, tokens: bool) -> None:
    guard.stand(tokens=tokens)
    ended = login(sandbox, guard)
    assert ended.status == 0, ended.shown.decode()
    assert PASSWORD in guard.seen
    assert sandbox.leaks(ended, [sandbox.root / AUTH]) == []


@pytest.mark.parametrize("tokens", [True, False])
@pytest.mark.parametrize("path", ["^/v2/", "^/token"])
@pytest.mark.parametrize("status", [400, 401, 403, 404, 418, 302])
def test_a_login_that_is_echoed_and_refused(
    guard: Guard, sandbox: Sandbox, tokens: bool, path: str, status: int
) -> None:
    guard.faults = [("*", path, echo(status))]
    guard.stand(tokens=tokens)
    ended = login(sandbox, guard)
    written = [sandbox.root / AUTH] if ended.status == 0 else []
    assert PASSWORD in guard.seen
    assert sandbox.leaks(ended, written) == []


def test_a_helper_that_fails_and_tells_what_it_was_told(guard: Guard, sandbox: Sandbox) -> None:
    script = '[ "$1" = get ] && { echo "credentials not found in native keychain"; exit 1; }'
    helper = write_helper(sandbox.root / "bin", "leaky", f"{script}\ntee /dev/stderr\nexit 1")
    config = write_json(sandbox.root / AUTH, {"credHelpers": {guard.registry.host: "leaky"}})
    guard.stand(tokens=False)
    ended = login(sandbox, guard)
    assert ended.status == 1
    assert sandbox.leaks(ended, [helper, config]) == []


def test_a_file_that_cannot_be_written(guard: Guard, sandbox: Sandbox) -> None:
    (sandbox.root / "home" / "folder").mkdir()
    guard.stand(tokens=False)
    ended = login(sandbox, guard, f"--compat-auth-file={sandbox.root}/home/folder")
    assert ended.status == 1
    assert sandbox.leaks(ended, []) == []


def test_what_was_logged_in_is_gone_after_the_logout(guard: Guard, sandbox: Sandbox) -> None:
    guard.stand(tokens=False)
    login(sandbox, guard)
    ended = sandbox.run("logout", guard.registry.host)
    assert ended.status == 0
    assert sandbox.leaks(ended, []) == []
