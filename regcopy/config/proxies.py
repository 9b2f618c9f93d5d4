"""Choose the HTTP proxy for a host, as Go's `golang.org/x/net/http/httpproxy` does.

skopeo uses that package, so the same variables must lead to the same way. Two things differ:
the address of a proxy that makes no sense is an error here, and in a CGI program HTTP_PROXY
is passed over, which is an error in Go.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

from regcopy.config.environment import Environment
from regcopy.errors import ConfigurationError

_Address = IPv4Address | IPv6Address

_SCHEMES: Final = frozenset({"http", "https", "socks5", "socks5h"})


def proxy_for(scheme: str, host: str, port: int, environment: Environment) -> str | None:
    """Give the URL of the proxy for a request, or None to connect directly.

    Reads `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`, then their lower-case forms; `ALL_PROXY`
    is not read because Go does not.

    Args:
        scheme: `https` or `http`.
        host: name or address, with or without brackets, without port.
        port: port that will be dialled.
        environment: where the variables are.

    Raises:
        ConfigurationError: the address of the proxy makes no sense. The message does not
            show it, because it may hold a password.
    """
    if scheme not in {"http", "https"}:
        return None
    upper = f"{scheme.upper()}_PROXY"
    value = environment.get(upper) or environment.get(upper.lower())
    if scheme == "http" and environment.get("REQUEST_METHOD"):
        # In a CGI program HTTP_PROXY is the client's own header "Proxy" (CVE-2016-5385).
        return None
    name = host.strip().strip("[]").lower()
    no_proxy = environment.get("NO_PROXY") or environment.get("no_proxy")
    if not value or _is_direct(name, str(port), no_proxy):
        return None
    return _proxy_url(upper, value)


def _is_direct(host: str, port: str, no_proxy: str) -> bool:
    address = _address(host)
    if host == "localhost" or (address is not None and address.is_loopback):
        return True
    entries = (entry.strip().lower() for entry in no_proxy.split(","))
    return any(_matches(entry, host, address, port) for entry in entries if entry)


def _matches(entry: str, host: str, address: _Address | None, port: str) -> bool:
    if entry == "*":
        return True
    if _is_network(entry):
        # An address of the other family is in no network.
        return address is not None and address in ip_network(entry, strict=False)
    name, wanted_port = _split_port(entry)
    if wanted_port not in {"", port} or not name:
        return False
    entry_address = _address(name)
    if entry_address is not None:
        return entry_address == address
    # "example.com" is that name and all below it; ".example.com" and "*.example.com" are
    # only what is below it.
    name = name.removeprefix("*") if name.startswith("*.") else name
    if name.startswith("."):
        return host.endswith(name)
    return host == name or host.endswith(f".{name}")


def _is_network(entry: str) -> bool:
    # Go knows only a length after the slash; Python would take a netmask too.
    _, slash, length = entry.partition("/")
    if not slash or not (length.isascii() and length.isdigit()):
        return False
    try:
        ip_network(entry, strict=False)
    except ValueError:
        return False
    return True


def _split_port(entry: str) -> tuple[str, str]:
    """Split `name:port`, `[address]:port`; a bare IPv6 address has no port."""
    if entry.startswith("["):
        name, _, rest = entry[1:].partition("]")
        return name, rest.removeprefix(":")
    name, colon, port = entry.partition(":")
    return (entry, "") if not colon or ":" in port else (name, port)


def _address(text: str) -> _Address | None:
    if "%" in text:  # Go takes an address with a zone for a name
        return None
    try:
        address = ip_address(text)
    except ValueError:
        return None
    # ::ffff:10.0.0.1 and 10.0.0.1 are one address to Go.
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _proxy_url(variable: str, value: str) -> str:
    url = value.strip() if "://" in value else f"http://{value.strip()}"
    try:
        parts = urlsplit(url)
        usable = parts.scheme in _SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or " " in url or not url.isprintable():
        # Not chained: the cause shows parts of the address.
        raise ConfigurationError(
            f"{variable} is not the address of a proxy",
            hint="write it as http://host:port",
        ) from None
    return url
