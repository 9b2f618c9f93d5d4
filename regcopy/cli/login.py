"""`login`: keep a user name and password for a registry."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from regcopy.cli.command import Command, FlagGroup, Invocation
from regcopy.cli.exits import FAILED, OK
from regcopy.cli.flags import CommandLineError, Flag
from regcopy.cli.gotext import quote
from regcopy.cli.groups import TOKEN_HOST
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
    from regcopy.auth.credential import Credential
    from regcopy.auth.login_key import LoginKey

_DESCRIPTION: Final = """
Asks a registry whether it takes a user name and password, and if it does, keeps them for later
commands, in a file that only its owner may read or in the credential helper that the file or
registries.conf names. What else is in the file stays as it is. REGISTRY is a host, a host and port,
or a namespace such as quay.io/team; without --username or --password, they are asked for.
""".strip()


def _run(call: Invocation) -> int:
    if call.values.string("authfile") and call.values.string("compat-auth-file"):
        find_place(call)  # says that two files make no sense
    key = parse_key(call, "login")
    known = find_credential(call, key)
    if call.values.boolean("get-login"):
        return _tell_user(call, key, known)
    if known is not None and known.identity_token:
        raise CommandLineError(
            "currently logged in, auth file contains an Identity token", hint="log out first"
        )
    if _uses_known(call, key, known):
        return OK
    place = find_place(call)
    place.entry_for(key)  # raises, before anybody is asked, where it cannot be kept there
    credential = _ask(call, known)
    _check(call, key, credential)
    from regcopy.auth.login import store_login
    from regcopy.cli.groups import environment

    where = store_login(place, key, credential, environment(call), sleep=partial(wait, call))
    if call.values.boolean("verbose"):
        call.console.out(f"Used:  {where}\n")
    call.console.out("Login Succeeded!\n")
    return OK


def _tell_user(call: Invocation, key: LoginKey, known: Credential | None) -> int:
    from regcopy.text import printable

    if known is None or not known.username:
        raise CommandLineError(f"not logged into {key}")
    call.console.out(f"{printable(known.username)}\n")
    return OK


def _uses_known(call: Invocation, key: LoginKey, known: Credential | None) -> bool:
    """Try what is there already, where neither user name nor password was given."""
    from regcopy.errors import RegcopyError

    values = call.values
    if values.string("username") or values.string("password") or values.boolean("password-stdin"):
        return False
    if known is None or not (known.username and known.password):
        return False
    call.console.out(f"Authenticating with existing credentials for {key}\n")
    try:
        check(call, key, known)
    except RegcopyError:
        call.console.out(
            "Existing credentials are invalid, please enter valid username and password\n"
        )
        return False
    call.console.out(
        f"Existing credentials are valid. Already logged in to {key.registry}\n",
    )
    return True


def _ask(call: Invocation, known: Credential | None) -> Credential:
    """Take user name and password from the command line, or ask for them."""
    from regcopy.auth.credential import Credential

    password = _given_password(call)
    try:
        username = call.values.string("username") or _ask_username(call, known)
        password = password or _ask_password(call)
    except CommandLineError as error:
        raise CommandLineError(
            f"getting username and password: {error.message}", hint=error.hint
        ) from None
    return Credential(username.strip(), password, origin="login")


def _given_password(call: Invocation) -> str:
    from regcopy.cli.prompts import read_secret

    values = call.values
    if not values.boolean("password-stdin"):
        return values.string("password")
    if values.string("password"):
        raise CommandLineError("Can't specify both --password-stdin and --password")
    if not values.string("username"):
        raise CommandLineError("Must provide --username with --password-stdin")
    return read_secret()


def _ask_username(call: Invocation, known: Credential | None) -> str:
    from regcopy.cli.prompts import ask_line
    from regcopy.text import printable

    username = known.username if known is not None else ""
    question = f"Username ({printable(username)}): " if username else "Username: "
    try:
        return ask_line(call.console, question).strip() or username
    except CommandLineError as error:
        raise CommandLineError(f"reading username: {error.message}", hint=error.hint) from None


def _ask_password(call: Invocation) -> str:
    from regcopy.cli.prompts import ask_secret

    try:
        return ask_secret(call.console, "Password: ")
    except CommandLineError as error:
        raise CommandLineError(f"reading password: {error.message}", hint=error.hint) from None


def _check(call: Invocation, key: LoginKey, credential: Credential) -> None:
    from regcopy.errors import RegcopyError, Unauthorized

    try:
        check(call, key, credential)
    except Unauthorized as error:
        if error.answer is not None:
            raise Unauthorized(
                f"logging into {quote(key.text)}: invalid username/password", answer=error.answer
            ) from error
        error.operation = f"authenticating creds for {quote(key.text)}"
        raise
    except RegcopyError as error:
        error.operation = f"authenticating creds for {quote(key.text)}"
        raise


COMMAND: Final = Command(
    name="login",
    usage="[flags] REGISTRY",
    description=_DESCRIPTION,
    examples=(
        "login quay.io",
        "login --username robot --password-stdin registry.example.com:5000 < password",
        "login --get-login quay.io",
    ),
    groups=(
        FlagGroup(
            "Who logs in",
            (
                Flag("username", short="u", metavar="USER", help="user name; asked for otherwise"),
                Flag(
                    "password",
                    short="p",
                    metavar="PASSWORD",
                    help="password; other users of the machine can see it for a moment, so rather "
                    "use --password-stdin",
                    secret=True,
                ),
                Flag("password-stdin", "bool", "read the password from standard input"),
                Flag("get-login", "bool", "only tell who is logged in"),
                Flag("verbose", "bool", "tell where the credentials were put", short="v"),
            ),
        ),
        FlagGroup("Where credentials are kept", FILES),
        FlagGroup(
            "The registry",
            (
                TLS_VERIFY,
                Flag(
                    "cert-dir",
                    metavar="DIR",
                    help="folder with *.crt, *.cert and *.key for this registry",
                ),
                TOKEN_HOST,
            ),
        ),
    ),
    run=_run,
    not_found=FAILED,
)
