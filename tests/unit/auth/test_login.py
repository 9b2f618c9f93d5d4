"""Where a login is kept: in the file, or with the helper that is named for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from regcopy.auth.chain import FileKeychain
from regcopy.auth.credential import Credential
from regcopy.auth.login import erase_all_logins, erase_login, store_login
from regcopy.auth.login_key import LoginKey
from regcopy.auth.login_place import LoginPlace
from regcopy.config.environment import Environment
from regcopy.errors import ConfigurationError
from tests.credentials import CANARY, HOST, NOT_FOUND, basic, environment, write_helper, write_json

KEY: Final = LoginKey.parse(HOST)
TEAM: Final = LoginKey.parse(f"{HOST}/team")
HUB: Final = LoginKey.parse("docker.io")
LOGIN: Final = Credential("robot", CANARY)
HUB_SERVER: Final = "https://index.docker.io/v1/"

# A helper that keeps each secret in a file named after its server.
SAFE: Final = """
folder="$(dirname "$0")/../safe"; mkdir -p "$folder"; input="$(cat)"
case "$1" in
store) server="$(printf '%s' "$input" | sed 's/.*"ServerURL": "\\([^"]*\\)".*/\\1/')"
  printf '%s' "$input" > "$folder/$(printf '%s' "$server" | tr '/' '_')" ;;
get) file="$folder/$(printf '%s' "$input" | tr '/' '_')"
  [ -f "$file" ] && cat "$file" || { echo 'credentials not found in native keychain'; exit 1; } ;;
erase) file="$folder/$(printf '%s' "$input" | tr '/' '_')"
  rm "$file" 2>/dev/null || { echo 'credentials not found in native keychain'; exit 1; } ;;
esac
"""


class World:
    """An auth file, and a helper `docker-credential-safe`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.place = LoginPlace(root / "auth.json")
        write_helper(root / "bin", "safe", SAFE)
        write_helper(root / "bin", "broken", "exit 3")
        write_helper(root / "bin", "forgetful", f"cat >/dev/null\n{NOT_FOUND}")
        self.environment: Environment = environment(
            PATH=f"{root}/bin:/usr/bin:/bin", CONTAINERS_REGISTRIES_CONF=self.registries_conf()
        )

    def registries_conf(self, text: str = "") -> Path:
        path = self.root / "registries.conf"
        path.write_text(text)
        return path

    def write(self, document: object) -> None:
        write_json(self.place.path, document)

    @property
    def document(self) -> object:
        return json.loads(self.place.path.read_text())

    @property
    def kept(self) -> set[str]:
        """Servers whose secrets the helper keeps."""
        folder = self.root / "safe"
        return (
            {path.name.replace("_", "/") for path in folder.iterdir()} if folder.exists() else set()
        )

    def store(self, key: LoginKey = KEY) -> str:
        return store_login(self.place, key, LOGIN, self.environment)

    def erase(self, key: LoginKey = KEY) -> bool:
        return erase_login(self.place, key, self.environment)

    def found(self, key: LoginKey = KEY) -> Credential | None:
        keychain = FileKeychain(self.environment, str(self.place.path))
        return keychain.find(key.registry, key.repository)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_without_a_helper_the_file_is_the_place(world: World) -> None:
    assert world.store() == str(world.place.path)
    assert world.document == {"auths": {HOST: basic("robot")}}


@pytest.mark.parametrize("key", [KEY, TEAM, HUB])
def test_what_was_stored_is_found_and_what_was_erased_is_not(world: World, key: LoginKey) -> None:
    world.store(key)
    found = world.found(key)
    assert found is not None
    assert found.password == CANARY
    assert world.erase(key)
    assert world.found(key) is None


def test_erasing_what_is_not_there_is_told(world: World) -> None:
    assert not world.erase()
    assert not world.place.path.exists()


def test_a_namespace_is_not_the_registry(world: World) -> None:
    world.store(KEY)
    assert not world.erase(TEAM)
    assert world.found(KEY) is not None


@pytest.mark.parametrize(
    "named", [{"credHelpers": {HOST: "safe"}}, {"credsStore": "safe"}], ids=["one", "all"]
)
def test_a_helper_that_the_file_names_keeps_the_secret(
    world: World, named: dict[str, object]
) -> None:
    world.write(named)
    assert world.store() == "credential helper: safe"
    assert world.document == named
    found = world.found()
    assert found is not None
    assert (found.username, found.password) == ("robot", CANARY)
    assert world.erase()
    assert world.kept == set()


def test_docker_hub_has_its_old_address_for_the_helper_of_all(world: World) -> None:
    world.write({"credsStore": "safe"})
    world.store(HUB)
    assert world.kept == {HUB_SERVER}
    assert world.found(HUB) is not None


def test_erasing_takes_the_entry_of_the_file_too(world: World) -> None:
    world.write({"credHelpers": {HOST: "forgetful"}, "auths": {HOST: basic("old")}})
    assert world.erase()
    assert world.document == {"credHelpers": {HOST: "forgetful"}, "auths": {}}


def test_no_helper_for_a_registry_means_the_file(world: World) -> None:
    world.write({"credHelpers": {HOST: ""}, "credsStore": "safe"})
    assert world.store() == str(world.place.path)
    assert world.kept == set()


def test_a_namespace_goes_into_the_file_since_helpers_know_none(world: World) -> None:
    world.write({"credsStore": "safe"})
    world.store(TEAM)
    assert world.document == {"credsStore": "safe", "auths": {str(TEAM): basic("robot")}}


@pytest.mark.parametrize(
    "named", [{"credHelpers": {HOST: "broken"}}, {"credHelpers": {HOST: 5}}, {"credsStore": "none"}]
)
@pytest.mark.parametrize("act", [World.store, World.erase], ids=["store", "erase"])
def test_a_helper_that_fails_is_an_error_and_nothing_is_written(
    world: World, named: dict[str, object], act: Callable[[World], object]
) -> None:
    world.write(named)
    with pytest.raises(ConfigurationError):
        act(world)
    assert world.document == named


def test_helpers_of_registries_conf_are_asked_in_their_order(world: World) -> None:
    world.registries_conf('credential-helpers = ["broken", "safe", "containers-auth.json"]')
    assert world.store() == "credential helper: safe"
    assert not world.place.path.exists()


def test_a_namespace_passes_over_the_helpers_of_registries_conf(world: World) -> None:
    world.registries_conf('credential-helpers = ["safe", "containers-auth.json"]')
    assert world.store(TEAM) == str(world.place.path)
    assert world.erase(TEAM)


def test_erasing_looks_into_all_helpers_of_registries_conf(world: World) -> None:
    world.registries_conf('credential-helpers = ["safe", "containers-auth.json"]')
    world.store()
    world.write({"auths": {HOST: basic("old")}})
    assert world.erase()
    assert (world.kept, world.document) == (set(), {"auths": {}})


def test_where_no_helper_takes_it_the_first_error_counts(world: World) -> None:
    world.registries_conf('credential-helpers = ["broken", "none"]')
    with pytest.raises(ConfigurationError, match="docker-credential-broken"):
        world.store()


def test_dockers_file_is_changed_whatever_registries_conf_says(world: World) -> None:
    world.registries_conf('credential-helpers = ["safe"]')
    place = LoginPlace(world.root / "config.json", is_dockers=True)
    assert store_login(place, HUB, LOGIN, world.environment) == str(place.path)
    assert json.loads(place.path.read_text()) == {"auths": {HUB_SERVER: basic("robot")}}
    assert erase_login(place, HUB, world.environment)


def test_all_logins_of_a_file_can_be_erased(world: World) -> None:
    world.write({"credHelpers": {HOST: "safe"}, "auths": {"a": basic("a")}, "other": 1})
    world.store()
    erase_all_logins(world.place, world.environment)
    assert world.kept == set()
    assert world.document == {"credHelpers": {HOST: "safe"}, "auths": {}, "other": 1}


def test_of_the_helper_of_all_only_the_logins_of_the_file_are_erased(world: World) -> None:
    world.write({"credsStore": "safe"})
    for key in (KEY, HUB):
        world.store(key)
    world.write({"credsStore": "safe", "auths": {"docker.io": {}}})
    erase_all_logins(world.place, world.environment)
    assert world.kept == {HOST}


def test_erasing_all_of_nothing_makes_no_file(world: World) -> None:
    place = LoginPlace(world.root / "none" / "auth.json")
    erase_all_logins(place, world.environment)
    assert not place.path.parent.exists()
