"""No secret is ever shown: whatever the command, where the secret is from, and what goes wrong."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import pytest

from regcopy.testing.samples import single_image
from tests.credentials import basic, write_helper, write_json
from tests.fake_registry import Exchange, FakeRegistry, Fault
from tests.guard import FORM, Guard
from tests.sandbox import (
    ANSWERED_TOKEN,
    IDENTITY_TOKEN,
    PASSWORD,
    REGISTRY_TOKEN,
    SIGNATURE,
    USER,
    Ended,
    Sandbox,
)

REPOSITORY = "team/app"


@pytest.fixture
def guard() -> Iterator[Guard]:
    with FakeRegistry() as running:
        running.hold(single_image(), REPOSITORY)
        yield Guard(running)


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    return Sandbox(tmp_path)


@dataclass(frozen=True)
class Call:
    """A command whose places are told by its name: `{host}` is the registry."""

    command: str
    names: tuple[str, ...]
    sides: tuple[str, ...] = ("",)

    def arguments(self, host: str, options: Sequence[tuple[str, str]]) -> list[str]:
        flags = [
            f"--{side}{name}={value}"
            for side in self.sides
            for name, value in (*options, ("tls-verify", "false"))
        ]
        names = [name.format(host=host) for name in self.names]
        return [*self.command.split(), *flags, "--retry-times=1", "--retry-delay=1ms", *names]


IMAGE = f"docker://{{host}}/{REPOSITORY}"
CALLS = {
    "inspect": Call("inspect", (IMAGE,)),
    "list-tags": Call("list-tags", (IMAGE,)),
    "delete": Call("delete", (IMAGE,)),
    "copy to a folder": Call("copy", (IMAGE, "dir:copy"), ("src-",)),
    "copy to a layout": Call("copy --all", (IMAGE, "oci:copy:1"), ("src-",)),
    "copy to a registry": Call("copy", (IMAGE, f"{IMAGE}-2:1"), ("src-", "dest-")),
    "dry run": Call("copy --dry-run", (IMAGE, f"{IMAGE}-2:1"), ("src-", "dest-")),
}


@dataclass
class Login:
    """Where the credential comes from: options of the side, variables and planted files."""

    options: list[tuple[str, str]] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)
    planted: list[Path] = field(default_factory=list)


def by_creds(_: Sandbox, __: str) -> Login:
    return Login([("creds", f"{USER}:{PASSWORD}")])


def by_password(_: Sandbox, __: str) -> Login:
    return Login([("username", USER), ("password", PASSWORD)])


def by_registry_token(_: Sandbox, __: str) -> Login:
    return Login([("registry-token", REGISTRY_TOKEN)])


def by_authfile(entry: object) -> Callable[[Sandbox, str], Login]:
    def login(sandbox: Sandbox, host: str) -> Login:
        path = write_json(sandbox.root / "auth.json", {"auths": {host: entry}})
        return Login([("authfile", str(path))], planted=[path])

    return login


def by_variable(sandbox: Sandbox, host: str) -> Login:
    document = {"auths": {f"https://{host}": basic(USER, PASSWORD)}}
    path = write_json(sandbox.root / "auth.json", document)
    return Login(variables={"REGISTRY_AUTH_FILE": str(path)}, planted=[path])


def by_helper(sandbox: Sandbox, host: str) -> Login:
    told = json.dumps({"Username": USER, "Secret": PASSWORD})
    script = f"echo 'the password is {PASSWORD}' >&2\necho '{told}'"
    helper = write_helper(sandbox.root / "bin", "test", script)
    home = Path(sandbox.variables["HOME"])
    config = write_json(home / ".docker/config.json", {"credHelpers": {host: "test"}})
    return Login(planted=[helper, config])


LOGINS = {
    "--creds": (by_creds, PASSWORD),
    "--username and --password": (by_password, PASSWORD),
    "--registry-token": (by_registry_token, REGISTRY_TOKEN),
    "--authfile": (by_authfile(basic(USER, PASSWORD)), PASSWORD),
    "an identity token": (by_authfile({"identitytoken": IDENTITY_TOKEN}), IDENTITY_TOKEN),
    "a registry token": (by_authfile({"registrytoken": REGISTRY_TOKEN}), REGISTRY_TOKEN),
    "REGISTRY_AUTH_FILE": (by_variable, PASSWORD),
    "a helper": (by_helper, PASSWORD),
}


def run(call: Call, login: Login, sandbox: Sandbox, host: str) -> Ended:
    """Run a command, and make sure that nothing secret is to be seen afterwards."""
    ended = sandbox.run(*call.arguments(host, login.options), **login.variables)
    assert sandbox.leaks(ended, login.planted) == []
    assert b"Traceback" not in ended.shown
    return ended


@pytest.mark.parametrize(
    ("call", "login"),
    [(call, login) for call in ("inspect", "copy to a registry") for login in LOGINS]
    + [(call, "--creds") for call in CALLS if call not in {"inspect", "copy to a registry"}],
)
def test_a_command_that_succeeds(call: str, login: str, guard: Guard, sandbox: Sandbox) -> None:
    guard.stand(tokens=True)
    log_in, secret = LOGINS[login]
    host = guard.registry.host

    ended = run(CALLS[call], log_in(sandbox, host), sandbox, host)

    assert ended.status == 0, ended.shown.decode()
    assert secret in guard.seen
    assert secret == REGISTRY_TOKEN or ANSWERED_TOKEN in guard.seen


@pytest.mark.parametrize("call", CALLS)
def test_a_password_that_goes_with_each_request(call: str, guard: Guard, sandbox: Sandbox) -> None:
    guard.stand(tokens=False)

    ended = run(CALLS[call], by_creds(sandbox, ""), sandbox, guard.registry.host)

    assert ended.status == 0, ended.shown.decode()
    assert PASSWORD in guard.seen


def echo(status: int) -> Fault:
    """Answer with all that came, in every place where an answer has room."""

    def fault(exchange: Exchange) -> bool:
        came = exchange.headers.get("authorization", "")
        plain = base64.b64decode(came.removeprefix("Basic ")) if came.startswith("Basic ") else b""
        told = f"{came} {plain.decode()} {exchange.headers.get(FORM, '')}"
        error = {"code": told, "message": told, "detail": {told: told}}
        body = {"errors": [error], "error": told, "error_description": told, "details": told}
        quoted = quote(told)
        headers = {
            "X-Echo": told,
            "Warning": f'299 - "{told}"',
            "WWW-Authenticate": f'Bearer realm="http://127.0.0.1:9/x?x={quoted}",x="{told}"',
            "Docker-Content-Digest": told,
            "Content-Type": f"application/json; x={told}",
            "Location": f"http://127.0.0.1:9/x?x={quoted}",
            "Link": f'</v2/x?x={quoted}>; rel="next"',
            "Retry-After": told,
        }
        exchange.answer(status, json.dumps(body).encode(), headers)
        return True

    return fault


def reason_phrase(exchange: Exchange) -> bool:
    """Answer with what came, where the words of a status stand."""
    came = exchange.headers.get("authorization", "")
    exchange.raw(f"HTTP/1.1 418 {came}\r\nContent-Length: 0\r\n\r\n".encode())
    return True


def not_http(exchange: Exchange) -> bool:
    """Answer with what came, and nothing else."""
    exchange.raw(f"{exchange.headers.get('authorization', '')}\r\n\r\n".encode())
    return True


def token_answer(body: object) -> Fault:
    def fault(exchange: Exchange) -> bool:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        exchange.answer(200, content)
        return True

    return fault


def to_signed_address(exchange: Exchange) -> bool:
    address = f"http://{exchange.registry.host}/signed?signature={SIGNATURE}"
    exchange.answer(307, b"", {"Location": address})
    return True


def upload_to_signed_address(exchange: Exchange) -> bool:
    address = f"http://{exchange.registry.host}/signed?signature={SIGNATURE}"
    exchange.answer(202, b"", {"Location": address})
    return True


def reset(exchange: Exchange) -> bool:
    exchange.reset()
    return True


FAULTS: dict[str, list[tuple[str, str, Fault]]] = {
    "the registry echoes 401": [("*", "^/v2/.+", echo(401))],
    "the registry echoes 403": [("*", "^/v2/.+", echo(403))],
    "the registry echoes 404": [("*", "^/v2/.+", echo(404))],
    "the registry echoes 418": [("*", "^/v2/.+", echo(418))],
    "the registry echoes 500": [("*", "^/v2/.+", echo(500))],
    "the token service echoes 401": [("*", "^/token", echo(401))],
    "the token service echoes 400": [("*", "^/token", echo(400))],
    "the token service echoes 503": [("*", "^/token", echo(503))],
    "the token service hangs up": [("*", "^/token", reset)],
    "a token that is no JSON": [("*", "^/token", token_answer(ANSWERED_TOKEN.encode()))],
    "a token that is no text": [("*", "^/token", token_answer({"token": [ANSWERED_TOKEN]}))],
    "a token in a list": [("*", "^/token", token_answer([ANSWERED_TOKEN]))],
    "a token under another name": [("*", "^/token", token_answer({"tok": ANSWERED_TOKEN}))],
    "a token with a line break": [
        ("*", "^/token", token_answer({"token": f"{ANSWERED_TOKEN}\r\nX-Header: 1"}))
    ],
    "a token with half a character": [
        ("*", "^/token", token_answer({"token": f"{ANSWERED_TOKEN}\ud800"}))
    ],
    "a lifetime that is no number": [
        ("*", "^/token", token_answer({"token": ANSWERED_TOKEN, "expires_in": ANSWERED_TOKEN}))
    ],
    "the registry echoes 200": [("*", "^/v2/.+", echo(200))],
    "the registry echoes 202": [("*", "^/v2/.+", echo(202))],
    "the registry echoes 307": [("*", "^/v2/.+", echo(307))],
    "the token service echoes 200": [("*", "^/token", echo(200))],
    "the token service echoes 307": [("*", "^/token", echo(307))],
    "the words of a status": [("*", "^/v2/.+", reason_phrase)],
    "the words of the token service's status": [("*", "^/token", reason_phrase)],
    "the registry speaks no HTTP": [("*", "^/v2/.+", not_http)],
    "the token service speaks no HTTP": [("*", "^/token", not_http)],
    "every connection breaks": [("*", "^/v2/.+", reset)],
    "a signed address that leads nowhere": [
        ("GET", "^/v2/.+/(manifests|blobs|tags)/", to_signed_address),
        ("HEAD", "^/v2/.+/(manifests|blobs)/", to_signed_address),
        ("POST", "^/v2/.+/blobs/uploads/", upload_to_signed_address),
        ("DELETE", "^/v2/", to_signed_address),
    ],
    "a signed address that breaks": [
        ("GET", "^/v2/.+/(manifests|blobs|tags)/", to_signed_address),
        ("POST", "^/v2/.+/blobs/uploads/", upload_to_signed_address),
        ("*", "^/signed", reset),
    ],
    "a signed address that leads to itself": [
        ("GET", "^/v2/.+/(manifests|blobs|tags)/", to_signed_address),
        ("*", "^/signed", to_signed_address),
    ],
}


ALL_FAULTS = [(call, fault) for call in ("inspect", "copy to a registry") for fault in FAULTS]
OF_REGISTRY = [
    (call, fault)
    for call in CALLS
    for fault in (
        "the registry echoes 401",
        "the registry echoes 200",
        "a signed address that breaks",
    )
]


@pytest.mark.parametrize(
    ("call", "fault", "tokens"),
    [(*one, True) for one in ALL_FAULTS] + [(*one, False) for one in OF_REGISTRY],
)
def test_a_command_that_meets_a_fault(
    call: str, fault: str, tokens: bool, guard: Guard, sandbox: Sandbox
) -> None:
    guard.faults = FAULTS[fault]
    guard.stand(tokens=tokens)

    ended = run(CALLS[call], by_creds(sandbox, ""), sandbox, guard.registry.host)

    assert PASSWORD in guard.seen
    assert ended.shown


def to_signed_path(exchange: Exchange) -> bool:
    exchange.answer(307, b"", {"Location": f"http://127.0.0.1:9/{SIGNATURE}/blob"})
    return True


def test_an_address_that_is_signed_in_its_path(guard: Guard, sandbox: Sandbox) -> None:
    guard.faults = [("GET", "^/v2/.+", to_signed_path)]
    guard.stand(tokens=False)

    run(CALLS["inspect"], by_creds(sandbox, ""), sandbox, guard.registry.host)


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if "token service" in fault])
def test_an_identity_token_that_meets_a_fault(fault: str, guard: Guard, sandbox: Sandbox) -> None:
    guard.faults = FAULTS[fault]
    guard.stand(tokens=True)
    log_in, _ = LOGINS["an identity token"]
    host = guard.registry.host

    ended = run(CALLS["inspect"], log_in(sandbox, host), sandbox, host)

    assert IDENTITY_TOKEN in guard.seen
    assert ended.status == 1


def test_the_sweep_itself_finds_what_is_to_be_found(sandbox: Sandbox) -> None:
    hidden = sandbox.work / "log"
    hidden.write_bytes(b"Basic " + basic(USER, PASSWORD)["auth"].encode())

    assert sandbox.leaks(Ended(0, f"x{SIGNATURE}x".encode()), []) == [
        f"{SIGNATURE} in the output",
        f"{PASSWORD} in the file work/log",
    ]
    assert sandbox.leaks(Ended(0, b""), [hidden]) == []
