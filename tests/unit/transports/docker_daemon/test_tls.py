"""TLS to a daemon: whom it trusts, and with which files."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path

import pytest
import trustme

from regcopy.api import Access, get_manifest
from regcopy.config.environment import Environment
from regcopy.errors import ConfigurationError, NotFound, TlsFailed
from regcopy.transports.base import SideOptions
from tests.played_server import PlayedServer, Talk, answer

AUTHORITY = trustme.CA()


def server_context(clients: trustme.CA | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert("127.0.0.1").configure_cert(context)
    if clients is not None:
        clients.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    """Folder with the daemon's authority."""
    AUTHORITY.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    return tmp_path


def daemon(tls: ssl.SSLContext) -> PlayedServer:
    def script(talk: Talk) -> None:
        head = talk.hear()
        is_version = head.startswith(b"GET /version ")
        talk.say(answer(200, b"{}") if is_version else answer(404, b'{"message":"no app"}'))

    return PlayedServer(script, tls=tls)


def ask(
    server: PlayedServer,
    *,
    cert_dir: str = "",
    tls_verify: bool | None = None,
    environment: Mapping[str, str] | None = None,
) -> None:
    options = SideOptions(
        daemon_host=f"tcp://{server.host}", cert_dir=cert_dir, tls_verify=tls_verify
    )
    get_manifest(
        "docker-daemon:app:1",
        access=Access(options=options),
        environment=Environment(environment or {}),
    )


def test_the_authority_comes_from_the_folder_of_certificates(certificates: Path) -> None:
    with daemon(server_context()) as server, pytest.raises(NotFound, match="no app"):
        ask(server, cert_dir=str(certificates))


def test_the_authority_comes_from_docker_cert_path(certificates: Path) -> None:
    with daemon(server_context()) as server, pytest.raises(NotFound, match="no app"):
        ask(server, environment={"DOCKER_CERT_PATH": str(certificates)})


def test_the_authority_comes_from_dockers_folder_at_home(certificates: Path) -> None:
    (certificates / ".docker").mkdir()
    (certificates / "ca.pem").rename(certificates / ".docker" / "ca.pem")
    with daemon(server_context()) as server, pytest.raises(NotFound, match="no app"):
        ask(server, environment={"HOME": str(certificates)})


def test_a_stranger_is_not_trusted() -> None:
    with daemon(server_context()) as server, pytest.raises(TlsFailed, match="was not accepted"):
        ask(server)


def test_a_stranger_is_asked_where_verification_is_off() -> None:
    with daemon(server_context()) as server, pytest.raises(NotFound, match="no app"):
        ask(server, tls_verify=False)


def test_a_client_certificate_is_shown(certificates: Path) -> None:
    clients = trustme.CA()
    pair = clients.issue_cert("client@example.org")
    pair.cert_chain_pems[0].write_to_path(str(certificates / "cert.pem"))
    pair.private_key_pem.write_to_path(str(certificates / "key.pem"))
    with daemon(server_context(clients)) as server, pytest.raises(NotFound, match="no app"):
        ask(server, cert_dir=str(certificates))


def test_files_that_are_no_certificates_are_named(certificates: Path) -> None:
    (certificates / "ca.pem").write_text("no certificate")
    with (
        daemon(server_context()) as server,
        pytest.raises(ConfigurationError, match="certificates"),
    ):
        ask(server, cert_dir=str(certificates))


def test_a_folder_that_was_named_must_be_there() -> None:
    with daemon(server_context()) as server, pytest.raises(ConfigurationError, match="/nowhere"):
        ask(server, environment={"DOCKER_CERT_PATH": "/nowhere"})
