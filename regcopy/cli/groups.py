"""Flags that several commands share, under skopeo's names, and what they mean to the library."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, Literal

from regcopy.cli.command import FlagGroup, Invocation
from regcopy.cli.flags import CommandLineError, Flag, Values
from regcopy.cli.gotext import quote

if TYPE_CHECKING:
    from regcopy.api import Access
    from regcopy.auth.credential import Credential
    from regcopy.config.environment import Environment
    from regcopy.config.tls_details import TlsDetails
    from regcopy.model.platform import Platform
    from regcopy.transports.base import Clocks, ImageReference, RetryPolicy, SideOptions
    from regcopy.trust.options import TrustOptions

Prefix = Literal["", "src-", "dest-"]

GLOBAL: Final = FlagGroup(
    "Flags of every command",
    (
        Flag("command-timeout", "duration", "stop after this time, such as 90s or 1h30m"),
        Flag("debug", "bool", "log the requests, and where in the program an error came from"),
        Flag("help", "bool", "show help", short="h"),
        Flag("insecure-policy", "bool", "ask no trust policy"),
        Flag("log-format", help="form of the log: text or json", metavar="FORM", default="text"),
        Flag("override-arch", metavar="ARCH", help="architecture to choose from an index"),
        Flag("override-os", metavar="OS", help="operating system to choose from an index"),
        Flag("override-variant", metavar="VARIANT", help="variant to choose from an index"),
        Flag("policy", metavar="FILE", help="trust policy, instead of the user's or the machine's"),
        Flag("registries-conf", hidden=True),
        Flag("registries.d", metavar="DIR", help="folder that tells where signatures are kept"),
        Flag("require-signed", "bool", "copy nothing that the trust policy wants no signature of"),
        Flag(
            "tls-details",
            metavar="FILE",
            help="YAML file with what is demanded of TLS: minVersion, cipherSuites (of TLS 1.3 all "
            "are offered, and a server that chooses another is left) and one of namedGroups",
        ),
        Flag("tmpdir", metavar="DIR", help="folder for temporary files"),
        Flag("user-agent-prefix", metavar="TEXT", help="put this before our name in requests"),
    ),
)

# Only before the command's name, as in skopeo: `login -v` means something else.
VERSION: Final = Flag("version", "bool", "show the version", short="v")
GLOBAL_TLS_VERIFY: Final = Flag("tls-verify", "bool", hidden=True)

RETRY: Final = FlagGroup(
    "Retries",
    (
        Flag("retry-times", "int", "repeat a failed request so often", default="4"),
        Flag(
            "retry-delay",
            "duration",
            "wait this long between tries, instead of longer each time",
        ),
        Flag("stall-timeout", "duration", "end a request after this much silence", default="30s"),
    ),
)


def image_flags(prefix: Prefix, title: str, *, blobs: bool = True) -> FlagGroup:
    """Flags that say how one place is reached.

    Args:
        prefix: what every name starts with.
        title: heading in help texts.
        blobs: whether flags of layouts and daemons belong to it.
    """
    flags = (
        Flag(
            f"{prefix}authfile",
            metavar="FILE",
            help="file with credentials, instead of looking in the usual places",
        ),
        Flag(
            f"{prefix}creds",
            metavar="USER[:PASSWORD]",
            help="credentials for the registry",
            secret=True,
        ),
        Flag(f"{prefix}username", metavar="USER", help="user name for the registry"),
        Flag(
            f"{prefix}password", metavar="PASSWORD", help="password for the registry", secret=True
        ),
        Flag(
            f"{prefix}registry-token",
            metavar="TOKEN",
            help="bearer token for the registry",
            secret=True,
        ),
        Flag(f"{prefix}no-creds", "bool", "use no credentials, whatever the files say"),
        Flag(
            f"{prefix}tls-verify",
            "bool",
            "require HTTPS with a certificate that checks out",
            default="true",
        ),
        Flag(
            f"{prefix}cert-dir",
            metavar="DIR",
            help="folder with *.crt, *.cert and *.key for this registry",
        ),
    )
    extra = (
        Flag(
            f"{prefix}shared-blob-dir",
            metavar="DIR",
            help="folder that oci: layouts share their blobs in",
        ),
        Flag(
            f"{prefix}daemon-host",
            metavar="HOST",
            help="address of the daemon for docker-daemon:, such as unix:///var/run/docker.sock",
        ),
    )
    return FlagGroup(title, (*flags, *extra) if blobs else flags)


TOKEN_HOST: Final = Flag(
    "token-host",
    "strings",
    metavar="HOST",
    help="token service of another domain that may get the credentials; repeatable",
)


def check_global(values: Values) -> None:
    """Raise for what the flags of every command ask for and cannot have.

    Raises:
        CommandLineError: flags that exclude each other, or a value that means nothing.
    """
    if values.string("log-format") not in ("", "text", "json"):
        shown = quote(values.string("log-format"))
        raise CommandLineError(f"unknown log format {shown}. Choose one of: text, json")
    if values.boolean("insecure-policy") and values.boolean("require-signed"):
        raise CommandLineError("--insecure-policy and --require-signed are mutually exclusive")


def trust_options(values: Values) -> TrustOptions:
    """Say which images may be copied, from the flags of every command."""
    from regcopy.trust.options import TrustOptions

    return TrustOptions(
        policy_file=values.string("policy"),
        insecure_policy=values.boolean("insecure-policy"),
        require_signed=values.boolean("require-signed"),
        registries_d=values.string("registries.d"),
    )


def access(values: Values, prefix: Prefix = "") -> Access:
    """Say how one place is reached, from the flags with that prefix and the shared ones."""
    from regcopy.api import Access

    credential = _credential(values, prefix)
    return Access(
        credential=credential,
        anonymous=values.boolean(f"{prefix}no-creds") and credential is None,
        authfile=values.string(f"{prefix}authfile") or values.string("authfile"),
        options=_side_options(values, prefix),
        retry=_retry_policy(values),
        clocks=_clocks(values),
    )


def _side_options(values: Values, prefix: Prefix) -> SideOptions:
    from regcopy.transports.base import SideOptions

    return SideOptions(
        tls_verify=_tls_verify(values, prefix),
        cert_dir=values.string(f"{prefix}cert-dir"),
        token_hosts=values.strings("token-host"),
        shared_blob_dir=values.string(f"{prefix}shared-blob-dir"),
        daemon_host=values.string(f"{prefix}daemon-host"),
        accept_uncompressed_layers=values.boolean(f"{prefix}oci-accept-uncompressed-layers"),
        user_agent_prefix=values.string("user-agent-prefix"),
        tls_details=_tls_details(values),
    )


def _tls_details(values: Values) -> TlsDetails | None:
    path = values.string("tls-details")
    if not path:
        return None
    from regcopy.cli.named_files import read_named
    from regcopy.config.tls_details import parse_tls_details

    content = read_named(path, f"reading {quote(path)}: ")
    return parse_tls_details(content.decode("utf-8", "replace"), what=path)


def _tls_verify(values: Values, prefix: Prefix) -> bool | None:
    """The most particular one that was given counts."""
    names = (f"{prefix}tls-verify", "tls-verify", "root-tls-verify")
    return next((values.boolean(name) for name in names if values.has(name)), None)


def _credential(values: Values, prefix: Prefix) -> Credential | None:
    _check_exclusive(values, prefix)
    token, creds = values.string(f"{prefix}registry-token"), _creds_flag(values, prefix)
    if not (token or creds or values.has(f"{prefix}username")):
        return None
    from regcopy.auth.credential import Credential
    from regcopy.auth.userpass import parse_creds

    if token:
        return Credential(registry_token=token, origin=f"--{prefix}registry-token")
    if creds:
        return parse_creds(values.string(creds), origin=f"--{creds}")
    user, password = values.string(f"{prefix}username"), values.string(f"{prefix}password")
    return Credential(user, password, origin=f"--{prefix}username")


def _creds_flag(values: Values, prefix: Prefix) -> str:
    """Name of the flag that was given: skopeo has an old short one beside each."""
    names = (f"{prefix}creds", {"src-": "screds", "dest-": "dcreds"}.get(prefix, ""))
    return next((name for name in names if values.has(name)), "")


def _check_exclusive(values: Values, prefix: Prefix) -> None:
    creds, user, password, none = (
        bool(_creds_flag(values, prefix)),
        values.has(f"{prefix}username"),
        values.has(f"{prefix}password"),
        values.boolean(f"{prefix}no-creds"),
    )
    if creds and none:
        raise CommandLineError("creds and no-creds cannot be specified at the same time")
    if user and none:
        raise CommandLineError("username and no-creds cannot be specified at the same time")
    if creds and user:
        raise CommandLineError("creds and username cannot be specified at the same time")
    if user and not password:
        raise CommandLineError("password must be specified when username is specified")
    if password and not user:
        raise CommandLineError("username must be specified when password is specified")


def _retry_policy(values: Values) -> RetryPolicy:
    from regcopy.transports.base import RetryPolicy

    policy = RetryPolicy()
    if values.has("retry-times"):
        repeats = max(0, values.integer("retry-times"))
        # Who asks for 100 repeats of one request means it: the budget of the whole must allow it.
        policy = replace(policy, tries=repeats + 1, budget=max(policy.budget, repeats))
    if values.duration("retry-delay") > 0:
        policy = replace(policy, delay_seconds=values.duration("retry-delay"))
    return policy


def _clocks(values: Values) -> Clocks:
    from regcopy.transports.base import Clocks

    if not values.has("stall-timeout"):
        return Clocks()
    seconds = values.duration("stall-timeout")
    if seconds <= 0:
        raise CommandLineError("--stall-timeout must be more than 0")
    return Clocks(stall_seconds=seconds)


def platform(values: Values) -> Platform:
    """Platform to choose from an index: this machine's, with what --override-… changes."""
    from regcopy.model.platform import Platform

    local = Platform.local()
    architecture = values.string("override-arch")
    # The variant of this machine says nothing about another architecture.
    variant = values.string("override-variant") or ("" if architecture else local.variant)
    parts = (values.string("override-os") or local.os, architecture or local.architecture, variant)
    return Platform.parse("/".join(part for part in parts if part))


def parse_name(name: str, message: str) -> ImageReference:
    """Parse the name of an image from the command line.

    Args:
        name: `transport:reference`.
        message: what to say where it is no such name, with {name}, {quoted} and {problem}.

    Raises:
        CommandLineError: that message.
    """
    from regcopy.errors import UsageError
    from regcopy.transports import parse_reference

    try:
        return parse_reference(name)
    except UsageError as error:
        told = message.format(name=name, quoted=quote(name), problem=error.message)
        raise CommandLineError(told, hint=error.hint) from None


def parse_platform(text: str, flag: str) -> Platform:
    """Parse the value of a flag; the message names the flag."""
    from regcopy.errors import InvalidPlatform
    from regcopy.model.platform import Platform

    try:
        return Platform.parse(text)
    except InvalidPlatform as error:
        raise CommandLineError(f"--{flag}: {error.message}", hint=error.hint) from None


def environment(call: Invocation) -> Environment:
    """Environment of the library: the process's, with --tmpdir and --registries-conf in it."""
    from regcopy.config.environment import Environment

    flags = {"tmpdir": "TMPDIR", "registries-conf": "CONTAINERS_REGISTRIES_CONF"}
    given = {
        variable: call.values.string(flag)
        for flag, variable in flags.items()
        if call.values.string(flag)
    }
    if not given:
        return call.environment
    return Environment({**call.environment.variables, **given})
