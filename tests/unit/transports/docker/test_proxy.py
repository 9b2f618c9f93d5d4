"""Proxies of the environment are used, and their passwords are not shown."""

from __future__ import annotations

import ssl

import pytest
import trustme

from regcopy.errors import ConfigurationError, ConnectionFailed, RegcopyError, TlsFailed
from regcopy.transports.base import SideOptions
from tests.http_world import client_of, get, headers_of
from tests.played_server import PlayedServer, Talk, answer, says

HOST = "registry.example"
INSECURE = SideOptions(tls_verify=False)


def variables(proxy: PlayedServer, login: str = "") -> dict[str, str]:
    address = f"http://{login}{proxy.host}"
    return {"HTTP_PROXY": address, "HTTPS_PROXY": address}


def test_plain_http_goes_through_the_proxy() -> None:
    with (
        PlayedServer(says(answer(405)), says(answer(200, b"hello"))) as proxy,
        client_of(HOST, options=INSECURE, variables=variables(proxy)) as client,
    ):
        assert client.send(get()).read_all(10, "it") == b"hello"

    assert proxy.heard[0].startswith(b"CONNECT registry.example:443 HTTP/1.")
    assert proxy.heard[1].startswith(b"GET http://registry.example/v2/app/manifests/1 HTTP/1.1")


def test_https_goes_through_a_tunnel() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert(HOST).configure_cert(context)

    def script(talk: Talk) -> None:
        talk.hear()
        talk.say(b"HTTP/1.1 200 Connected\r\n\r\n")
        talk.start_tls(context)
        talk.hear()
        talk.say(answer(200, b"hello"))

    with (
        PlayedServer(script) as proxy,
        client_of(HOST, options=INSECURE, variables=variables(proxy, "me:canary@")) as client,
    ):
        assert client.send(get()).read_all(10, "it") == b"hello"

    connect, inside = map(headers_of, proxy.heard)
    assert connect["proxy-authorization"] == "Basic bWU6Y2FuYXJ5"
    assert "proxy-authorization" not in inside
    assert inside["host"] == HOST


def test_a_proxy_that_refuses_is_told_without_its_password() -> None:
    with (
        PlayedServer(says(answer(407))) as proxy,
        client_of(HOST, options=SideOptions(), variables=variables(proxy, "me:canary@")) as client,
        pytest.raises(ConnectionFailed) as caught,
    ):
        client.send(get())

    assert "canary" not in str(caught.value)
    assert str(caught.value).endswith(
        f"GET {HOST}/v2/app/manifests/1: through the proxy: tunnel connection failed: 407 played"
    )
    assert "HTTPS_PROXY" in caught.value.hint


def test_a_proxy_that_does_not_listen_is_told_as_the_proxy() -> None:
    with PlayedServer(says(b"")) as proxy:
        named = variables(proxy)
    with (
        client_of(HOST, options=SideOptions(), variables=named) as client,
        pytest.raises(ConnectionFailed, match=r"proxy 127.0.0.1:\d+: connection refused"),
    ):
        client.send(get())


def test_verification_off_is_not_for_a_proxy_with_tls() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    with PlayedServer(says(answer(200)), tls=context) as proxy:
        named = {"HTTPS_PROXY": f"https://{proxy.host}", "HTTP_PROXY": f"https://{proxy.host}"}
        with (
            client_of(HOST, options=INSECURE, variables=named) as client,
            pytest.raises(TlsFailed),
        ):
            client.send(get())

    assert proxy.heard == []


def test_endless_headers_of_a_proxy_end() -> None:
    def script(talk: Talk) -> None:
        talk.hear()
        talk.say(b"HTTP/1.1 200 Connected\r\n")
        talk.say_while_heard(b"X-Header: some value\r\n")

    with (
        PlayedServer(script) as proxy,
        client_of(HOST, options=SideOptions(), variables=variables(proxy)) as client,
        pytest.raises(RegcopyError),
    ):
        client.send(get())


def test_no_proxy_goes_directly() -> None:
    with (
        PlayedServer(says(answer(200))) as proxy,
        client_of(
            "registry.invalid",
            options=SideOptions(),
            variables={**variables(proxy), "NO_PROXY": "registry.invalid"},
        ) as client,
        pytest.raises(ConnectionFailed, match="cannot be resolved"),
    ):
        client.send(get())

    assert proxy.heard == []


def test_the_process_environment_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    with PlayedServer(says(answer(200))) as proxy:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"):
            monkeypatch.setenv(name, f"http://{proxy.host}")
        with (
            client_of("registry.invalid", options=SideOptions()) as client,
            pytest.raises(ConnectionFailed, match="cannot be resolved"),
        ):
            client.send(get())

        assert proxy.heard == []


def test_a_socks_proxy_is_refused_in_words() -> None:
    with (
        client_of(HOST, variables={"HTTPS_PROXY": "socks5://127.0.0.1:1"}) as client,
        pytest.raises(ConfigurationError, match="SOCKS proxies are not supported"),
    ):
        client.send(get())
