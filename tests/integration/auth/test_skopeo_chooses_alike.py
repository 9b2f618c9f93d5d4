"""skopeo and we choose the same account, out of the same files.

`skopeo login --get-login` prints the user name that it would log in with, without any network.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from pytest_httpserver import HTTPServer

from regcopy.auth.chain import FileKeychain
from regcopy.config.environment import Environment
from regcopy.errors import ConfigurationError
from tests.credentials import (
    ALL_VARIABLES,
    HOST,
    Machine,
    answer,
    basic,
    make_unusable,
    write_helper,
    write_json,
)
from tests.programs import require_program

NOBODY: Final = "(nobody)"
ERROR: Final = "(an error)"

# Hosts and repositories that both programs are asked for, with each file.
ASKED: Final = (
    HOST,
    f"{HOST}/team",
    f"{HOST}/team/app",
    f"{HOST}/teams/app",
    f"{HOST}:5000",
    f"{HOST}:5000/team/app",
    f"www.{HOST}",
    "docker.io",
    "docker.io/team/app",
    "docker.io/library/busybox",
    "index.docker.io",
    "registry-1.docker.io",
    "localhost:5000",
    "127.0.0.1:5000",
    "[2001:db8::1]:5000",
)

DOCKER_HUB_KEY: Final = "https://index.docker.io/v1/"

FILES: Final[Mapping[str, object]] = {
    "nothing": {},
    "no entries": {"auths": {}},
    "a host": {"auths": {HOST: basic("a")}},
    "a host as Tekton writes it": {"auths": {f"https://{HOST}": basic("a")}},
    "a host with a scheme and a slash": {"auths": {f"https://{HOST}/": basic("a")}},
    "a host with http": {"auths": {f"http://{HOST}": basic("a")}},
    "a host as an address of v1": {"auths": {f"https://{HOST}/v1/": basic("a")}},
    "a host as an address of v2": {"auths": {f"https://{HOST}/v2/": basic("a")}},
    "a port": {"auths": {f"{HOST}:5000": basic("a")}},
    "a port with a scheme": {"auths": {f"https://{HOST}:5000": basic("a")}},
    "a port and none": {"auths": {HOST: basic("a"), f"{HOST}:5000": basic("b")}},
    "namespaces": {
        "auths": {
            HOST: basic("a"),
            f"{HOST}/team": basic("b"),
            f"{HOST}/team/app": basic("c"),
            f"{HOST}:5000/team": basic("d"),
        }
    },
    "namespaces, the other way round": {
        "auths": {f"{HOST}/team/app": basic("c"), f"{HOST}/team": basic("b"), HOST: basic("a")}
    },
    "a namespace beside a host with a scheme": {
        "auths": {f"{HOST}/team": basic("b"), f"https://{HOST}": basic("a")}
    },
    "two spellings": {"auths": {f"https://{HOST}/v1/": basic("b"), HOST: basic("a")}},
    "Docker Hub as Docker writes it": {"auths": {DOCKER_HUB_KEY: basic("a")}},
    "Docker Hub as Podman writes it": {"auths": {"docker.io": basic("a")}},
    "Docker Hub by its other names": {"auths": {"registry-1.docker.io": basic("a")}},
    "Docker Hub with a namespace": {
        "auths": {DOCKER_HUB_KEY: basic("a"), "docker.io/team": basic("b")}
    },
    "addresses": {
        "auths": {
            "127.0.0.1:5000": basic("a"),
            "[2001:db8::1]:5000": basic("b"),
            "localhost:5000": basic("c"),
        }
    },
    "names that look alike": {
        "auths": {f"not{HOST}": basic("a"), "com": basic("b"), f"*.{HOST}": basic("c")}
    },
    "an empty entry": {"auths": {HOST: {}}},
    "an empty entry before a full one": {"auths": {f"{HOST}/team": {}, HOST: basic("a")}},
    "a password with colons": {"auths": {HOST: basic("a", "b:c:d")}},
    "a padded password": {"auths": {HOST: basic("a", "b\0\0")}},
    "auth that is no base64": {"auths": {HOST: {"auth": "!!!"}, "docker.io": basic("a")}},
    "auth without a colon": {"auths": {HOST: {"auth": "YWFh"}, "docker.io": basic("a")}},
    "user and password apart": {"auths": {HOST: {"username": "a", "password": "b"}}},
    "an identity token": {"auths": {HOST: basic("a") | {"identitytoken": "token"}}},
    "a helper": {"credHelpers": {HOST: "a"}},
    "a helper before an entry": {"credHelpers": {HOST: "a"}, "auths": {HOST: basic("b")}},
    "a helper that fails": {"credHelpers": {HOST: "fails"}, "auths": {HOST: basic("b")}},
    "a helper that is missing": {"credHelpers": {HOST: "missing"}},
    "a helper without an answer": {
        "credHelpers": {HOST: "knows-nothing"},
        "auths": {HOST: basic("b")},
    },
    "a helper for Docker Hub": {"credHelpers": {"docker.io": "a"}},
    "a helper for all": {"credsStore": "a"},
    "a helper for all beside an entry": {"credsStore": "a", "auths": {HOST: basic("b")}},
    "a scheme and a namespace": {"auths": {f"https://{HOST}/team": basic("a")}},
    "a namespace with a slash": {"auths": {f"{HOST}/team/": basic("a")}},
    "a host with a slash": {"auths": {f"{HOST}/": basic("a")}},
    "text": "{",
    "a list": [],
    "auths that is a list": {"auths": []},
}

TEAM = {f"{HOST}/team", f"{HOST}/team/app"}
OF_HOST = {HOST, f"{HOST}/teams/app"} | TEAM
OF_HUB = {name for name in ASKED if "docker.io" in name}


@dataclass(frozen=True)
class Difference:
    """What we choose for some names where skopeo chooses something else, and why."""

    names: frozenset[str]
    ours: str
    skopeos: str
    why: str


def differs(names: set[str], ours: str, skopeos: str, why: str) -> Difference:
    return Difference(frozenset(names), ours, skopeos, why)


# Every difference that is intended stands here.
INTENDED: Final[Mapping[str, Difference]] = {
    "a scheme and a namespace": differs(
        OF_HOST - TEAM, NOBODY, "a", "one team's password is not for all others"
    ),
    "a namespace with a slash": differs(TEAM, "a", NOBODY, "only one thing can be meant"),
    "a host with a slash": differs(OF_HOST, "a", NOBODY, "only one thing can be meant"),
    "user and password apart": differs(OF_HOST, "a", NOBODY, "Docker reads these fields"),
    "a helper for all": differs(set(ASKED), "a", NOBODY, "Docker asks credsStore"),
    "a helper for all beside an entry": differs(
        set(ASKED) - OF_HOST, "a", NOBODY, "Docker asks credsStore"
    ),
    "a helper without an answer": differs(
        OF_HOST, "b", NOBODY, "the entry in the same file is more than nothing"
    ),
    "an empty entry before a full one": differs(
        TEAM, "a", NOBODY, "an entry without a secret hides nothing"
    ),
    "auth without a colon": differs(
        OF_HOST, ERROR, NOBODY, "an entry that cannot be used is never anonymous access"
    ),
    "a helper for Docker Hub": differs(
        OF_HUB - {"docker.io", "docker.io/team/app", "docker.io/library/busybox"},
        "a",
        NOBODY,
        "these are other names of the same registry",
    ),
}


@pytest.fixture
def skopeo() -> str:
    return require_program("skopeo")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine with the helpers that the files name."""
    write_helper(tmp_path / "bin", "a", answer("a"))
    write_helper(tmp_path / "bin", "fails", "echo no; exit 1")
    nothing = "cat >/dev/null; echo 'credentials not found in native keychain'; exit 1"
    write_helper(tmp_path / "bin", "knows-nothing", nothing)
    return Machine(tmp_path)


def skopeos_choice(skopeo: str, asked: Environment, name: str, *, authfile: str = "") -> str:
    option = ["--authfile", authfile] if authfile else []
    command = [skopeo, "login", "--get-login", *option, name]
    done = subprocess.run(
        command, env=dict(asked.variables), capture_output=True, text=True, timeout=60, check=False
    )
    if done.returncode == 0:
        return done.stdout.strip()
    return NOBODY if "not logged into" in done.stderr else ERROR


def our_choice(keychain: FileKeychain, name: str) -> str:
    registry, _, repository = name.partition("/")
    try:
        found = keychain.find(registry, repository)
    except ConfigurationError:
        return ERROR
    return NOBODY if found is None else found.username


@pytest.mark.parametrize("content", FILES)
def test_the_same_account_out_of_a_file(content: str, machine: Machine, skopeo: str) -> None:
    path = machine.root / "auth.json"
    write_json(path, FILES[content])
    asked = Environment({"PATH": f"{machine.root}/bin:/usr/bin:/bin", "HOME": str(machine.root)})
    keychain = FileKeychain(asked, str(path), run_folder=machine.run_folder)

    ours = {name: our_choice(keychain, name) for name in ASKED}
    wanted = {name: skopeos_choice(skopeo, asked, name, authfile=str(path)) for name in ASKED}

    if content in INTENDED:
        difference = INTENDED[content]
        assert {wanted[name] for name in difference.names} == {difference.skopeos}
        wanted |= dict.fromkeys(difference.names, difference.ours)
    assert ours == wanted


# XDG_RUNTIME_DIR is always set: without it skopeo would read a file of this very machine.
PLACES: Final = (
    "REGISTRY_AUTH_FILE",
    "XDG_RUNTIME_DIR",
    "XDG_CONFIG_HOME",
    "~/.config",
    "DOCKER_CONFIG",
    "~/.docker",
    "~/.dockercfg",
)


@dataclass
class BasicRegistry:
    """A registry that wants a password, never takes one, and remembers who came."""

    server: HTTPServer

    @property
    def host(self) -> str:
        return f"{self.server.host}:{self.server.port}"

    def visitor_with_skopeo(self, skopeo: str, asked: Environment) -> str:
        """Let skopeo inspect an image; give the user name that it sent."""
        self.server.clear()
        challenge = {"WWW-Authenticate": 'Basic realm="test"'}
        self.server.expect_request(re.compile("/v2/.*")).respond_with_data(
            status=401, headers=challenge
        )
        image = f"docker://{self.host}/team/app"
        command = [skopeo, "--insecure-policy", "inspect", "--tls-verify=false", image]
        environment = dict(asked.variables)
        subprocess.run(command, env=environment, capture_output=True, timeout=60, check=False)
        users = [
            request.authorization.username or NOBODY  # skopeo sends an empty name and password
            for request, _ in self.server.log
            if request.authorization is not None
        ]
        return users[-1] if users else NOBODY


@pytest.fixture
def basic_registry(httpserver: HTTPServer) -> BasicRegistry:
    return BasicRegistry(httpserver)


@pytest.mark.parametrize(
    "variables",
    [
        ("HOME", "XDG_RUNTIME_DIR"),
        ("HOME", "XDG_RUNTIME_DIR", "DOCKER_CONFIG"),
        ("HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME"),
        ("HOME", "XDG_RUNTIME_DIR", "REGISTRY_AUTH_FILE"),
        ALL_VARIABLES,
    ],
    ids=" ".join,
)
def test_the_same_file_wins(
    variables: tuple[str, ...], machine: Machine, skopeo: str, basic_registry: BasicRegistry
) -> None:
    machine.log_in(*PLACES, host=basic_registry.host)
    asked = machine.environment(*variables)

    wanted, ours = [], []
    for place in (*PLACES, ""):
        wanted.append(basic_registry.visitor_with_skopeo(skopeo, asked))
        keychain = FileKeychain(asked, run_folder=machine.run_folder)
        ours.append(our_choice(keychain, f"{basic_registry.host}/team/app"))
        if place:
            machine.files[place].unlink()

    if "REGISTRY_AUTH_FILE" in variables:
        # Intended: where the variable's file has no entry, all usual files follow. This skopeo
        # leaves out XDG_RUNTIME_DIR then, and later ones leave out all of them.
        assert ours.pop(1) == "XDG_RUNTIME_DIR"
        wanted.pop(1)
    assert ours == wanted
    assert ours[-1] == NOBODY


@pytest.mark.parametrize("how", ["missing", "malformed", "unreadable"])
@pytest.mark.parametrize("place", ["XDG_RUNTIME_DIR", "~/.config", "~/.docker"])
def test_a_default_file_that_cannot_be_used_never_stops_us(
    place: str, how: str, machine: Machine, skopeo: str
) -> None:
    make_unusable(machine.files[place], how)
    machine.log_in("~/.dockercfg")
    asked = machine.environment("HOME", "XDG_RUNTIME_DIR")

    ours = our_choice(FileKeychain(asked, run_folder=machine.run_folder), HOST)

    assert ours == "~/.dockercfg"
    # Intended: a file that nobody named must not stop a copy. skopeo passes over missing ones.
    skopeos = skopeos_choice(skopeo, asked, HOST)
    assert skopeos == (ours if how == "missing" else ERROR)
