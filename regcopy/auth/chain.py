"""Look for a credential in all the files where one may be, and tell how it was found."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, Literal, NamedTuple

from regcopy.auth.auth_file import (
    DOCKER_HUB,
    DOCKER_HUB_SERVER,
    AuthFile,
    read_auth_file,
    scope_of,
)
from regcopy.auth.credential import Credential
from regcopy.auth.helpers import TIMEOUT_SECONDS, ask_helper
from regcopy.auth.keychain import FixedKeychain, Keychain
from regcopy.config.environment import Environment
from regcopy.config.registries_conf import AUTH_FILES
from regcopy.config.registries_kept import KeptRegistries
from regcopy.errors import ConfigurationError
from regcopy.text import printable

State = Literal["missing", "unreadable", "malformed", "no entry", "failed", "used"]
Kind = Literal["anonymous", "password", "identity token", "registry token", "error"]

# Where `podman login` writes for user N without XDG_RUNTIME_DIR: /run/containers/N/auth.json
# (containers-auth.json(5)).
_RUN_FOLDER: Final = Path("/run/containers")


class Lookup(NamedTuple):
    """A file that was looked at; nothing in it is secret.

    Attributes:
        path: the file.
        state: what it had to say. "failed" is an entry or helper that cannot be used.
        entry: key in the file, or name of the helper, that gave the credential or failed.
        notes: what else was seen on the way, such as an entry without a secret, or why the
            file cannot be read.
    """

    path: str
    state: State
    entry: str = ""
    notes: tuple[str, ...] = ()


class Explanation(NamedTuple):
    """How a credential was looked for; nothing in it is secret.

    Attributes:
        lookups: the files, in the order in which they were looked at.
        kind: what was found.
        origin: file and entry that it came from; "" for anonymous access.
        problem: why a copy would stop here, where `kind` is "error".
    """

    lookups: tuple[Lookup, ...]
    kind: Kind
    origin: str = ""
    problem: str = ""


class _Place(NamedTuple):
    """A file to look at, and how much it matters."""

    path: Path
    legacy: bool = False
    must_exist: bool = False
    must_parse: bool = False


class _Step(NamedTuple):
    lookup: Lookup
    credential: Credential | None = None
    error: ConfigurationError | None = None


class _Unusable(NamedTuple):
    """A file that could not be read or parsed."""

    state: Literal["missing", "unreadable", "malformed"]
    error: ConfigurationError


class _Attempt(NamedTuple):
    """One entry or helper of a file; `credential` is None where it had none."""

    entry: str
    credential: Credential | None = None
    error: ConfigurationError | None = None


class FileKeychain:
    """Finds credentials in auth files; the files are read once and kept.

    Where registries.conf has `credential-helpers`, they are asked in that order, and the auth
    files have their place among them (containers-registries.conf(5)).

    Safe for use by several threads.

    Args:
        environment: tells where the files are, and is given to credential helpers.
        authfile: the only file to look at; "" for all the usual ones.
        registries: registries.conf, where others read it too.
        run_folder: where files by user number are when there is no `XDG_RUNTIME_DIR`.
        helper_timeout_seconds: a credential helper is killed after this time.
        cancelled: a credential helper is killed once this is set.
    """

    def __init__(
        self,
        environment: Environment,
        authfile: str = "",
        *,
        registries: KeptRegistries | None = None,
        run_folder: Path = _RUN_FOLDER,
        helper_timeout_seconds: float = TIMEOUT_SECONDS,
        cancelled: threading.Event | None = None,
    ) -> None:
        self._environment = environment
        self._places = tuple(_places(environment, authfile, run_folder))
        self._registries = registries or KeptRegistries(environment)
        self._helper_timeout = helper_timeout_seconds
        self._cancelled = cancelled
        self._files: dict[Path, AuthFile | _Unusable] = {}
        self._lock = threading.Lock()

    def find(self, registry: str, repository: str, /) -> Credential | None:
        """Give the best match for `registry/repository`, or None for anonymous access.

        Raises:
            ConfigurationError: the file that was named, an entry that matches, or a
                credential helper cannot be used.
            Cancelled: the run was cancelled while a helper was asked.
        """
        for step in self._steps(registry, repository):
            if step.error is not None:
                # Made anew for each caller: an error is changed on its way up, and the
                # same one may be waiting for another thread.
                raise ConfigurationError(step.error.message, hint=step.error.hint)
            if step.credential is not None:
                return step.credential
        return None

    def explain(self, registry: str, repository: str, /) -> Explanation:
        """Look for a credential as `find` does, and tell about each step.

        Does not raise: what `find` would raise is the `problem` of the explanation.
        """
        lookups: list[Lookup] = []
        for step in self._steps(registry, repository):
            lookups.append(step.lookup)
            if step.error is not None:
                return Explanation(tuple(lookups), "error", problem=str(step.error))
            if step.credential is not None:
                found = step.credential
                return Explanation(tuple(lookups), _kind(found), printable(found.origin))
        return Explanation(tuple(lookups), "anonymous")

    def _steps(self, registry: str, repository: str) -> Iterator[_Step]:
        try:
            helpers = self._registries.get().credential_helpers
        except ConfigurationError as error:
            yield _Step(Lookup("registries.conf", "failed", "credential-helpers"), error=error)
            return
        for helper in helpers:
            if helper == AUTH_FILES:
                yield from self._search_files(registry, repository)
            else:
                yield self._ask_everywhere(helper, registry)

    def _search_files(self, registry: str, repository: str) -> Iterator[_Step]:
        for place in self._places:
            file = self._load(place)
            if isinstance(file, AuthFile):
                yield self._search(file, registry, repository)
                continue
            fatal = place.must_exist or (place.must_parse and file.state != "missing")
            why = () if file.state == "missing" else (file.error.message,)
            lookup = Lookup(_shown(place.path), file.state, notes=why)
            yield _Step(lookup, error=file.error if fatal else None)

    def _ask_everywhere(self, helper: str, registry: str) -> _Step:
        """Ask a helper that registries.conf names for all registries."""
        servers = _servers(registry, first=DOCKER_HUB_SERVER)
        attempt = self._ask("credential-helpers in registries.conf", helper, servers)
        state: State = "no entry"
        if attempt.error is not None or attempt.credential is not None:
            state = "failed" if attempt.error is not None else "used"
        lookup = Lookup("credential-helpers in registries.conf", state, printable(attempt.entry))
        return _Step(lookup, attempt.credential, attempt.error)

    def _load(self, place: _Place) -> AuthFile | _Unusable:
        with self._lock:
            if place.path not in self._files:
                self._files[place.path] = _read(place)
            return self._files[place.path]

    def _search(self, file: AuthFile, registry: str, repository: str) -> _Step:
        """Take the first credential of a file, or the first thing in it that is broken."""
        notes: list[str] = []
        path = _shown(file.path)
        for attempt in self._attempts(file, registry, repository):
            entry = printable(attempt.entry)
            if attempt.error is not None:
                return _Step(Lookup(path, "failed", entry, tuple(notes)), error=attempt.error)
            if attempt.credential is not None:
                return _Step(Lookup(path, "used", entry, tuple(notes)), attempt.credential)
            notes.append(f"{entry} has no credential")
        return _Step(Lookup(path, "no entry", notes=tuple(notes)))

    def _attempts(self, file: AuthFile, registry: str, repository: str) -> Iterator[_Attempt]:
        # The order of containers/image (pkg/docker/config, findCredentialsInFile): the
        # helper for this very registry, then the entries. It knows no credsStore; that
        # comes last, because an entry with a secret is more particular than a default.
        try:
            helper = file.helper_for(registry)
        except ConfigurationError as error:
            yield _Attempt("credHelpers", error=error)
            return
        if helper is not None and helper[1]:
            yield self._ask(str(file.path), helper[1], _servers(registry, first=helper[0]))
        for key in file.matching_keys(registry, repository):
            yield _decode(file, key)
        if helper is None and file.store:
            yield self._ask(str(file.path), file.store, _servers(registry, first=DOCKER_HUB_SERVER))

    def _ask(self, named_by: str, name: str, servers: Iterable[str]) -> _Attempt:
        program = f"docker-credential-{name}"
        origin = f"{program} named by {named_by}"
        try:
            for server in servers:
                credential = ask_helper(
                    name,
                    server,
                    self._environment,
                    origin=origin,
                    timeout_seconds=self._helper_timeout,
                    cancelled=self._cancelled,
                )
                if credential is not None:
                    return _Attempt(program, credential)
        except ConfigurationError as error:
            told = f"{error.message} (named by {named_by})"
            return _Attempt(program, error=ConfigurationError(told, hint=error.hint))
        return _Attempt(program)


def keychain_for(
    credential: Credential | None,
    anonymous: bool,
    authfile: str,
    environment: Environment,
    *,
    registries: KeptRegistries | None = None,
    cancelled: threading.Event | None = None,
) -> Keychain:
    """Give the keychain of one side of a run.

    Args:
        credential: used for every registry; files are read only for its mirrors then.
        anonymous: use no credential at all; no file is read.
        authfile: the only file to look at; "" for the usual ones.
        environment: tells where the usual files are.
        registries: registries.conf, where others read it too.
        cancelled: ends a credential helper that is being asked.

    Raises:
        ConfigurationError: a credential was given, and none was asked for.
    """
    if anonymous and credential is not None:
        raise ConfigurationError("credentials and anonymous access exclude each other")
    if anonymous:
        return FixedKeychain()
    files = FileKeychain(environment, authfile, registries=registries, cancelled=cancelled)
    return files if credential is None else FixedKeychain(credential, files)


def _places(environment: Environment, authfile: str, run_folder: Path) -> Iterator[_Place]:
    if authfile:
        yield _Place(Path(authfile), must_exist=True, must_parse=True)
        return
    named = environment.get("REGISTRY_AUTH_FILE")
    if named:
        # skopeo looks nowhere else then. Images of container tools set the variable to a
        # file that is often not there, and the mounted ~/.docker/config.json is ignored
        # (skopeo issue 1909, tektoncd/catalog issue 1211); so the search goes on here.
        yield _Place(Path(named), must_parse=True)
    runtime = environment.runtime_dir
    user_folder = runtime / "containers" if runtime else run_folder / str(os.getuid())
    yield _Place(user_folder / "auth.json")
    if environment.config_home:
        yield _Place(environment.config_home / "containers" / "auth.json")
    docker, home = environment.get("DOCKER_CONFIG"), environment.home
    if docker:
        yield _Place(Path(docker) / "config.json")
    elif home:
        yield _Place(home / ".docker" / "config.json")
    if home:
        yield _Place(home / ".dockercfg", legacy=True)


def _read(place: _Place) -> AuthFile | _Unusable:
    path = _shown(place.path)
    try:
        return read_auth_file(place.path, legacy=place.legacy)
    except ConfigurationError as error:
        return _Unusable("malformed", error)
    except (FileNotFoundError, NotADirectoryError):
        return _Unusable("missing", ConfigurationError(f"auth file {path} does not exist"))
    except OSError as error:
        why = error.strerror or "input or output failed"
        return _Unusable("unreadable", ConfigurationError(f"cannot read auth file {path}: {why}"))
    except ValueError:  # a NUL or a lone surrogate in the path
        return _Unusable("unreadable", ConfigurationError(f"auth file {path} is no possible path"))


def _decode(file: AuthFile, key: str) -> _Attempt:
    try:
        return _Attempt(key, file.credential(key))
    except ConfigurationError as error:
        return _Attempt(key, error=error)


def _servers(registry: str, *, first: str) -> tuple[str, ...]:
    """Names to ask a helper for; Docker and Podman store Docker Hub under different ones."""
    if scope_of(registry) != DOCKER_HUB:
        return (registry,)
    return tuple(dict.fromkeys((first, DOCKER_HUB_SERVER, DOCKER_HUB)))


def _kind(credential: Credential) -> Kind:
    if credential.registry_token:
        return "registry token"
    return "identity token" if credential.identity_token else "password"


def _shown(path: Path) -> str:
    return printable(str(path))
