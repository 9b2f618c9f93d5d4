"""What `login` and `logout` have in common."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, Literal

from regcopy.cli.calls import Surroundings
from regcopy.cli.flags import CommandLineError, Flag, Values
from regcopy.cli.groups import access, environment

if TYPE_CHECKING:
    from regcopy.auth.credential import Credential
    from regcopy.auth.login_key import LoginKey
    from regcopy.auth.login_place import LoginPlace
    from regcopy.cli.command import Invocation

FILES: Final = (
    Flag(
        "authfile",
        metavar="FILE",
        help="file for credentials; by default $REGISTRY_AUTH_FILE, $DOCKER_CONFIG/config.json or "
        "${XDG_RUNTIME_DIR}/containers/auth.json",
    ),
    Flag(
        "compat-auth-file",
        metavar="FILE",
        help="file for credentials in the form that Docker reads, such as ~/.docker/config.json",
    ),
)
TLS_VERIFY: Final = Flag(
    "tls-verify",
    "bool",
    "require HTTPS with a certificate that checks out",
    default="true",
)
# What says how a registry is reached; --username and --password are not among them here.
_REACHING: Final = frozenset(
    {"tls-verify", "root-tls-verify", "cert-dir", "token-host", "user-agent-prefix"}
)


def parse_key(call: Invocation, command: Literal["login", "logout"]) -> LoginKey:
    """Take the one registry that is named.

    Raises:
        CommandLineError: there is none, there are more, or it is none.
    """
    from regcopy.auth.login_key import LoginKey
    from regcopy.errors import InvalidReference

    doing = {"login": "login to", "logout": "logout from"}[command]
    if not call.names:
        raise CommandLineError(f"please provide a registry to {doing}")
    if len(call.names) > 1:
        raise CommandLineError(f"{command} accepts only one registry to {doing}")
    try:
        return LoginKey.parse(call.names[0])
    except InvalidReference as error:
        raise CommandLineError(error.message, hint=error.hint) from None


def find_place(call: Invocation) -> LoginPlace:
    """Choose the file that is changed.

    Raises:
        ConfigurationError: two files were named, or the folder for it is missing.
    """
    from regcopy.auth.login_place import find_login_place

    return find_login_place(
        environment(call),
        authfile=call.values.string("authfile"),
        compat_auth_file=call.values.string("compat-auth-file"),
    )


def find_credential(call: Invocation, key: LoginKey) -> Credential | None:
    """Give the credential that is used for a registry at this moment.

    Raises:
        ConfigurationError: a file or helper cannot be used.
    """
    import os

    from regcopy.auth.chain import FileKeychain

    named = call.values.string("authfile") or call.values.string("compat-auth-file")
    if named and not os.path.lexists(named):
        return None  # it is about to be made
    return FileKeychain(environment(call), named).find(key.registry, key.repository)


def check(call: Invocation, key: LoginKey, credential: Credential) -> None:
    """Ask the registry whether it takes a credential.

    Raises:
        Unauthorized: it does not.
        RegcopyError: it could not be asked.
    """
    from regcopy import api
    from regcopy.cli.progress import Warnings

    reaching = Values({k: v for k, v in call.values.given.items() if k in _REACHING})
    around: Surroundings = {
        "access": replace(access(reaching), credential=credential),
        "observer": Warnings(call.console),
        "cancelled": call.cancelled,
        "environment": environment(call),
    }
    api.check_credentials(key.registry, **around)


def wait(call: Invocation, seconds: float) -> None:
    """Wait while somebody else changes the file."""
    call.cancelled.wait(seconds)
