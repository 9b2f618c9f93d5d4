"""Small files from the web: without credentials, and within limits."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from pytest_httpserver import HTTPServer

from regcopy.auth.credential import Credential
from regcopy.errors import ConfigurationError, Forbidden, LimitExceeded, TlsFailed
from regcopy.transports.base import Context, RetryPolicy, SideOptions
from regcopy.transports.docker.files import fetch_file
from tests.conftest import Keep
from tests.contexts import make_context
from tests.servers import Registry


@pytest.fixture
def context(keep: Keep) -> Context:
    """One with a credential that no file must ever see."""
    return keep(make_context(credential=Credential("user", "secret", origin="test")))


def test_a_file_is_fetched_without_a_credential(httpserver: HTTPServer, context: Context) -> None:
    httpserver.expect_request("/a/b").respond_with_data(b"content")
    assert fetch_file(httpserver.url_for("/a/b"), context, limit=7) == b"content"
    assert all("Authorization" not in request.headers for request, _ in httpserver.log)


def test_a_file_that_is_not_there_is_none(httpserver: HTTPServer, context: Context) -> None:
    httpserver.expect_request("/a").respond_with_data(b"", 404)
    assert fetch_file(httpserver.url_for("/a"), context, limit=7) is None


def test_a_file_that_is_too_large_is_refused(httpserver: HTTPServer, context: Context) -> None:
    httpserver.expect_request("/a").respond_with_data(b"x" * 8)
    with pytest.raises(LimitExceeded):
        fetch_file(httpserver.url_for("/a"), context, limit=7)


@pytest.mark.parametrize("challenge", ['Basic realm="x"', ""])
def test_a_server_that_wants_a_password_gets_none(
    httpserver: HTTPServer, context: Context, challenge: str
) -> None:
    headers = {"WWW-Authenticate": challenge} if challenge else {}
    httpserver.expect_request(re.compile("/")).respond_with_data(b"", 403, headers)
    with pytest.raises(Forbidden):
        fetch_file(httpserver.url_for("/a"), context, limit=7)
    assert all("Authorization" not in request.headers for request, _ in httpserver.log)


def test_a_failure_is_repeated_as_for_registries(httpserver: HTTPServer, context: Context) -> None:
    httpserver.expect_ordered_request("/a").respond_with_data(b"", 503)
    httpserver.expect_ordered_request("/a").respond_with_data(b"at last")
    patient = replace(context, retry=RetryPolicy(first_delay_seconds=0.001))
    assert fetch_file(httpserver.url_for("/a"), patient, limit=7) == b"at last"


def test_https_is_verified_whatever_the_registry_may_do(
    tls_registry: Registry, context: Context
) -> None:
    lax = replace(context, options=SideOptions(tls_verify=False))
    with pytest.raises(TlsFailed):
        fetch_file(f"https://{tls_registry.host}/v2/", lax, limit=7)


@pytest.mark.parametrize(
    "url", ["", "file:///etc/passwd", "https://", "http://u:p@example.com/", "/a"]
)
def test_what_is_no_address_is_refused(context: Context, url: str) -> None:
    with pytest.raises(ConfigurationError):
        fetch_file(url, context, limit=7)
