"""Who may see a secret, and where a registry may lead us: tables without any network."""

from __future__ import annotations

import pytest

from regcopy.errors import Refused
from regcopy.transports.docker.origin import (
    Origin,
    may_ask_anonymously,
    may_follow,
    may_send_secret,
    resolve,
)

# registry, realm, may the credentials go there, may it be asked without them
MATRIX = [
    # the registry itself
    ("https://registry.example.com", "https://registry.example.com/token", True, True),
    ("https://registry.example.com", "https://registry.example.com:443/token", True, True),
    ("https://registry.example.com:5000", "https://registry.example.com:5000/t", True, True),
    ("https://registry.example.com", "https://REGISTRY.Example.COM/token", True, True),
    ("https://registry.example.com", "https://registry.example.com./token", True, True),
    ("http://localhost:5000", "http://localhost:5000/token", True, True),
    ("http://127.0.0.1:5000", "http://127.0.0.1:5000/token", True, True),
    ("http://[::1]:5000", "http://[::1]:5000/token", True, True),
    ("https://10.0.0.5", "https://10.0.0.5/token", True, True),
    ("https://registry", "https://registry/token", True, True),
    # well-known pairs of registry and token service
    ("https://registry-1.docker.io", "https://auth.docker.io/token", True, True),
    ("https://registry.gitlab.com", "https://gitlab.com/jwt/auth", True, True),
    ("https://gitlab.example.com:5050", "https://gitlab.example.com/jwt/auth", True, True),
    ("https://ghcr.io", "https://ghcr.io/token", True, True),
    ("https://quay.io", "https://quay.io/v2/auth", True, True),
    ("https://nvcr.io", "https://nvcr.io/proxy_auth", True, True),
    ("https://registry.corp.example.co.uk", "https://auth.example.co.uk/t", True, True),
    # another domain
    ("https://registry.example.com", "https://evil.example.net/token", False, True),
    ("https://registry.example.com", "https://example.com.evil.net/token", False, True),
    ("https://registry.example.com", "https://evilexample.com/token", False, True),
    ("https://registry-1.docker.io", "https://auth.docker.io.evil.net/token", False, True),
    ("https://registry.example.com", "https://auth.docker.io/token", False, True),
    # two names below one public suffix are two owners
    ("https://registry.co.uk", "https://evil.co.uk/token", False, True),
    ("https://mine.github.io", "https://evil.github.io/token", False, True),
    ("https://me.blogspot.com", "https://you.blogspot.com/token", False, True),
    ("https://a.azurewebsites.net", "https://b.azurewebsites.net/token", False, True),
    # from https to http: never
    ("https://registry.example.com", "http://registry.example.com/token", False, False),
    ("https://registry.example.com", "http://auth.example.com/token", False, False),
    ("https://registry.example.com:5000", "http://registry.example.com:5000/t", False, False),
    # plain http registries
    ("http://registry.example.com", "https://registry.example.com/token", True, True),
    ("http://registry.example.com", "http://auth.example.com/token", False, False),
    ("http://registry.example.com", "https://auth.example.com/token", True, True),
    ("http://localhost:5000", "http://localhost:5001/token", False, True),
    ("http://127.0.0.1:5000", "http://127.0.0.1:5001/token", False, True),
    ("http://localhost:5000", "http://127.0.0.1:5000/token", False, False),
    # another port of the same host is another owner, unless https and a name say otherwise
    ("https://10.0.0.5", "https://10.0.0.5:8443/token", False, True),
    ("https://registry:5000", "https://registry:5001/token", False, True),
    # addresses, loopback, local names
    ("https://registry.example.com", "https://10.0.0.5/token", False, False),
    ("https://registry.example.com", "https://127.0.0.1/token", False, False),
    ("https://registry.example.com", "https://127.1/token", False, False),
    ("https://registry.example.com", "https://2130706433/token", False, False),
    ("https://registry.example.com", "https://0x7f.1/token", False, False),
    ("https://registry.example.com", "https://0.0.0.0/token", False, False),
    ("https://registry.example.com", "https://169.254.169.254/token", False, False),
    ("https://registry.example.com", "https://[::1]/token", False, False),
    ("https://registry.example.com", "https://[::ffff:127.0.0.1]/token", False, False),
    ("https://registry.example.com", "https://localhost/token", False, False),
    ("https://registry.example.com", "https://metadata.google.internal/token", False, False),
    ("https://registry.example.com", "https://printer.local/token", False, False),
    ("https://registry.corp.local", "https://auth.corp.local/token", False, False),
    ("https://10.0.0.5", "https://10.0.0.6/token", False, False),
]


@pytest.mark.parametrize(("registry", "realm", "secret", "anonymous"), MATRIX)
def test_realm_matrix(registry: str, realm: str, secret: bool, anonymous: bool) -> None:
    home, target = Origin.of(registry), Origin.of(realm)

    assert may_send_secret(home, target) is secret
    assert may_ask_anonymously(home, target) is anonymous


@pytest.mark.parametrize(
    ("named", "realm", "allowed"),
    [
        ("auth.other.net", "https://auth.other.net/token", True),
        ("auth.other.net", "https://auth.other.net:8443/token", True),
        ("auth.other.net:8443", "https://auth.other.net:8443/token", True),
        ("auth.other.net:443", "https://auth.other.net/token", True),
        ("AUTH.other.net", "https://auth.other.net/token", True),
        ("10.0.0.5:5001", "https://10.0.0.5:5001/token", True),
        ("[::1]:5001", "https://[::1]:5001/token", True),
        ("auth.other.net:8443", "https://auth.other.net/token", False),
        ("other.net", "https://auth.other.net/token", False),
        ("auth.other.net", "http://auth.other.net/token", False),
        ("auth.other.net", "https://auth.other.net.evil.org/token", False),
    ],
)
def test_a_token_host_that_the_user_named(named: str, realm: str, allowed: bool) -> None:
    home = Origin.of("https://registry.example.com")

    assert may_send_secret(home, Origin.of(realm), (named,)) is allowed


def test_a_named_token_host_may_be_plain_http_where_the_registry_is() -> None:
    home, target = Origin.of("http://127.0.0.1:5000"), Origin.of("http://127.0.0.1:5001")

    assert may_send_secret(home, target, ("127.0.0.1:5001",))


@pytest.mark.parametrize(
    ("registry", "target", "allowed"),
    [
        ("https://registry.example.com", "https://storage.example.net/x", True),
        ("https://registry.example.com", "https://10.0.0.9:9000/x", True),
        ("https://registry.example.com", "https://registry.example.com:8443/x", True),
        ("https://registry.example.com", "http://storage.example.net/x", False),
        ("https://registry.example.com", "http://registry.example.com/x", False),
        ("https://registry.example.com", "https://127.0.0.1/x", False),
        ("https://registry.example.com", "https://localhost/x", False),
        ("https://registry.example.com", "https://foo.localhost/x", False),
        ("https://registry.example.com", "https://169.254.169.254/x", False),
        ("https://registry.example.com", "https://[::]/x", False),
        ("https://registry.example.com", "https://[fe80::1]/x", False),
        ("https://registry.example.com", "https://[::ffff:127.0.0.1]/x", False),
        ("https://registry.example.com", "https://127.1/x", False),
        ("http://registry.lan:5000", "http://minio.lan:9000/x", True),
        ("http://registry.lan:5000", "https://minio.lan:9000/x", True),
        ("http://registry.lan:5000", "http://169.254.169.254/x", False),
        ("http://127.0.0.1:5000", "http://169.254.169.254/x", False),
        ("http://127.0.0.1:5000", "http://127.0.0.1:5001/x", True),
        ("http://localhost:5000", "http://127.0.0.1:5001/x", True),
    ],
)
def test_where_a_redirect_may_lead(registry: str, target: str, allowed: bool) -> None:
    assert may_follow(Origin.of(registry), Origin.of(target)) is allowed


@pytest.mark.parametrize(
    "url",
    [
        "ftp://host/x",
        "file:///etc/passwd",
        "https:///x",
        "https://user@host/x",
        "https://user:password@host/x",
        "https://host\\@evil/x",
        "https://host:99999/x",
        "https://host:0/x",
        "https://host:x/x",
        "https://ho st/x",
        "https://host/a b",
        "https://host/\n",
        "https://[::1/x",
        "https://[fe80::1%25eth0]/x",
        "https://[::1%eth0]/x",
        "https://höst/x",
        "https://ho%73t/x",
        "https://..",
        "https://host/" + "x" * 9000,
        "//host/x",
        "/x",
        "",
    ],
)
def test_an_unusable_address_is_refused(url: str) -> None:
    with pytest.raises(Refused, match="unusable address") as caught:
        Origin.of(url)

    assert "password" not in str(caught.value)


@pytest.mark.parametrize(
    ("registry", "location", "url"),
    [
        ("https://host", "/v2/x?state=1", "https://host/v2/x?state=1"),
        ("https://host", "other", "https://host/v2/a/other"),
        ("https://host", "?state=1", "https://host/v2/a/b?state=1"),
        ("https://host", "https://store.example/x#part", "https://store.example/x"),
        ("https://host", "https://host", "https://host/"),
        ("https://host", "https://HOST:443/x", "https://host/x"),
        ("https://host:5000", "//host:5000/x", "https://host:5000/x"),
        # a registry behind a proxy that ends TLS names itself with http
        ("https://host", "http://host/x", "https://host/x"),
        ("https://host:5000", "http://host:5000/x", "https://host:5000/x"),
        ("https://host:5000", "http://host/x", "https://host:5000/x"),
        ("https://host:5000", "http://host:6000/x", "http://host:6000/x"),
        ("https://host", "http://other/x", "http://other/x"),
        ("http://host:5000", "http://host:5000/x", "http://host:5000/x"),
    ],
)
def test_a_location_is_made_absolute(registry: str, location: str, url: str) -> None:
    assert resolve(f"{registry}/v2/a/b", location, Origin.of(registry)) == url


def test_an_origin_is_written_as_in_a_url() -> None:
    assert str(Origin.of("https://Host:443/x")) == "https://host"
    assert str(Origin.of("http://[::1]:5000/x")) == "http://[::1]:5000"
