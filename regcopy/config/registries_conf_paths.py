"""Which files the configuration of registries is made of (containers-registries.conf(5))."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from regcopy.config.environment import Environment
from regcopy.config.registries_conf import RegistriesConf, merged
from regcopy.config.registries_conf_file import read_registries_conf
from regcopy.errors import ConfigurationError
from regcopy.text import printable

VARIABLE: Final = "CONTAINERS_REGISTRIES_CONF"
OVERRIDE: Final = "CONTAINERS_REGISTRIES_CONF_OVERRIDE"
SYSTEM_FOLDERS: Final = (Path("/etc/containers"), Path("/usr/share/containers"))
_MAX_DROP_INS: Final = 1000


def load_registries_conf(
    environment: Environment, *, system_folders: tuple[Path, ...] = SYSTEM_FOLDERS
) -> RegistriesConf:
    """Read the file that counts, and the drop-ins.

    `CONTAINERS_REGISTRIES_CONF` names the only file. Otherwise the first file counts that is
    there, the user's before the system's, and after it the drop-ins of all folders in the
    order of their names; of two with one name the user's counts. What is read later counts
    more. `CONTAINERS_REGISTRIES_CONF_OVERRIDE` names a file that is read last.

    Args:
        environment: tells the home folder, and may name files.
        system_folders: folders for all users, the first one first.

    Raises:
        ConfigurationError: a file cannot be read, or makes no sense.
    """
    return merged(_confs(environment, system_folders))


def _confs(environment: Environment, system_folders: tuple[Path, ...]) -> Iterator[RegistriesConf]:
    named = environment.get(VARIABLE)
    if named:
        yield _named(named, VARIABLE)
    else:
        folder = environment.containers_folder()
        user = (folder,) if folder else ()
        yield from _first((*user, *system_folders))
        yield from _all(_drop_ins(user, system_folders))
    override = environment.get(OVERRIDE)
    if override:
        yield _named(override, OVERRIDE)


def _named(path: str, variable: str) -> RegistriesConf:
    try:
        return read_registries_conf(Path(path))
    except FileNotFoundError:
        shown = printable(path, limit=300)
        raise ConfigurationError(
            f"loading registries configuration {shown}: no such file",
            hint=f"it is named by --registries-conf or {variable}",
        ) from None


def _first(folders: tuple[Path, ...]) -> Iterator[RegistriesConf]:
    for folder in folders:
        try:
            yield read_registries_conf(folder / "registries.conf")
        except FileNotFoundError:
            continue
        return


def _all(paths: Iterable[Path]) -> Iterator[RegistriesConf]:
    for path in paths:
        try:
            yield read_registries_conf(path)
        except FileNotFoundError:
            continue  # it was removed in between


def _drop_ins(user: tuple[Path, ...], system: tuple[Path, ...]) -> list[Path]:
    """Give the files in the order in which they are read."""
    # What counts more comes later, and takes the place of what has the same name.
    everybody = [part for folder in reversed(system) for part in _parts(folder)]
    found: dict[str, Path] = {}
    for folder in (*everybody, *(mine / "registries.conf.d" for mine in user)):
        found |= {name: folder / name for name in _names(folder) if (folder / name).is_file()}
    if len(found) > _MAX_DROP_INS:
        raise ConfigurationError(f"there are more than {_MAX_DROP_INS} files in registries.conf.d")
    return [found[name] for name in sorted(found)]


def _parts(folder: Path) -> tuple[Path, ...]:
    """Folders of drop-ins within a folder for all users; the last one counts most."""
    user = os.getuid()
    if user == 0:
        return folder / "registries.conf.d", folder / "registries.rootful.conf.d"
    rootless = folder / "registries.rootless.conf.d"
    return folder / "registries.conf.d", rootless, rootless / str(user)


def _names(folder: Path) -> list[str]:
    try:
        return [name for name in os.listdir(folder) if name.endswith(".conf")]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except (OSError, ValueError) as error:
        why = (error.strerror if isinstance(error, OSError) else "") or "no possible path"
        shown = printable(str(folder), limit=300)
        raise ConfigurationError(f"loading registries configuration {shown}: {why}") from None
