"""What a user demands of TLS, put upon a configuration of Python's."""

from __future__ import annotations

import ssl
from collections.abc import Collection
from typing import TYPE_CHECKING

from regcopy.errors import ConfigurationError

if TYPE_CHECKING:
    from regcopy.config.tls_details import TlsDetails


def limit_tls(context: ssl.SSLContext, details: TlsDetails | None) -> None:
    """Allow only what is demanded; nothing older than TLS 1.2 in any case.

    Raises:
        ConfigurationError: OpenSSL here has none of it.
    """
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if details is None:
        return
    if details.needs_tls13:
        context.minimum_version = ssl.TLSVersion.TLSv1_3
    if details.suites:
        _limit_suites(context, details.suites)
    if details.group:
        _limit_group(context, details.group)


def _limit_suites(context: ssl.SSLContext, suites: Collection[str]) -> None:
    from regcopy.config.tls_details import TLS12_SUITES, TLS13_SUITES  # few demand anything

    old = [TLS12_SUITES[name] for name in suites if name in TLS12_SUITES]
    new = TLS13_SUITES.intersection(suites)
    if not new:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    if not old:
        context.minimum_version = ssl.TLSVersion.TLSv1_3
    else:
        try:
            context.set_ciphers(":".join(old))
        except ssl.SSLError:
            raise ConfigurationError(
                f"OpenSSL here has none of the cipher suites {', '.join(suites)}"
            ) from None
    if new and new != TLS13_SUITES:
        # Python offers all suites of TLS 1.3 or none. So what the server chose is looked at,
        # before anything is said to it.
        context.sslsocket_class = _socket_class(new.union(old))
        context.sslobject_class = _object_class(new.union(old))


def _limit_group(context: ssl.SSLContext, group: str) -> None:
    from regcopy.config.tls_details import GROUPS

    try:
        context.set_ecdh_curve(GROUPS[group])
    except (ValueError, ssl.SSLError):
        raise ConfigurationError(f"OpenSSL here cannot be held to the group {group}") from None


def _socket_class(allowed: Collection[str]) -> type[ssl.SSLSocket]:
    class LimitedSocket(ssl.SSLSocket):
        def do_handshake(self, block: bool = False) -> None:
            super().do_handshake(block)
            _check_suite(self.cipher(), allowed)

    return LimitedSocket


def _object_class(allowed: Collection[str]) -> type[ssl.SSLObject]:
    class LimitedObject(ssl.SSLObject):
        def do_handshake(self) -> None:
            super().do_handshake()
            _check_suite(self.cipher(), allowed)

    return LimitedObject


def _check_suite(chosen: tuple[str, str, int] | None, allowed: Collection[str]) -> None:
    name = chosen[0] if chosen else "no cipher suite"
    if name not in allowed:
        error = ssl.SSLError(ssl.SSLErrorNumber.SSL_ERROR_SSL, "not allowed")
        error.reason = f"the server chose {name}, which --tls-details does not allow"
        raise error
