"""Whose certificate is believed, whose is shown, and where verification is switched off."""

from __future__ import annotations

import datetime as dt
import ssl
import warnings
from dataclasses import replace
from pathlib import Path

import pytest
import trustme

from regcopy.auth.credential import Credential
from regcopy.config.tls_details import TlsDetails
from regcopy.errors import (
    ConfigurationError,
    ConnectionFailed,
    Refused,
    TlsFailed,
)
from regcopy.transports.base import SideOptions
from tests.http_world import client_of, get, headers_of, put
from tests.played_server import PlayedServer, Script, Talk, answer, says
from tests.tls_world import INSECURE, secured, server_context

YESTERDAY = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)


@pytest.fixture
def cert_dir(authority: trustme.CA, tmp_path: Path) -> Path:
    """A folder for --cert-dir with the authority."""
    folder = tmp_path / "certs"
    folder.mkdir()
    authority.cert_pem.write_to_path(str(folder / "ca.crt"))
    return folder


def trusting(folder: Path, **more: tuple[str, ...]) -> SideOptions:
    return SideOptions(tls_verify=True, cert_dir=str(folder), **more)  # type: ignore[arg-type]


def assert_refused(server: PlayedServer, options: SideOptions, told: str) -> TlsFailed:
    with (
        server,
        client_of(server.host, options=options) as client,
        pytest.raises(TlsFailed, match=told) as caught,
    ):
        client.call(get())
    assert server.heard == []
    assert caught.value.tries == 1
    return caught.value


def test_a_certificate_of_an_unknown_authority_is_refused_with_a_hint(
    authority: trustme.CA,
) -> None:
    error = assert_refused(
        secured(authority), SideOptions(), "certificate of 127.0.0.1:.* unable to get"
    )

    assert "--cert-dir" in error.hint
    assert "--tls-verify=false" in error.hint


def test_an_authority_in_the_folder_is_believed(authority: trustme.CA, cert_dir: Path) -> None:
    with (
        secured(authority) as server,
        client_of(server.host, options=trusting(cert_dir)) as client,
    ):
        assert client.send(get()).status == 200


def test_an_authority_in_the_hosts_own_folder_is_believed(
    authority: trustme.CA, tmp_path: Path
) -> None:
    with secured(authority) as server:
        folder = tmp_path / ".config/containers/certs.d" / server.host
        folder.mkdir(parents=True)
        authority.cert_pem.write_to_path(str(folder / "ca.crt"))
        variables = {"HOME": str(tmp_path)}
        with client_of(server.host, options=SideOptions(), variables=variables) as client:
            assert client.send(get()).status == 200


def test_a_servers_own_certificate_in_the_folder_is_believed(
    authority: trustme.CA, tmp_path: Path
) -> None:
    """As with Go: what people put there is often no authority at all."""
    leaf = authority.issue_cert("127.0.0.1")
    leaf.cert_chain_pems[0].write_to_path(str(tmp_path / "server.crt"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    leaf.configure_cert(context)
    with (
        PlayedServer(says(answer(200)), tls=context) as server,
        client_of(server.host, options=trusting(tmp_path)) as client,
    ):
        assert client.send(get()).status == 200


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SSL_CERT_FILE", "{certs}/ca.crt"),
        ("SSL_CERT_DIR", "{certs}"),
        ("SSL_CERT_DIR", "/none/such::{certs}:/etc/ssl/certs"),
    ],
)
def test_authorities_that_the_environment_names_are_believed(
    authority: trustme.CA, cert_dir: Path, variable: str, value: str
) -> None:
    """Under any name, as a cluster mounts them; OpenSSL alone asks for names that are hashes."""
    (cert_dir / "README").write_text("no certificate")
    variables = {variable: value.format(certs=cert_dir)}
    with (
        secured(authority) as server,
        client_of(server.host, options=SideOptions(), variables=variables) as client,
    ):
        assert client.send(get()).status == 200


@pytest.mark.parametrize("beside", ["README", "0a1b2c3d.0"])
def test_an_authority_that_was_put_into_the_systems_folder_is_believed(
    authority: trustme.CA, cert_dir: Path, beside: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (cert_dir / beside).write_text("no certificate")
    paths = ssl.get_default_verify_paths()._replace(openssl_cafile="", openssl_capath=str(cert_dir))
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: paths)
    with (
        secured(authority) as server,
        client_of(server.host, options=SideOptions()) as client,
    ):
        assert client.send(get()).status == 200


def test_a_certificate_for_another_name_is_refused(authority: trustme.CA, cert_dir: Path) -> None:
    server = PlayedServer(says(answer(200)), tls=server_context(authority, "other.example"))

    assert_refused(server, trusting(cert_dir), "certificate is not valid for '127.0.0.1'")


def test_an_expired_certificate_is_refused(authority: trustme.CA, cert_dir: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", not_after=YESTERDAY).configure_cert(context)

    assert_refused(PlayedServer(says(answer(200)), tls=context), trusting(cert_dir), "expired")


def test_an_old_version_of_tls_is_refused(authority: trustme.CA, cert_dir: Path) -> None:
    context = server_context(authority)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.maximum_version = ssl.TLSVersion.TLSv1_1

    assert_refused(PlayedServer(says(answer(200)), tls=context), trusting(cert_dir), "TLS failed")


def test_what_the_user_demands_of_tls_holds(authority: trustme.CA, cert_dir: Path) -> None:
    context = server_context(authority)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    demanding = replace(trusting(cert_dir), tls_details=TlsDetails(needs_tls13=True))

    assert_refused(PlayedServer(says(answer(200)), tls=context), demanding, "TLS failed.*version")


def test_with_verification_off_tls_is_still_used(authority: trustme.CA) -> None:
    refusal = answer(401, b"", {"WWW-Authenticate": 'Basic realm="x"'})
    with (
        secured(authority, says(refusal, answer(200))) as server,
        client_of(server.host, options=INSECURE, credential=Credential("u", "p")) as client,
    ):
        reply = client.send(get())
        reply.close()

    assert reply.url.startswith("https://")
    assert headers_of(server.heard[1])["authorization"] == "Basic dTpw"


def test_a_tls_registry_that_fails_is_never_asked_in_plain(authority: trustme.CA) -> None:
    """It completed a handshake: a broken answer is no reason to send a password in clear."""
    with (
        secured(authority, says(b"")) as server,
        client_of(server.host, options=INSECURE) as client,
    ):
        for _ in range(2):
            with pytest.raises(ConnectionFailed, match="without an answer"):
                client.send(get())

        assert client._http.home.scheme == "https"


def test_verification_off_is_not_for_redirect_targets(authority: trustme.CA) -> None:
    with secured(authority) as storage:
        there = answer(307, headers={"Location": f"https://{storage.host}/x"})
        with (
            secured(authority, says(there)) as server,
            client_of(server.host, options=INSECURE) as client,
            pytest.raises(TlsFailed, match=f"certificate of {storage.host}"),
        ):
            client.send(get())

    assert storage.heard == []


def test_verification_off_is_not_for_token_services(authority: trustme.CA) -> None:
    with secured(authority) as service:
        header = {"WWW-Authenticate": f'Bearer realm="https://{service.host}/token"'}
        options = SideOptions(tls_verify=False, token_hosts=(service.host,))
        with (
            secured(authority, says(answer(401, b"", header))) as server,
            client_of(server.host, options=options, credential=Credential("u", "p")) as client,
            pytest.raises(TlsFailed, match=f"certificate of {service.host}"),
        ):
            client.send(get())

    assert service.heard == []


def test_an_authority_of_the_folder_is_believed_for_storage_too(
    authority: trustme.CA, cert_dir: Path
) -> None:
    with secured(authority) as storage:
        there = answer(307, headers={"Location": f"https://{storage.host}/x"})
        with (
            secured(authority, says(there)) as server,
            client_of(server.host, options=trusting(cert_dir)) as client,
        ):
            assert client.send(get()).url == f"https://{storage.host}/x"


def test_https_does_not_lead_to_http(authority: trustme.CA, cert_dir: Path) -> None:
    with PlayedServer(says(answer(200))) as stranger:
        there = answer(307, headers={"Location": f"http://{stranger.host}/x"})
        with (
            secured(authority, says(there)) as server,
            client_of(server.host, options=trusting(cert_dir)) as client,
            pytest.raises(Refused, match="where it must not"),
        ):
            client.send(get())

    assert stranger.heard == []


def test_a_registry_that_calls_itself_http_is_asked_by_https(
    authority: trustme.CA, cert_dir: Path
) -> None:
    """So does one behind a proxy that ends TLS; its own address is meant."""

    def script(talk: Talk) -> None:
        talk.hear()
        talk.say(answer(202, headers={"Location": f"http://{server.host}/upload?state=1"}))

    server = secured(authority, script)
    with (
        server,
        client_of(server.host, options=trusting(cert_dir)) as client,
        client.send(put(b"")) as reply,
    ):
        assert reply.location == f"https://{server.host}/upload?state=1"


def wanting_a_certificate(authority: trustme.CA, *scripts: Script) -> PlayedServer:
    server = secured(authority, *scripts)
    context = server_context(authority)
    context.verify_mode = ssl.CERT_OPTIONAL if scripts else ssl.CERT_REQUIRED
    authority.configure_trust(context)
    server._tls = context
    return server


def add_client_certificate(authority: trustme.CA, folder: Path) -> None:
    pair = authority.issue_cert("me@example.com")
    pair.cert_chain_pems[0].write_to_path(str(folder / "client.cert"))
    pair.private_key_pem.write_to_path(str(folder / "client.key"))


def test_a_client_certificate_is_shown_to_the_registry(
    authority: trustme.CA, cert_dir: Path
) -> None:
    add_client_certificate(authority, cert_dir)
    with (
        wanting_a_certificate(authority) as server,
        client_of(server.host, options=trusting(cert_dir)) as client,
    ):
        assert client.send(get()).status == 200


def test_a_missing_client_certificate_is_told(authority: trustme.CA, cert_dir: Path) -> None:
    with (
        wanting_a_certificate(authority) as server,
        client_of(server.host, options=trusting(cert_dir)) as client,
        pytest.raises(ConnectionFailed) as caught,
    ):
        client.send(get())

    assert isinstance(caught.value, TlsFailed)
    assert "client certificate" in caught.value.hint


def test_a_client_certificate_is_not_shown_to_others(authority: trustme.CA, cert_dir: Path) -> None:
    def script(talk: Talk) -> None:
        talk.hear()
        shown.append(talk.peer_certificate())
        talk.say(answer(200))

    shown: list[bool] = []
    add_client_certificate(authority, cert_dir)
    with wanting_a_certificate(authority, script) as storage:
        there = answer(307, headers={"Location": f"https://{storage.host}/x"})
        with (
            wanting_a_certificate(authority, says(there)) as server,
            client_of(server.host, options=trusting(cert_dir)) as client,
        ):
            client.send(get()).close()

    assert shown == [False]


@pytest.mark.parametrize("content", ["", "no certificate", "-----BEGIN CERTIFICATE-----\nx"])
def test_a_file_that_is_no_certificate_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "bad.crt").write_text(content)
    with (
        client_of("127.0.0.1:1", options=trusting(tmp_path)) as client,
        pytest.raises(ConfigurationError, match=r"cannot use the certificate .*bad.crt: not a"),
    ):
        client.send(get())


def test_a_key_with_a_password_is_an_error_and_no_question(
    authority: trustme.CA, tmp_path: Path
) -> None:
    from cryptography.hazmat.primitives import serialization as s

    pair = authority.issue_cert("me@example.com")
    pair.cert_chain_pems[0].write_to_path(str(tmp_path / "client.cert"))
    key = s.load_pem_private_key(pair.private_key_pem.bytes(), None)
    locked = key.private_bytes(
        s.Encoding.PEM, s.PrivateFormat.PKCS8, s.BestAvailableEncryption(b"x")
    )
    (tmp_path / "client.key").write_bytes(locked)
    with (
        client_of("127.0.0.1:1", options=trusting(tmp_path)) as client,
        pytest.raises(ConfigurationError, match=r"cannot use the client certificate"),
    ):
        client.send(get())
