"""Servers with TLS, played for tests."""

from __future__ import annotations

import ssl

import trustme

from regcopy.transports.base import SideOptions
from tests.played_server import PlayedServer, Script, answer, says

INSECURE = SideOptions(tls_verify=False)


def server_context(authority: trustme.CA, name: str = "127.0.0.1") -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


def secured(authority: trustme.CA, *scripts: Script) -> PlayedServer:
    return PlayedServer(
        *(scripts or (says(answer(200), answer(200)),)), tls=server_context(authority)
    )
