"""What a user demands of TLS, as in containers-tls-details.yaml(5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

from regcopy.errors import ConfigurationError
from regcopy.text import printable

if TYPE_CHECKING:
    from regcopy.config.yaml_text import Node

# Names of IANA's registry, and what OpenSSL calls the suite; those of TLS 1.3 have one name.
TLS13_SUITES: Final = frozenset(
    {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"}
)
TLS12_SUITES: Final[Mapping[str, str]] = {
    "TLS_ECDHE_ECDSA_WITH_3DES_EDE_CBC_SHA": "ECDHE-ECDSA-DES-CBC3-SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA": "ECDHE-ECDSA-AES128-SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256": "ECDHE-ECDSA-AES128-SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": "ECDHE-ECDSA-AES128-GCM-SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA": "ECDHE-ECDSA-AES256-SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384": "ECDHE-ECDSA-AES256-GCM-SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-ECDSA-CHACHA20-POLY1305",
    "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA": "ECDHE-ECDSA-RC4-SHA",
    "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA": "ECDHE-RSA-DES-CBC3-SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA": "ECDHE-RSA-AES128-SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256": "ECDHE-RSA-AES128-SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256": "ECDHE-RSA-AES128-GCM-SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA": "ECDHE-RSA-AES256-SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384": "ECDHE-RSA-AES256-GCM-SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-RSA-CHACHA20-POLY1305",
    "TLS_ECDHE_RSA_WITH_RC4_128_SHA": "ECDHE-RSA-RC4-SHA",
    "TLS_RSA_WITH_3DES_EDE_CBC_SHA": "DES-CBC3-SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA": "AES128-SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA256": "AES128-SHA256",
    "TLS_RSA_WITH_AES_128_GCM_SHA256": "AES128-GCM-SHA256",
    "TLS_RSA_WITH_AES_256_CBC_SHA": "AES256-SHA",
    "TLS_RSA_WITH_AES_256_GCM_SHA384": "AES256-GCM-SHA384",
    "TLS_RSA_WITH_RC4_128_SHA": "RC4-SHA",
}
# The same for groups. Python can set one of them and no list.
GROUPS: Final[Mapping[str, str]] = {
    "secp256r1": "prime256v1",
    "secp384r1": "secp384r1",
    "secp521r1": "secp521r1",
    "x25519": "X25519",
    "X25519MLKEM768": "X25519MLKEM768",
}
_VERSIONS: Final = ("1.0", "1.1", "1.2", "1.3")
_KEYS: Final = frozenset({"minVersion", "cipherSuites", "namedGroups"})


class TlsDetails(NamedTuple):
    """Demands on TLS.

    Attributes:
        needs_tls13: TLS 1.2 will not do; older versions never do.
        suites: IANA names of the cipher suites that are allowed; () for the usual ones.
        group: IANA name of the only group that is allowed; "" for the usual ones.
    """

    needs_tls13: bool = False
    suites: tuple[str, ...] = ()
    group: str = ""


def parse_tls_details(text: str, *, what: str) -> TlsDetails:
    """Read what is demanded.

    Args:
        text: a YAML document with any of `minVersion`, `cipherSuites` and `namedGroups`.
        what: its name, for messages.

    Raises:
        ConfigurationError: it is no such document, or demands what cannot be had.
    """
    from regcopy.config.yaml_text import parse_mapping

    document = parse_mapping(text, what=what)
    shown = printable(what, limit=300)
    for key in document.keys() - _KEYS:
        raise ConfigurationError(f"{shown}: there is no field {printable(key, limit=200)}")
    details = TlsDetails(
        _needs_tls13(document.get("minVersion"), shown),
        _suites(document.get("cipherSuites"), shown),
        _group(document.get("namedGroups"), shown),
    )
    if details.needs_tls13 and details.suites and TLS13_SUITES.isdisjoint(details.suites):
        raise ConfigurationError(
            f"{shown}: minVersion is 1.3, and cipherSuites has no suite of TLS 1.3"
        )
    return details


def _needs_tls13(node: Node, what: str) -> bool:
    if node is None:
        return False
    if not isinstance(node, str) or node not in _VERSIONS:
        raise ConfigurationError(
            f'{what}: unrecognized TLS minimum version "{printable(str(node), limit=100)}"',
            hint=f"choose one of {', '.join(_VERSIONS)}; those before 1.2 count as 1.2",
        )
    return node == "1.3"


def _suites(node: Node, what: str) -> tuple[str, ...]:
    names = _names(node, f"{what}: cipherSuites")
    for name in names:
        if name not in TLS12_SUITES and name not in TLS13_SUITES:
            shown = printable(name, limit=100)
            raise ConfigurationError(f'{what}: unrecognized TLS cipher suite "{shown}"')
    if node is not None and not names:
        raise ConfigurationError(
            f"{what}: cipherSuites is empty, so that no connection could be made"
        )
    return names


def _group(node: Node, what: str) -> str:
    names = _names(node, f"{what}: namedGroups")
    for name in names:
        if name not in GROUPS:
            shown = printable(name, limit=100)
            raise ConfigurationError(f'{what}: unrecognized TLS named group "{shown}"')
    if len(names) > 1:
        raise ConfigurationError(
            f"{what}: namedGroups has {len(names)} groups, and Python's TLS can be held to one",
            hint="name one group, or leave out namedGroups",
        )
    return names[0] if names else ""


def _names(node: Node, what: str) -> tuple[str, ...]:
    if node is None:
        return ()
    names = node if isinstance(node, list) else [node]
    found = tuple(name for name in names if isinstance(name, str))
    if not isinstance(node, list) or len(found) != len(node):
        raise ConfigurationError(f"{what} is no list of names")
    return found
