"""Small files from the web, such as signatures that lie beside a registry; always anonymous."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

from regcopy.auth.keychain import FixedKeychain
from regcopy.errors import ConfigurationError
from regcopy.text import printable
from regcopy.transports.base import Context, SideOptions
from regcopy.transports.docker.client import RegistryClient, Request, Scope


def fetch_file(url: str, context: Context, *, limit: int) -> bytes | None:
    """Get a file; None where there is none.

    Redirects, limits on time, retries and proxies are those of requests to registries.
    Nothing that the user said about the registry's TLS counts for this other host.

    Args:
        url: `https://…`, or `http://…`.
        context: of the side that needs the file.
        limit: bytes that it may have.

    Raises:
        ConfigurationError: this is no such URL.
        LimitExceeded: it is larger.
        TransportError: it cannot be fetched.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
        raise ConfigurationError(f"{printable(url, limit=300)} is no address of a file on the web")
    netloc = parts.netloc.rpartition("@")[2]
    # Who writes http asks for no secrecy; a server that speaks TLS there all the same will do.
    options = SideOptions(
        tls_verify=None if parts.scheme == "https" else False,
        user_agent_prefix=context.options.user_agent_prefix,
        tls_details=context.options.tls_details,
    )
    anonymous = replace(context, options=options, keychain=FixedKeychain(None))
    request = Request(
        "GET",
        parts.path or "/",
        (Scope("", ()),),
        f"reading {printable(url, limit=300)}",
        expect=frozenset({200, 404}),
    )
    client = context.resources.get(
        RegistryClient,
        ("file", context.side, parts.scheme, netloc),
        lambda: RegistryClient(netloc, anonymous),
    )
    with client.call(request) as reply:
        return None if reply.status == 404 else reply.read_all(limit, printable(url))
