"""Where a store is: `[driver@graphroot+runroot:options]`, storage.conf, or the usual folders.

The rules are those of containers-storage.conf(5) and of containers/image, storage_transport.
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from regcopy.errors import ConfigurationError, InvalidReference
from regcopy.text import printable

if TYPE_CHECKING:
    from regcopy.config.environment import Environment

_SYSTEM_FILES: Final = ("/etc/containers/storage.conf", "/usr/share/containers/storage.conf")
_SYSTEM_STORE: Final = "/var/lib/containers/storage"
_MAX_FILE_BYTES: Final = 1024 * 1024
DRIVERS: Final = ("overlay", "vfs")
"""Storage drivers whose layers are plain folders, which are read where they lie."""


@dataclass(frozen=True, slots=True)
class StoreSpec:
    """Which store is meant; what is "" is looked up.

    Attributes:
        driver: storage driver, such as `overlay`.
        graph_root: absolute folder of the store.
        run_root: absolute folder of its state.
        options: of the driver, such as `overlay.mount_program=/usr/bin/fuse-overlayfs`.

    Raises:
        InvalidReference: a folder is not absolute.
    """

    driver: str = ""
    graph_root: str = ""
    run_root: str = ""
    options: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for path in (self.graph_root, self.run_root):
            if path and (not path.startswith("/") or "\0" in path):
                shown = printable(path, limit=300)
                raise InvalidReference(f"path name is not absolute: {shown}")

    def __str__(self) -> str:
        if self == StoreSpec():
            return ""
        driver = f"{self.driver}@" if self.driver else ""
        run_root = f"+{self.run_root}" if self.run_root else ""
        options = f":{','.join(self.options)}" if self.options else ""
        return f"[{driver}{self.graph_root}{run_root}{options}]"


def split_spec(text: str) -> tuple[StoreSpec, str]:
    """Take the store off a reference.

    Returns:
        the store, and what follows it.

    Raises:
        InvalidReference: the brackets hold no store.
    """
    if not text.startswith("["):
        return StoreSpec(), text
    inside, bracket, rest = text[1:].partition("]")
    shown = printable(text, limit=300)
    if not bracket:
        raise InvalidReference(f"store specifier in {shown} did not end: invalid reference")
    driver, at, place = inside.partition("@") if "@" in inside else ("", "", inside)
    if not place or (at and not driver):
        raise InvalidReference(f"store specifier in {shown} is incomplete: invalid reference")
    place, colon, options = place.partition(":")
    graph_root, _, run_root = place.partition("+")
    return StoreSpec(driver, graph_root, run_root, tuple(options.split(",")) if colon else ()), rest


@dataclass(frozen=True, slots=True)
class StoreFolders:
    """A store that was looked up.

    Attributes:
        driver: storage driver.
        roots: folders with images and layers: that of the store, then additional ones, which
            are only read.
    """

    driver: str
    roots: tuple[str, ...]


def find_folders(spec: StoreSpec, environment: Environment) -> StoreFolders:
    """Look a store up.

    Raises:
        ConfigurationError: storage.conf cannot be used, or the driver is none of `DRIVERS`.
    """
    storage = _StorageConf.read(environment)
    root = spec.graph_root or storage.graph_root
    driver = spec.driver or environment.get("STORAGE_DRIVER") or storage.driver
    driver = "overlay" if driver == "overlay2" else driver
    if not driver:
        driver = next((one for one in DRIVERS if os.path.isdir(f"{root}/{one}-images")), DRIVERS[0])
    if driver not in DRIVERS:
        raise ConfigurationError(
            f"stores with the driver {printable(driver, limit=50)} cannot be read here",
            hint="export the image: podman save --format oci-archive -o image.tar NAME, and "
            "read oci-archive:image.tar",
        )
    # Another store than the configured one has other additional ones.
    is_configured = root == storage.graph_root
    return StoreFolders(driver, (root, *(storage.additional if is_configured else ())))


@dataclass(frozen=True, slots=True)
class _StorageConf:
    """What storage.conf says."""

    graph_root: str
    driver: str
    additional: tuple[str, ...]

    @classmethod
    def read(cls, environment: Environment) -> _StorageConf:
        is_rootless = os.geteuid() != 0 or bool(environment.get("_CONTAINERS_ROOTLESS_UID"))
        path = _config_path(environment, is_rootless=is_rootless)
        section = _section(path) if path else {}
        root = _text(section, "graphroot")
        if is_rootless:
            is_own = path not in _SYSTEM_FILES
            root = _expanded(_text(section, "rootless_storage_path"), environment) or (
                root if is_own else ""
            )
        options = section.get("options")
        stores = options.get("additionalimagestores") if isinstance(options, dict) else None
        additional = [one for one in stores if isinstance(one, str)] if stores else []
        separate = _text(section, "imagestore")
        return cls(
            root or _default_root(environment, is_rootless=is_rootless),
            _text(section, "driver"),
            tuple(filter(None, (separate, *additional))),
        )


def _config_path(environment: Environment, *, is_rootless: bool) -> str:
    named = environment.get("CONTAINERS_STORAGE_CONF")
    if named:
        return named
    own = (
        environment.config_home / "containers" / "storage.conf" if environment.config_home else None
    )
    candidates = [str(own)] if own is not None and is_rootless else []
    return next((path for path in (*candidates, *_SYSTEM_FILES) if os.path.exists(path)), "")


def _section(path: str) -> dict[str, object]:
    try:
        with Path(path).open("rb") as file:
            content = file.read(_MAX_FILE_BYTES + 1)
        if len(content) > _MAX_FILE_BYTES:
            raise ConfigurationError(f"{path} has more than {_MAX_FILE_BYTES} bytes")
        found: object = tomllib.loads(content.decode()).get("storage", {})
    except (OSError, ValueError, RecursionError) as error:
        why = error.strerror if isinstance(error, OSError) else printable(str(error), limit=200)
        raise ConfigurationError(f"cannot read {path}: {why}") from None
    if not isinstance(found, dict):
        raise ConfigurationError(f"{path}: storage is no table")
    return found


def _text(section: dict[str, object], key: str) -> str:
    value = section.get(key)
    return value if isinstance(value, str) else ""


def _expanded(path: str, environment: Environment) -> str:
    for name in ("HOME", "USER"):
        path = path.replace(f"${name}", environment.get(name))
    return path.replace("$UID", str(os.getuid()))


def _default_root(environment: Environment, *, is_rootless: bool) -> str:
    if not is_rootless:
        return _SYSTEM_STORE
    data = environment.get("XDG_DATA_HOME")
    home = environment.home
    if not data.startswith("/"):
        data = str(home / ".local" / "share") if home else "/nonexistent"
    return f"{data}/containers/storage"
