"""Who may see a secret: the one function that decides, and the values it decides on.

Pure: no I/O. The rule is deny by default (advisories against several clients in 2020-2026
show what happens when a server's own words choose where credentials go).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import urlsplit

from regcopy.errors import Refused
from regcopy.text import printable

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


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
            host, port = (parts.hostname or "").rstrip("."), parts.port
        except ValueError:
            raise Refused(f'the server named an unusable address "{_shown(url)}"') from None
        if parts.scheme not in _DEFAULT_PORTS or not host or "@" in parts.netloc:
            raise Refused(f'the server named an unusable address "{_shown(url)}"')
        return cls(parts.scheme, host, port or _DEFAULT_PORTS[parts.scheme])

    @property
    def netloc(self) -> str:
        """Host and port, as in a URL."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def is_name(self) -> bool:
        """Tell whether the host is a public-looking DNS name: no address, no local name."""
        return "." in self.host and not _is_address(self.host) and not self.host.endswith(".local")

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
    if target.netloc in allowed or target.host in allowed:
        return True
    return target.scheme == "https" and _same_domain(registry, target)


def may_ask_anonymously(registry: Origin, target: Origin, allowed: Collection[str] = ()) -> bool:
    """Tell whether a request without any secret may go where a registry points.

    Not to an address or a local name other than the registry's own: that would let a
    registry make this machine talk to its neighbours. Never from https to http.
    """
    if may_send_secret(registry, target, allowed) or target.host == registry.host:
        return not (target.scheme == "http" and registry.scheme == "https")
    return target.scheme == "https" and target.is_name


def _same_domain(registry: Origin, target: Origin) -> bool:
    if not (registry.is_name and target.is_name):
        return False
    if registry.host == target.host:
        return True
    # The list of public suffixes takes 40 ms to load; most registries are their own token
    # service, so it is rarely needed.
    from publicsuffixlist import PublicSuffixList

    suffixes = PublicSuffixList()
    domain = suffixes.privatesuffix(registry.host)
    return domain is not None and domain == suffixes.privatesuffix(target.host)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        # 127.1, 0x7f.1 and 2130706433 are addresses to the resolver: their last label
        # begins with a digit, which no top-level domain does.
        return host.rpartition(".")[2][:1].isdigit()
    return True


def _shown(url: str) -> str:
    return printable(url.partition("?")[0], limit=200)
