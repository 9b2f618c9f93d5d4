"""Keep credentials, and forget them: in auth files and in credential helpers.

Follows pkg/docker/config of containers/image: registries.conf may name helpers for all
registries, `credHelpers` of the file one for a single registry. Unlike it, `credsStore` is
followed too, since reading follows it: a password that belongs into a safe gets into no file.
"""

from __future__ import annotations

import time
from typing import Final

from regcopy.auth.auth_file import DOCKER_HUB, DOCKER_HUB_SERVER
from regcopy.auth.auth_file_edit import (
    Document,
    Sleep,
    edit_auth_file,
    entry_keys,
    put_entry,
    remove_entry,
)
from regcopy.auth.credential import Credential
from regcopy.auth.helpers import erase_in_helper, store_in_helper
from regcopy.auth.login_key import LoginKey
from regcopy.auth.login_place import LoginPlace
from regcopy.config.environment import Environment
from regcopy.config.registries_conf import AUTH_FILES
from regcopy.config.registries_conf_paths import load_registries_conf
from regcopy.errors import ConfigurationError, RegcopyError
from regcopy.text import printable

_STORED_AS: Final = {DOCKER_HUB: DOCKER_HUB_SERVER}


def store_login(
    place: LoginPlace,
    key: LoginKey,
    credential: Credential,
    environment: Environment,
    *,
    sleep: Sleep = time.sleep,
) -> str:
    """Keep a user name and password, and say where: a path, or a credential helper.

    Args:
        place: the file.
        key: what they are for.
        credential: a user name and password.
        environment: tells of registries.conf, and is given to helpers.
        sleep: waits, while others change the file.

    Raises:
        ConfigurationError: the file or a helper cannot be used, or knows no namespaces.
        StorageFailed: the file cannot be written.
    """
    failed: RegcopyError | None = None
    for helper in _helpers(place, environment):
        try:
            if helper == AUTH_FILES:
                return _store_in_file(place, key, credential, environment, sleep)
            return _store_in(helper, key, key.text, credential, environment)
        except RegcopyError as error:
            # The next one may do, as in containers/image; if none does, the first error counts.
            failed = failed or error
    raise failed or ConfigurationError("registries.conf names no place for credentials")


def _store_in_file(
    place: LoginPlace,
    key: LoginKey,
    credential: Credential,
    environment: Environment,
    sleep: Sleep,
) -> str:
    entry = place.entry_for(key)
    stored: list[str] = []

    def change(document: Document) -> bool:
        helper, server = _helper_of(document, place, key, entry)
        if helper:
            stored.append(_store_in(helper, key, server, credential, environment))
            return False
        put_entry(document, entry, credential)
        return True

    edit_auth_file(place.path, change, sleep=sleep)
    return stored[0] if stored else printable(str(place.path))


def _store_in(
    helper: str, key: LoginKey, server: str, credential: Credential, environment: Environment
) -> str:
    if key.is_namespaced:
        raise ConfigurationError(
            f"namespaced key is not supported for credential helper {printable(helper)}",
            hint="log in to the registry as a whole",
        )
    store_in_helper(helper, server, credential, environment)
    return f"credential helper: {printable(helper)}"


def erase_login(
    place: LoginPlace, key: LoginKey, environment: Environment, *, sleep: Sleep = time.sleep
) -> bool:
    """Forget the credential for a key, wherever `store_login` may have put it.

    Returns:
        whether there was one.

    Raises:
        ConfigurationError: the file or a helper cannot be used.
        StorageFailed: the file cannot be written.
    """
    entry = place.entry_for(key)
    found = False

    def change(document: Document) -> bool:
        nonlocal found
        helper, server = _helper_of(document, place, key, entry)
        if helper and not key.is_namespaced:
            found = erase_in_helper(helper, server, environment) or found
        is_changed = remove_entry(document, entry)
        found = found or is_changed
        return is_changed

    for helper in _helpers(place, environment):
        if helper == AUTH_FILES:
            if place.path.parent.is_dir():
                edit_auth_file(place.path, change, sleep=sleep)
        elif not key.is_namespaced:
            found = erase_in_helper(helper, key.text, environment) or found
    return found


def erase_all_logins(
    place: LoginPlace, environment: Environment, *, sleep: Sleep = time.sleep
) -> None:
    """Forget the credentials of all entries of a file, and what its helpers keep for it.

    Which helper is for which registry stays in the file.

    Raises:
        ConfigurationError: the file or a helper cannot be used.
        StorageFailed: the file cannot be written.
    """

    def change(document: Document) -> bool:
        for server, helper in _table(document, "credHelpers").items():
            if isinstance(helper, str) and helper:
                erase_in_helper(helper, server, environment)
        keys = entry_keys(document)
        store = document.get("credsStore")
        if isinstance(store, str) and store:
            for key in keys:
                erase_in_helper(store, _STORED_AS.get(key, key), environment)
        document["auths"] = {}
        return bool(keys)

    if place.path.parent.is_dir():
        edit_auth_file(place.path, change, sleep=sleep)


def _helpers(place: LoginPlace, environment: Environment) -> tuple[str, ...]:
    # Docker knows nothing of registries.conf, and would not find what is put elsewhere.
    if place.is_dockers:
        return (AUTH_FILES,)
    return load_registries_conf(environment).credential_helpers


def _helper_of(document: Document, place: LoginPlace, key: LoginKey, entry: str) -> tuple[str, str]:
    """Give the helper that a file names for a key, "" for none, and how it calls the server."""
    named = _table(document, "credHelpers")
    for server in dict.fromkeys((entry, key.text)):
        helper = named.get(server)
        if isinstance(helper, str):
            return helper, server
        if helper is not None:
            raise ConfigurationError(
                f"{printable(str(place.path))}: the credential helper for {printable(server)} "
                "is not text"
            )
    store = document.get("credsStore")
    if isinstance(store, str) and not key.is_namespaced:
        return store, _STORED_AS.get(key.text, key.text)
    return "", ""


def _table(document: Document, name: str) -> Document:
    found = document.get(name)
    return found if isinstance(found, dict) else {}
