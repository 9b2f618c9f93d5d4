"""Demands on TLS hold for a real handshake, or it fails before anything is said."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import suppress

import pytest
import trustme

from regcopy.config.tls_details import TLS12_SUITES, TLS13_SUITES, TlsDetails
from regcopy.errors import ConfigurationError
from regcopy.transports.tls_limits import limit_tls
from tests.tls_world import server_context

ECDHE = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
OLD = ("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", ECDHE)


@pytest.fixture
def server() -> ssl.SSLContext:
    """A server that speaks TLS 1.2 and 1.3."""
    return server_context(trustme.CA(), "registry.example.com")


def shake_hands(server: ssl.SSLContext, details: TlsDetails) -> tuple[str, str]:
    """Give the version and the cipher suite of a connection."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    limit_tls(context, details)
    ours, theirs = socket.socketpair()
    answering = threading.Thread(target=_answer, args=(server, theirs), daemon=True)
    answering.start()
    try:
        with ours, context.wrap_socket(ours) as connection:
            cipher = connection.cipher()
            assert cipher
            return connection.version() or "", cipher[0]
    finally:
        ours.close()
        answering.join(10)


def _answer(server: ssl.SSLContext, sock: socket.socket) -> None:
    with sock, suppress(OSError), server.wrap_socket(sock, server_side=True) as connection:
        connection.recv(1)


def test_the_lowest_version_is_kept(server: ssl.SSLContext) -> None:
    server.maximum_version = ssl.TLSVersion.TLSv1_2
    assert shake_hands(server, TlsDetails())[0] == "TLSv1.2"
    with pytest.raises(ssl.SSLError, match=r"(?i)version"):
        shake_hands(server, TlsDetails(needs_tls13=True))


def test_suites_of_tls12_alone_mean_tls12(server: ssl.SSLContext) -> None:
    version, suite = shake_hands(server, TlsDetails(suites=OLD))
    assert version == "TLSv1.2"
    assert suite in {TLS12_SUITES[name] for name in OLD}


def test_suites_of_tls13_alone_mean_tls13(server: ssl.SSLContext) -> None:
    suites = TlsDetails(suites=tuple(TLS13_SUITES))
    assert shake_hands(server, suites)[0] == "TLSv1.3"
    server.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError, match=r"(?i)version"):
        shake_hands(server, suites)


def test_a_suite_of_tls13_that_is_not_allowed_ends_the_connection(
    server: ssl.SSLContext,
) -> None:
    _, chosen = shake_hands(server, TlsDetails())
    assert shake_hands(server, TlsDetails(suites=(chosen, ECDHE)))[1] == chosen
    others = tuple(TLS13_SUITES - {chosen})
    with pytest.raises(ssl.SSLError) as caught:
        shake_hands(server, TlsDetails(suites=others))
    assert chosen in caught.value.reason


def test_a_suite_is_looked_at_within_another_tls_connection_too() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    limit_tls(context, TlsDetails(suites=("TLS_AES_128_GCM_SHA256",)))
    made = context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="example.com")
    assert type(made) is context.sslobject_class is not ssl.SSLObject


def test_a_group_that_the_server_does_not_have_makes_no_connection(
    server: ssl.SSLContext,
) -> None:
    server.set_ecdh_curve("secp384r1")
    assert shake_hands(server, TlsDetails(group="secp384r1"))
    with pytest.raises(ssl.SSLError, match=r"(?i)handshake failure|no suitable|no shared"):
        shake_hands(server, TlsDetails(group="secp521r1"))


def test_suites_that_openssl_lacks_are_told() -> None:
    nothing = TlsDetails(suites=("TLS_RSA_WITH_RC4_128_SHA",))
    with pytest.raises(ConfigurationError, match="none of the cipher suites TLS_RSA_WITH_RC4"):
        limit_tls(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), nothing)
