"""Two robots of one registry: each may touch the repositories of its team and no others."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from regcopy.testing.samples import multi_platform_image
from tests.command_line import run_cli
from tests.conftest import unavailable
from tests.registry_tools import RegistryTools
from tests.servers import Registry, RegistrySetup, ServerMissing
from tests.token_server import TokenServer

OWNER, READER, WRITER = "owner", "reader", "writer"
SECRETS: Final = {OWNER: "o", READER: "r", WRITER: "w"}
MAY: Final = {(READER, "one"): {"pull"}, (WRITER, "two"): {"pull", "push"}}
IMAGE: Final = multi_platform_image()


def of_the_team(user: str, name: str, wanted: frozenset[str]) -> frozenset[str]:
    """What a robot may do: the reader pulls from team one, the writer pushes to team two."""
    return wanted if user == OWNER else wanted & MAY.get((user, name.partition("/")[0]), set())


class World:
    """The registry with an image of team one, and the file that has both robots' passwords."""

    def __init__(self, registry: Registry, tokens: TokenServer, folder: Path) -> None:
        self.host = registry.host
        self.tokens = tokens
        self.registry = registry
        scopes = [f"repository:{name}/app:pull,push" for name in ("one", "two")]
        allowed = {"Authorization": f"Bearer {tokens.sign_for(OWNER, *scopes)}"}
        self.tools = RegistryTools(registry.url, allowed)
        self.tools.push(IMAGE, "one/app", "1")
        self.auth_file = folder / "auth.json"
        entries = {f"{self.host}/one": READER, f"{self.host}/two": WRITER}
        auths = {key: {"auth": encoded(name)} for key, name in entries.items()}
        self.auth_file.write_text(json.dumps({"auths": auths}))

    def copy(self, *flags: str) -> tuple[int, str]:
        """Copy the image from team to team."""
        plain = ("--src-tls-verify=false", "--dest-tls-verify=false")
        names = (f"docker://{self.host}/one/app:1", f"docker://{self.host}/two/app:1")
        hosts = ("--token-host", self.tokens.host)
        ended = run_cli("copy", "--all", *plain, *hosts, *flags, *names)
        return ended.code, ended.err


def encoded(name: str) -> str:
    return base64.b64encode(f"{name}:{SECRETS[name]}".encode()).decode()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    try:
        with (
            TokenServer(SECRETS, access=of_the_team) as tokens,
            Registry(RegistrySetup(tokens=tokens)) as running,
        ):
            yield World(running, tokens, tmp_path)
    except ServerMissing as missing:
        unavailable(missing)


def test_each_repository_is_reached_with_its_own_entry_of_the_file(world: World) -> None:
    before = len(world.tokens.asked)
    assert world.copy("--authfile", str(world.auth_file)) == (0, "")
    assert world.tools.holds(IMAGE, "two/app", "1")
    asked = world.tokens.asked[before:]
    assert {each.user for each in asked} == {READER, WRITER}
    assert not [each for each in asked if each.user == READER and "two/app" in str(each.scopes)]


def test_each_side_is_reached_with_its_own_flag(world: World) -> None:
    creds = (f"--src-creds={READER}:r", f"--dest-creds={WRITER}:w")
    assert world.copy(*creds) == (0, "")
    assert world.tools.holds(IMAGE, "two/app", "1")


def test_blobs_that_may_not_be_mounted_are_uploaded(world: World) -> None:
    # The writer may not read what team one has, so that the registry mounts nothing for it.
    with world.registry.watch() as seen:
        world.copy("--authfile", str(world.auth_file))
    put = [one for one in seen if one.method == "PUT" and "/two/app/blobs/" in one.path]
    assert len(put) == len(IMAGE.blobs)
    assert world.tools.holds(IMAGE, "two/app", "1")


def test_one_account_for_both_sides_is_told_which_side_it_cannot_reach(world: World) -> None:
    code, err = world.copy(f"--src-creds={READER}:r", f"--dest-creds={READER}:r")
    assert code == 1
    assert "destination docker://" in err
    assert world.tools.get_manifest("two/app", "1") is None
