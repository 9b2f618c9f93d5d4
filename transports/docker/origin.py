"""Who may see a secret: the one function that decides, and the values it decides on.

Pure: no I/O. The rule is deny by default (advisories against several clients in 2020-2026
show what happens when a server's own words choose where credentials go).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import urljoin, urlsplit, urlunsplit

from regcopy.errors import Refused
from regcopy.text import printable

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_MAX_URL: Final = 8 * 1024
# Nothing that two parsers of URLs could disagree about: no spaces, controls, backslashes.
_URL: Final = re.compile(r"[!-\[\]-~]+")
_NAME: Final = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*")
_LOCAL_SUFFIXES: Final = (".local", ".localhost", ".localdomain", ".internal", ".lan", ".home.arpa")
# The registries whose token service is known; it saves loading the list of suffixes.
_KNOWN_TOKEN_HOSTS: Final = {"registry-1.docker.io": "auth.docker.io"}


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host and port: what a credential belongs to."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> Self:
        """Take the origin of an absolute http or https URL.

        Raises:
            Refused: another scheme, no host, a bad port, or user information in the URL.
        """
        try:
            parts = urlsplit(url)
            host, port = (parts.hostname or "").removesuffix("."), parts.port
        except ValueError:
            raise _unusable(url) from None
        if len(url) > _MAX_URL or not _URL.fullmatch(url) or "@" in parts.netloc:
            raise _unusable(url)
        if parts.scheme not in _DEFAULT_PORTS or port == 0 or not _is_host(host):
            raise _unusable(url)
        return cls(parts.scheme, host, port or _DEFAULT_PORTS[parts.scheme])

    @property
    def netloc(self) -> str:
        """Host and port, as in a URL."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def is_name(self) -> bool:
        """Tell whether the host is a public-looking DNS name: no address, no local name."""
        local = self.host.endswith(_LOCAL_SUFFIXES)
        return "." in self.host and not _is_address(self.host) and not local

    @property
    def is_loopback(self) -> bool:
        """Tell whether the host is this machine, by whatever spelling."""
        if self.host == "localhost" or self.host.endswith(".localhost"):
            return True
        address = _address(self.host)
        if address is None:
            return _is_address(self.host)  # 127.1 and the like: who writes that hides something
        return address.is_loopback or address.is_unspecified

    @property
    def is_link_local(self) -> bool:
        """Tell whether the host is an address of the link, where cloud metadata services are."""
        address = _address(self.host)
        return address is not None and address.is_link_local

    def __str__(self) -> str:
        return f"{self.scheme}://{self.netloc}"


def may_send_secret(registry: Origin, target: Origin, allowed: Collection[str] = ()) -> bool:
    """Tell whether a registry's credentials may go to `target`.

    They may where target is the registry itself; or is https, a DNS name, and of the same
    registrable domain; or was named by the user (`host` or `host:port`). An address that
    was named may be plain http only where the registry is.
    """
    if target == registry:
        return True
    if target.scheme == "http" and registry.scheme == "https":
        return False
    if _is_named(target, allowed):
        return True
    return target.scheme == "https" and _same_domain(registry, target)


def may_ask_anonymously(registry: Origin, target: Origin, allowed: Collection[str] = ()) -> bool:
    """Tell whether a request without any secret may go where a registry points for a token.

    Not to an address or a local name other than the registry's own: that would let a
    registry make this machine talk to its neighbours. Never from https to http.
    """
    if target.scheme == "http" and registry.scheme == "https":
        return False
    if target.host == registry.host or _is_named(target, allowed):
        return True
    return target.scheme == "https" and target.is_name


def may_follow(registry: Origin, target: Origin) -> bool:
    """Tell whether a redirect or an upload's `Location` may lead to `target`, without secrets.

    Wider than `may_ask_anonymously`: storage behind a private registry often has nothing but
    an address, and what comes from there is checked against a digest. Never from https to
    http, to an address of the link, or to this machine from a registry that is not on it.
    """
    if target.scheme == "http" and registry.scheme == "https":
        return False
    if target.host == registry.host:
        return True
    if target.is_link_local:
        return False
    return not target.is_loopback or registry.is_loopback


def resolve(base: str, location: str, registry: Origin) -> str:
    """Make an address that a server named absolute.

    A registry behind a proxy that ends TLS often names itself with http: then its own
    origin is meant.

    Raises:
        Refused: the address is unusable.
    """
    try:
        url = urljoin(base, location)
    except ValueError:
        raise _unusable(location) from None
    origin = Origin.of(url)
    ports = {registry.port, _DEFAULT_PORTS["http"]}
    if (registry.scheme, origin.scheme) == ("https", "http") and origin.host == registry.host:
        origin = registry if origin.port in ports else origin
    parts = urlsplit(url)
    return urlunsplit((origin.scheme, origin.netloc, parts.path or "/", parts.query, ""))


def _same_domain(registry: Origin, target: Origin) -> bool:
    if not (registry.is_name and target.is_name):
        return False
    if registry.host == target.host or _KNOWN_TOKEN_HOSTS.get(registry.host) == target.host:
        return True
    suffixes = _suffixes()
    domain = suffixes.privatesuffix(registry.host)
    return domain is not None and domain == suffixes.privatesuffix(target.host)


@cache
def _suffixes() -> PublicSuffixList:
    # It takes 40 ms to load; most registries are their own token service.
    from publicsuffixlist import PublicSuffixList

    return PublicSuffixList()


def _is_named(target: Origin, allowed: Collection[str]) -> bool:
    host = target.netloc.removesuffix(f":{target.port}")
    names = {target.host, host, f"{host}:{target.port}"}
    return any(name.lower() in names for name in allowed)


def _is_host(host: str) -> bool:
    if ":" not in host:
        return _NAME.fullmatch(host) is not None
    try:
        ipaddress.IPv6Address(host)
    except ValueError:
        return False
    return "%" not in host


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _is_address(host: str) -> bool:
    # 127.1, 0x7f.1 and 2130706433 are addresses to the resolver: their last label begins
    # with a digit, which no top-level domain does.
    return _address(host) is not None or host.rpartition(".")[2][:1].isdigit()


def _unusable(url: str) -> Refused:
    shown = printable(url.partition("?")[0].rpartition("@")[2], limit=200)
    return Refused(f'the server named an unusable address "{shown}"')
