"""No secret is ever shown out of options, auth files and proxies that cannot be used."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.credentials import basic, write_helper, write_json
from tests.fake_registry import FakeRegistry
from tests.guard import Guard
from tests.sandbox import IDENTITY_TOKEN, PASSWORD, REGISTRY_TOKEN, USER, Sandbox


@pytest.fixture
def host() -> Iterator[str]:
    """A registry that wants credentials for everything."""
    with FakeRegistry() as running:
        Guard(running).stand(tokens=False)
        yield running.host


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    return Sandbox(tmp_path)


@pytest.mark.parametrize(
    "document",
    [
        {"auths": {"{host}": {"auth": f"!{PASSWORD}"}}},
        {"auths": {"{host}": {"auth": PASSWORD}}},
        {"auths": {"{host}": PASSWORD}},
        {"auths": {"{host}": {"identitytoken": [IDENTITY_TOKEN]}}},
        {"auths": {"{host}": {"registrytoken": f"{REGISTRY_TOKEN}\n"}}},
        {"auths": [PASSWORD]},
        {"auths": {"{host}": {"username": USER, "password": f"{PASSWORD}\ud800"}}},
        {"credHelpers": {"{host}": "fails"}},
        {"credsStore": "fails"},
    ],
)
@pytest.mark.parametrize("command", ["inspect", "auth explain"])
def test_a_file_that_cannot_be_used(
    command: str, document: object, host: str, sandbox: Sandbox
) -> None:
    script = f"echo {PASSWORD}; echo {PASSWORD} >&2; exit 1"
    helper = write_helper(sandbox.root / "bin", "fails", script)
    text = json.dumps(document).replace("{host}", host)
    path = write_json(sandbox.root / "auth.json", json.loads(text))

    ended = sandbox.run(*command.split(), f"--authfile={path}", f"docker://{host}/team/app")

    assert ended.status == 1
    assert b"auth.json" in ended.shown
    assert sandbox.leaks(ended, [path, helper]) == []


def test_auth_explain_tells_the_entry_and_not_the_secret(sandbox: Sandbox) -> None:
    path = write_json(
        sandbox.root / "auth.json", {"auths": {"registry.test": basic(USER, PASSWORD)}}
    )

    ended = sandbox.run("auth", "explain", f"--authfile={path}", "docker://registry.test/team/app")

    assert b"registry.test" in ended.shown
    assert ended.status == 0
    assert sandbox.leaks(ended, [path]) == []


@pytest.mark.parametrize(
    "options",
    [
        [f"--creds=:{PASSWORD}"],
        [f"--creds={USER}:{PASSWORD}", "--no-creds"],
        [f"--creds={USER}:{PASSWORD}", f"--username={USER}"],
        [f"--cred={USER}:{PASSWORD}"],
        [f"--creds={USER}:{PASSWORD}", "--no-such-flag"],
        [f"--creds={USER}:{PASSWORD}", "--command-timeout=x"],
        [f"--password={PASSWORD}"],
        [f"--registry-token={REGISTRY_TOKEN}\n"],
        ["--creds", f"{USER}:{PASSWORD}", "a name too many"],
    ],
    ids=lambda options: " ".join(options).replace(PASSWORD, "***").replace(REGISTRY_TOKEN, "***"),
)
def test_options_that_make_no_sense(options: list[str], sandbox: Sandbox) -> None:
    ended = sandbox.run("inspect", *options, "docker://127.0.0.1:9/team/app")

    assert ended.status == 1
    assert sandbox.leaks(ended, []) == []


@pytest.mark.parametrize(
    "proxy",
    [
        f"http://{USER}:{PASSWORD}@127.0.0.1:9",
        f"https://{USER}:{PASSWORD}@127.0.0.1:9",
        f"socks5://{USER}:{PASSWORD}@127.0.0.1:9",
        f"http://{USER}:{PASSWORD}@",
        f"http://{USER}:{PASSWORD}@127.0.0.1:port",
    ],
)
def test_the_password_of_a_proxy(proxy: str, sandbox: Sandbox) -> None:
    options = ["--creds", f"{USER}:{PASSWORD}", "--retry-times=1", "--retry-delay=1ms"]
    ended = sandbox.run("inspect", *options, "docker://registry.test/team/app", HTTPS_PROXY=proxy)

    assert ended.status == 1
    assert b"proxy" in ended.shown.lower()
    assert sandbox.leaks(ended, []) == []
