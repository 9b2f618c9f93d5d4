"""`login` and `logout`, with a registry that is asked in name only."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from regcopy import api
from regcopy.api import Access
from regcopy.errors import Answer, ConnectionFailed, RegcopyError, Unauthorized
from tests.command_line import Ended, run_cli
from tests.credentials import HOST, basic, write_json

REFUSED: Final = Unauthorized("unauthorized", answer=Answer("GET", f"{HOST}/v2/", 401))
FILE: Final = "run/containers/auth.json"


class World:
    """A user's folders, and a registry that takes `robot` with the password `right`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "run").mkdir()
        self.variables = {"XDG_RUNTIME_DIR": str(root / "run"), "HOME": str(root)}
        self.error: RegcopyError | None = None
        self.asked: list[tuple[str, str | None, bool | None]] = []

    def check_credentials(self, registry: str, *, access: Access, **_: object) -> None:
        """Stand for `api.check_credentials`."""
        credential = access.credential
        username = credential.username if credential else None
        self.asked.append((registry, username, access.options.tls_verify))
        if self.error is not None:
            raise self.error
        if credential is None or (credential.username, credential.password) != ("robot", "right"):
            raise Unauthorized(REFUSED.message, answer=REFUSED.answer)

    def run(self, *arguments: str, **variables: str) -> Ended:
        return run_cli(*arguments, variables={**self.variables, **variables})

    def login(self, *arguments: str) -> Ended:
        return self.run("login", "-u", "robot", "-p", "right", *arguments)

    def auths(self, path: str = FILE) -> Mapping[str, object]:
        file = self.root / path
        found: object = json.loads(file.read_text())["auths"] if file.exists() else {}
        assert isinstance(found, dict)
        return found


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    made = World(tmp_path)
    monkeypatch.setattr(api, "check_credentials", made.check_credentials)
    monkeypatch.setattr(sys, "stdin", None)
    return made


def type_in(monkeypatch: pytest.MonkeyPatch, typed: bytes) -> None:
    """Have this on standard input, which is no terminal."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(typed)))


def test_a_login_that_the_registry_takes_is_kept(world: World) -> None:
    ended = world.login(HOST)
    assert (ended.code, ended.out, ended.err) == (0, "Login Succeeded!\n", "")
    assert world.auths() == {HOST: basic("robot", "right")}
    assert world.asked == [(HOST, "robot", None)]


def test_a_login_that_the_registry_refuses_is_not_kept(world: World) -> None:
    ended = world.run("login", "-u", "robot", "-p", "wrong", HOST)
    assert (ended.code, ended.out) == (1, "")
    assert ended.fatal == f'logging into "{HOST}": invalid username/password'
    assert world.auths() == {}


def test_a_registry_that_cannot_be_asked_gets_no_login(world: World) -> None:
    world.error = ConnectionFailed("connection refused")
    ended = world.login(HOST)
    assert (ended.code, ended.fatal) == (
        1,
        f'authenticating creds for "{HOST}": connection refused',
    )
    assert world.auths() == {}


def test_credentials_that_must_not_be_sent_are_not_called_wrong(world: World) -> None:
    world.error = Unauthorized("wants its credentials sent to x")
    assert world.login(HOST).fatal.startswith(f'authenticating creds for "{HOST}": wants its')


@pytest.mark.parametrize("flags", [("--tls-verify=false",), ("--cert-dir=/c", "--tls-verify=0")])
def test_the_flags_of_the_registry_are_passed_on(world: World, flags: tuple[str, ...]) -> None:
    world.login(*flags, HOST)
    assert world.asked == [(HOST, "robot", False)]


def test_a_namespace_has_an_entry_of_its_own_and_the_registry_is_asked(world: World) -> None:
    world.login(f"{HOST}/team")
    assert list(world.auths()) == [f"{HOST}/team"]
    assert world.asked[0][0] == HOST


def test_verbose_tells_where_the_login_was_put(world: World) -> None:
    ended = world.login("-v", HOST)
    assert ended.out == f"Used:  {world.root}/{FILE}\nLogin Succeeded!\n"


@pytest.mark.parametrize("flag", ["--authfile", "--compat-auth-file"])
def test_the_file_can_be_named(world: World, flag: str) -> None:
    assert world.login(f"{flag}={world.root}/new/file.json", HOST).code == 0
    assert list(world.auths("new/file.json")) == [HOST]
    assert world.auths() == {}


def test_dockers_file_has_docker_hub_under_its_old_address(world: World) -> None:
    world.login(f"--compat-auth-file={world.root}/config.json", "docker.io")
    assert list(world.auths("config.json")) == ["https://index.docker.io/v1/"]


@pytest.mark.parametrize(
    ("typed", "password"),
    [(b"right\n", "right"), (b"right", "right"), (b"ri\r\nght\r\n", "right")],
)
def test_the_password_can_come_from_standard_input(
    world: World, monkeypatch: pytest.MonkeyPatch, typed: bytes, password: str
) -> None:
    type_in(monkeypatch, typed)
    ended = world.run("login", "-u", "robot", "--password-stdin", HOST)
    assert ended.out == "Login Succeeded!\n"
    assert world.auths() == {HOST: basic("robot", password)}


def test_a_password_from_standard_input_has_a_longest_length(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    type_in(monkeypatch, b"x" * 100_000)
    ended = world.run("login", "-u", "robot", "--password-stdin", HOST)
    assert (ended.code, ended.fatal) == (1, "the password has more than 65536 bytes")


def test_the_user_name_is_asked_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    type_in(monkeypatch, b" robot \n")
    ended = world.run("login", "-p", "right", HOST)
    assert ended.out == "Username: Login Succeeded!\n"
    assert world.auths() == {HOST: basic("robot", "right")}


def test_no_answer_means_the_user_who_is_known(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_json(world.root / FILE, {"auths": {HOST: basic("robot", "old")}})
    type_in(monkeypatch, b"\n")
    ended = world.run("login", "-p", "right", HOST)
    assert ended.out == "Username (robot): Login Succeeded!\n"


@pytest.mark.parametrize(
    ("arguments", "out", "message"),
    [
        ((HOST,), "Username: ", "getting username and password: reading username: EOF"),
        (
            ("-u", "robot", HOST),
            "Password: ",
            "getting username and password: reading password: inappropriate ioctl for device",
        ),
    ],
)
def test_without_anybody_to_ask_there_is_no_login(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    out: str,
    message: str,
) -> None:
    type_in(monkeypatch, b"")
    ended = world.run("login", *arguments)
    assert (ended.code, ended.out, ended.fatal) == (1, out, message)


def test_a_login_that_is_there_is_tried_first(world: World) -> None:
    write_json(world.root / FILE, {"auths": {HOST: basic("robot", "right")}})
    ended = world.run("login", f"{HOST}/team")
    assert ended.code == 0
    assert ended.out.splitlines() == [
        f"Authenticating with existing credentials for {HOST}/team",
        f"Existing credentials are valid. Already logged in to {HOST}",
    ]


def test_a_login_that_is_there_and_no_longer_taken_is_asked_for_anew(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_json(world.root / FILE, {"auths": {HOST: basic("robot", "old")}})
    type_in(monkeypatch, b"\n")
    ended = world.run("login", HOST)
    assert ended.out.splitlines()[1:] == [
        "Existing credentials are invalid, please enter valid username and password",
        "Username (robot): Password: ",
    ]


def test_an_identity_token_is_not_written_over(world: World) -> None:
    write_json(world.root / FILE, {"auths": {HOST: {"identitytoken": "t"}}})
    ended = world.login(HOST)
    assert ended.fatal == "currently logged in, auth file contains an Identity token"


@pytest.mark.parametrize("name", [HOST, f"{HOST}/team/app"])
def test_get_login_tells_who_is_logged_in(world: World, name: str) -> None:
    write_json(world.root / FILE, {"auths": {HOST: basic("robot")}})
    ended = world.run("login", "--get-login", name)
    assert (ended.code, ended.out, world.asked) == (0, "robot\n", [])


def test_get_login_fails_where_nobody_is_logged_in(world: World) -> None:
    ended = world.run("login", "--get-login", HOST)
    assert (ended.code, ended.out, ended.fatal) == (1, "", f"not logged into {HOST}")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("login",), "please provide a registry to login to"),
        (("login", "a", "b"), "login accepts only one registry to login to"),
        (("login", "a b"), '"a b" names no registry'),
        (("login", f"{HOST}/a:1"), f'reference "{HOST}/a:1" contains tag or digest'),
        (
            ("login", "-p", "x", "--password-stdin", HOST),
            "Can't specify both --password-stdin and --password",
        ),
        (("login", "--password-stdin", HOST), "Must provide --username with --password-stdin"),
        (
            ("login", "--authfile=a", "--compat-auth-file=b", HOST),
            (
                "options for paths to the credential file and to the Docker-compatible "
                "credential file can not be set simultaneously"
            ),
        ),
        (
            ("login", "-u", "a", "-p", "b", "--compat-auth-file=b", f"{HOST}/team"),
            (
                "Credentials cannot be recorded in Docker-compatible format with namespaced key "
                f'"{HOST}/team"'
            ),
        ),
        (("logout",), "please provide a registry to logout from"),
        (("logout", "a", "b"), "logout accepts only one registry to logout from"),
        (("logout", "--all", "a"), "--all takes no arguments"),
        (
            ("logout", "--authfile=/none", HOST),
            "checking authfile: stat /none: no such file or directory",
        ),
        (("logout", HOST), f"not logged into {HOST}"),
        (("logout", "-v", HOST), "unknown shorthand flag: 'v' in -v"),
    ],
)
def test_what_makes_no_sense_is_refused(
    world: World,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    ended = world.run(*arguments)
    assert (ended.code, ended.out, ended.fatal) == (1, "", message)


def test_a_logout_takes_the_entry_away(world: World) -> None:
    world.login(HOST)
    world.login("other.example")
    ended = world.run("logout", f"https://{HOST}/v2/")
    assert (ended.code, ended.out) == (0, f"Removed login credentials for {HOST}\n")
    assert list(world.auths()) == ["other.example"]


def test_a_logout_of_all_takes_all_entries_away(world: World) -> None:
    world.login(HOST)
    ended = world.run("logout", "--all")
    assert (ended.code, ended.out) == (0, "Removed login credentials for all registries\n")
    assert world.auths() == {}


def test_a_login_of_another_program_is_told_and_left(world: World) -> None:
    docker = write_json(
        world.root / ".docker/config.json", {"auths": {HOST: basic("robot", "right")}}
    )
    before = docker.read_text()
    ended = world.run("logout", HOST)
    assert ended.code == 0
    assert ended.out == (
        f"Not logged into {HOST} with current tool. Existing credentials were established via "
        "docker login. Please use docker logout instead.\n"
    )
    assert docker.read_text() == before


def test_a_login_of_another_program_that_is_no_longer_taken_is_none(world: World) -> None:
    write_json(world.root / ".docker/config.json", {"auths": {HOST: basic("robot", "old")}})
    assert world.run("logout", HOST).fatal == f"not logged into {HOST}"


def test_no_secret_is_shown_even_where_all_goes_wrong(world: World) -> None:
    (world.root / "run/containers").write_text("no folder")
    ended = world.run("--debug", "login", "-u", "robot", "-p", "right", HOST)
    assert ended.code == 1
    assert "right" not in ended.out + ended.err
