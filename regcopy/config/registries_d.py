"""Where the signatures of a registry's images are kept (containers-registries.d(5))."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from regcopy.config.environment import Environment
from regcopy.config.small_file import read_at_most
from regcopy.config.yaml_text import Node, parse_mapping, truth
from regcopy.errors import ConfigurationError
from regcopy.text import printable

SYSTEM_FOLDERS: Final = (
    Path("/etc/containers/registries.d"),
    Path("/usr/share/containers/registries.d"),
)
_MAX_FILE_BYTES: Final = 1024 * 1024
_MAX_FILES: Final = 1000
_SYSTEM_STORAGE: Final = Path("/var/lib/containers/sigstore")


class Section(NamedTuple):
    """What is said about one registry, namespace, repository or image.

    Attributes:
        lookaside: URL that signatures are read from; "" where none is given.
        staging: URL that they are written to, "" for the same.
        uses_attachments: whether sigstore signatures lie in the registry itself; None where
            nothing is said.
    """

    lookaside: str = ""
    staging: str = ""
    uses_attachments: bool | None = None


@dataclass(frozen=True, slots=True)
class RegistriesD:
    """All files of a folder, merged.

    Attributes:
        sections: by scope, such as `example.com/team`.
        default: what `default-docker` says.
        fallback: URL for images that nothing is said about.
    """

    sections: Mapping[str, Section] = field(default_factory=dict)
    default: Section = field(default_factory=Section)
    fallback: str = ""

    def lookaside(self, scopes: Sequence[str], *, write: bool) -> str:
        """Give the URL of the storage for an image; "" where there is none.

        Args:
            scopes: the image's own scope first, then the wider ones.
            write: to write signatures, not to read them.
        """
        for section in self._that_speak_of(scopes):
            url = (section.staging if write else "") or section.lookaside
            if url:
                return url
        return self.fallback

    def uses_attachments(self, scopes: Sequence[str]) -> bool:
        """Tell whether sigstore signatures of an image lie in the registry itself."""
        for section in self._that_speak_of(scopes):
            if section.uses_attachments is not None:
                return section.uses_attachments
        return False

    def _that_speak_of(self, scopes: Sequence[str]) -> Iterator[Section]:
        # containers/image goes on to a wider scope where the narrower one leaves a key out,
        # whatever the manual says.
        yield from (self.sections[scope] for scope in scopes if scope in self.sections)
        yield self.default


def load_registries_d(
    folder: str, environment: Environment, *, system_folders: tuple[Path, ...] = SYSTEM_FOLDERS
) -> RegistriesD:
    """Read all `*.yaml` files of the folder that counts; one that is not there has none.

    Args:
        folder: the one that was named; "" for the user's, or else the system's.
        environment: tells the home folder.
        system_folders: folders for all users, the first one first.

    Raises:
        ConfigurationError: a file cannot be read, is broken, or repeats what another says.
    """
    path = Path(folder) if folder else _default_folder(environment, system_folders)
    fallback = _fallback(environment)
    return _merge(list(_files(path)) if path else [], fallback)


def _default_folder(environment: Environment, system_folders: tuple[Path, ...]) -> Path | None:
    user = environment.containers_folder()
    folders = (user / "registries.d", *system_folders) if user else system_folders
    return next((path for path in folders if os.path.isdir(path)), None)


def _fallback(environment: Environment) -> str:
    """Give the storage that containers/image has built in."""
    if os.geteuid() == 0:
        return _SYSTEM_STORAGE.as_uri()
    home = environment.home
    storage = home / ".local/share/containers/sigstore" if home else None
    return storage.as_uri() if storage and not _is_barred(storage) else ""


def _is_barred(folder: Path) -> bool:
    """Tell whether this user may not enter a folder, or one on the way to it.

    Then it holds nothing of this user's, as with `Environment.containers_folder`.
    """
    try:
        os.stat(os.path.join(folder, "."))
    except PermissionError:
        return True
    except OSError:
        return False  # it may not be there yet
    return False


def _files(folder: Path) -> Iterator[tuple[Path, dict[str, Node]]]:
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(".yaml"))
    except (FileNotFoundError, NotADirectoryError):
        return
    except (OSError, ValueError) as error:
        raise _unreadable(folder, error) from None
    if len(names) > _MAX_FILES:
        raise ConfigurationError(f"{_shown(folder)} has more than {_MAX_FILES} files")
    for name in names:
        path = folder / name
        yield path, parse_mapping(_read(path), what=str(path))


def _read(path: Path) -> str:
    try:
        content = read_at_most(path, _MAX_FILE_BYTES) or b""
        if len(content) > _MAX_FILE_BYTES:
            raise ConfigurationError(f"{_shown(path)} is over {_MAX_FILE_BYTES} bytes")
        return content.decode()
    except OSError as error:
        raise _unreadable(path, error) from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{_shown(path)} is not UTF-8 text") from None


def _merge(files: Sequence[tuple[Path, dict[str, Node]]], fallback: str) -> RegistriesD:
    sections: dict[str, Section] = {}
    default: Section | None = None
    for path, document in files:
        if document.get("default-docker"):
            if default is not None:
                raise _twice(path, "default-docker")
            default = _section(document["default-docker"], path, "default-docker")
        docker = document.get("docker") or {}
        if not isinstance(docker, dict):
            raise _broken(path, "docker", "is no mapping")
        for scope, content in docker.items():
            if scope in sections:
                raise _twice(path, scope)
            sections[scope] = _section(content, path, scope)
    return RegistriesD(sections, default or Section(), fallback)


def _section(node: Node, path: Path, scope: str) -> Section:
    if isinstance(node, str | list):
        raise _broken(path, scope, "is no mapping")
    members = node or {}
    return Section(
        # The names before 2022 were "sigstore" and "sigstore-staging".
        _text(members, path, "lookaside") or _text(members, path, "sigstore"),
        _text(members, path, "lookaside-staging") or _text(members, path, "sigstore-staging"),
        _flag(members, path, "use-sigstore-attachments"),
    )


def _text(members: Mapping[str, Node], path: Path, key: str) -> str:
    value = members.get(key)
    if isinstance(value, dict | list) and value:
        raise _broken(path, key, "is no text")
    return value if isinstance(value, str) else ""


def _flag(members: Mapping[str, Node], path: Path, key: str) -> bool | None:
    text = _text(members, path, key)
    found = truth(text)
    if text and found is None:
        raise _broken(path, key, "is neither true nor false")
    return found


def _broken(path: Path, key: str, problem: str) -> ConfigurationError:
    return ConfigurationError(f'{_shown(path)}: "{printable(key, limit=200)}" {problem}')


def _twice(path: Path, scope: str) -> ConfigurationError:
    return ConfigurationError(
        f'{_shown(path)}: "{printable(scope, limit=200)}" is in another file too',
        hint="each scope belongs into one file of registries.d",
    )


def _unreadable(path: Path, error: OSError | ValueError) -> ConfigurationError:
    why = (error.strerror if isinstance(error, OSError) else "") or "no possible path"
    return ConfigurationError(f"cannot read {_shown(path)}: {why}")


def _shown(path: Path) -> str:
    return printable(str(path), limit=300)
