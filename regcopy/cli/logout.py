"""`logout`: forget what `login` has kept."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Final

from regcopy.cli.command import Command, FlagGroup, Invocation
from regcopy.cli.exits import FAILED, OK
from regcopy.cli.flags import CommandLineError, Flag
from regcopy.cli.groups import TOKEN_HOST, environment
from regcopy.cli.login_flags import (
    FILES,
    TLS_VERIFY,
    check,
    find_credential,
    find_place,
    parse_key,
    wait,
)

if TYPE_CHECKING:
    from regcopy.auth.login_key import LoginKey

_DESCRIPTION: Final = """
Removes the credentials for a registry, or for a namespace of it, from the file that login writes
to and from the credential helper that the file or registries.conf names for it. What else is in the
file stays as it is.
""".strip()


def _run(call: Invocation) -> int:
    _check_files(call)
    place = find_place(call)
    if call.values.boolean("all"):
        if call.names:
            raise CommandLineError("--all takes no arguments")
        from regcopy.auth.login import erase_all_logins

        erase_all_logins(place, environment(call), sleep=partial(wait, call))
        call.console.out("Removed login credentials for all registries\n")
        return OK
    key = parse_key(call, "logout")
    from regcopy.auth.login import erase_login

    if erase_login(place, key, environment(call), sleep=partial(wait, call)):
        call.console.out(f"Removed login credentials for {key}\n")
        return OK
    return _nothing_removed(call, key)


def _check_files(call: Invocation) -> None:
    for flag in ("authfile", "compat-auth-file"):
        path = call.values.string(flag)
        if path and not os.path.lexists(path):
            raise CommandLineError(f"checking authfile: stat {path}: no such file or directory")


def _nothing_removed(call: Invocation, key: LoginKey) -> int:
    """Tell whether the registry is open to the user all the same, because of another file."""
    from regcopy.errors import RegcopyError

    credential = find_credential(call, key)
    if credential is not None and credential.username and credential.password:
        try:
            check(call, key, credential)
        except RegcopyError:
            pass  # then it is no login
        else:
            call.console.out(
                f"Not logged into {key} with current tool. Existing credentials were "
                "established via docker login. Please use docker logout instead.\n"
            )
            return OK
    raise CommandLineError(f"not logged into {key}")


COMMAND: Final = Command(
    name="logout",
    usage="[flags] REGISTRY",
    description=_DESCRIPTION,
    examples=("logout quay.io", "logout --all"),
    groups=(
        FlagGroup(
            "What is removed",
            (Flag("all", "bool", "the credentials of all registries in the file", short="a"),),
        ),
        FlagGroup("Where credentials are kept", FILES),
        FlagGroup("The registry, if it has to be asked", (TLS_VERIFY, TOKEN_HOST)),
    ),
    run=_run,
    not_found=FAILED,
)
