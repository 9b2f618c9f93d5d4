"""Auth files and credential helpers, written for one test."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path

from regcopy.auth.chain import FileKeychain
from regcopy.config.environment import Environment

# Text that must never be shown. It needs no escaping in JSON, in base64 or on a terminal, so
# it cannot hide behind another spelling.
CANARY = "canary5ecretDoNotShow"

# The registry of most tests about credentials.
HOST = "example.com"


def basic(username: str, password: str = CANARY) -> dict[str, str]:
    """Give an entry of an auth file as `docker login` writes it."""
    return {"auth": base64.b64encode(f"{username}:{password}".encode()).decode()}


def write_json(path: Path, document: object) -> Path:
    """Write a JSON file, and the folders it is in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))
    return path


def write_helper(folder: Path, name: str, script: str) -> Path:
    """Write `docker-credential-NAME`, a shell script that is run with `get`."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / f"docker-credential-{name}"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return program


def answer(username: str, secret: str = CANARY) -> str:
    """Give the script of a helper that knows one account for every server."""
    told = json.dumps({"ServerURL": "x", "Username": username, "Secret": secret})
    return f"cat >/dev/null\nprintf '%s' '{told}'"


NOT_FOUND = "echo 'credentials not found in native keychain'\nexit 1"


def environment(**variables: str | Path) -> Environment:
    """Give an environment with these variables, and the PATH of a shell's own tools."""
    told = {name: str(value) for name, value in variables.items()}
    return Environment({"PATH": "/usr/bin:/bin", **told})


def user_found(keychain: FileKeychain, registry: str, repository: str = "") -> str | None:
    """Give the user name that a keychain chooses, or None for anonymous access."""
    credential = keychain.find(registry, repository)
    return None if credential is None else credential.username


class Machine:
    """A machine with all the folders in which an auth file may be."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.run_folder = root / "run" / "containers"
        self.variables = {
            "REGISTRY_AUTH_FILE": root / "registry-auth.json",
            "XDG_RUNTIME_DIR": root / "xdg-runtime",
            "XDG_CONFIG_HOME": root / "xdg-config",
            "DOCKER_CONFIG": root / "docker",
            "HOME": root / "home",
        }
        self.files = {
            "--authfile": root / "named.json",
            "REGISTRY_AUTH_FILE": root / "registry-auth.json",
            "XDG_RUNTIME_DIR": root / "xdg-runtime/containers/auth.json",
            "/run/containers": self.run_folder / str(os.getuid()) / "auth.json",
            "XDG_CONFIG_HOME": root / "xdg-config/containers/auth.json",
            "~/.config": root / "home/.config/containers/auth.json",
            "DOCKER_CONFIG": root / "docker/config.json",
            "~/.docker": root / "home/.docker/config.json",
            "~/.dockercfg": root / "home/.dockercfg",
        }

    def log_in(self, *places: str, host: str = HOST) -> None:
        """Write an account named after the place into the file of each place."""
        for place in places:
            entry = {host: basic(place)}
            write_json(self.files[place], entry if place == "~/.dockercfg" else {"auths": entry})

    def environment(self, *names: str) -> Environment:
        return environment(**{name: self.variables[name] for name in names})

    def keychain(self, *names: str, authfile: str = "") -> FileKeychain:
        return FileKeychain(self.environment(*names), authfile, run_folder=self.run_folder)


ALL_VARIABLES = (
    "REGISTRY_AUTH_FILE",
    "XDG_RUNTIME_DIR",
    "XDG_CONFIG_HOME",
    "DOCKER_CONFIG",
    "HOME",
)


def make_unusable(path: Path, how: str) -> None:
    """Put something else, or nothing, where an auth file should be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if how == "malformed":
        path.write_text(f'{{"auths": {CANARY}')
    elif how == "unreadable":  # also for root, whom no permission stops
        path.mkdir()
    elif how == "a link to itself":
        path.symlink_to(path)
    elif how == "behind a file":
        path.parent.rmdir()
        path.parent.write_text("")
