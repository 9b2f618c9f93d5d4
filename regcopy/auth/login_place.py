"""The file that `login` writes to and `logout` removes from, as containers/common chooses it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from regcopy.auth.auth_file import DOCKER_HUB, DOCKER_HUB_SERVER
from regcopy.auth.login_key import LoginKey
from regcopy.config.environment import Environment
from regcopy.errors import ConfigurationError
from regcopy.text import printable

_RUN_FOLDER: Final = Path("/run/containers")


@dataclass(frozen=True, slots=True)
class LoginPlace:
    """A file for credentials.

    Attributes:
        path: where it is, or will be.
        is_dockers: it is Docker's own `config.json`, which knows no namespaces, and Docker
            Hub by its old address.
    """

    path: Path
    is_dockers: bool = False

    def entry_for(self, key: LoginKey) -> str:
        """Give the name of the entry for a registry.

        Raises:
            ConfigurationError: a namespace, in Docker's file.
        """
        if not self.is_dockers:
            return key.text
        if key.is_namespaced:
            raise ConfigurationError(
                "Credentials cannot be recorded in Docker-compatible format with namespaced key "
                f'"{key}"',
                hint="name the registry alone, or another file with --authfile",
            )
        return DOCKER_HUB_SERVER if key.text == DOCKER_HUB else key.text


def find_login_place(
    environment: Environment,
    *,
    authfile: str = "",
    compat_auth_file: str = "",
    run_folder: Path = _RUN_FOLDER,
) -> LoginPlace:
    """Choose the file.

    Args:
        environment: may name it: `REGISTRY_AUTH_FILE`, `DOCKER_CONFIG`, `XDG_RUNTIME_DIR`.
        authfile: the file itself, from the command line.
        compat_auth_file: the file itself, in the form that Docker reads.
        run_folder: where files by user number are when there is no `XDG_RUNTIME_DIR`.

    Raises:
        ConfigurationError: two files were named, or the folder for it is missing.
    """
    if authfile and compat_auth_file:
        raise ConfigurationError(
            "options for paths to the credential file and to the Docker-compatible credential "
            "file can not be set simultaneously"
        )
    if compat_auth_file:
        return LoginPlace(Path(compat_auth_file), is_dockers=True)
    named = authfile or environment.get("REGISTRY_AUTH_FILE")
    if named:
        return LoginPlace(Path(named))
    docker = environment.get("DOCKER_CONFIG")
    if docker:
        return LoginPlace(Path(docker) / "config.json", is_dockers=True)
    return LoginPlace(_default_folder(environment, run_folder) / "auth.json")


def _default_folder(environment: Environment, run_folder: Path) -> Path:
    runtime = environment.runtime_dir
    if runtime is None:
        return run_folder / str(os.getuid())
    if not os.path.exists(runtime):
        shown = printable(str(runtime), limit=300)
        raise ConfigurationError(
            f'"{shown}" directory set by $XDG_RUNTIME_DIR does not exist. Either create the '
            "directory or unset $XDG_RUNTIME_DIR."
        )
    return runtime / "containers"
