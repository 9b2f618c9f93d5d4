"""Redirects: followed by our own loop, each hop built from nothing."""

from __future__ import annotations

import pytest
from pytest_httpserver import HTTPServer

from regcopy.errors import Refused
from tests.http_world import MANIFEST, client_of, echo, get, host_of, put
from tests.played_server import PlayedServer, answer, says


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed_with_the_same_headers(httpserver: HTTPServer, status: int) -> None:
    httpserver.expect_request(MANIFEST).respond_with_data(
        "", status=status, headers={"Location": "/there?sig=a%2Fb"}
    )
    httpserver.expect_request(
        "/there", query_string="sig=a%2Fb", headers={"Range": "bytes=5-"}
    ).respond_with_data("found")
    with client_of(host_of(httpserver)) as client:
        reply = client.send(get(Range="bytes=5-"))

        assert reply.read_all(10, "it") == b"found"
        assert reply.url == f"http://{host_of(httpserver)}/there?sig=a%2Fb"


def test_a_redirect_for_ever_ends(httpserver: HTTPServer) -> None:
    httpserver.expect_request(MANIFEST).respond_with_data(
        "", status=307, headers={"Location": MANIFEST}
    )
    with (
        client_of(host_of(httpserver)) as client,
        pytest.raises(Refused, match="more than 5 redirects"),
    ):
        client.send(get())

    assert len(httpserver.log) == 6


@pytest.mark.parametrize(
    ("location", "told"),
    [
        ("", "has no Location"),
        ("ftp://host/x", "unusable address"),
        ("http://u:p@host/x", "unusable address"),
        ("http://[fe80::1]/x", "where it must not"),
    ],
)
def test_a_redirect_to_nowhere_is_refused(location: str, told: str) -> None:
    headers = {"Location": location} if location else {}
    with (
        PlayedServer(says(answer(307, headers=headers))) as server,
        client_of(server.host) as client,
        pytest.raises(Refused, match=told) as caught,
    ):
        client.send(get())

    assert "u:p" not in str(caught.value)


def test_a_small_body_follows_a_redirect_within_the_registry(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/v2/app/blobs/uploads/1").respond_with_data(
        "", status=308, headers={"Location": "/there"}
    )
    httpserver.expect_request("/there", method="PUT").respond_with_handler(echo)
    with client_of(host_of(httpserver)) as client:
        assert client.send(put(b"abc")).read_all(100, "it") == b"3 3"


@pytest.mark.parametrize("status", [301, 302, 303])
def test_a_body_does_not_turn_into_a_get(httpserver: HTTPServer, status: int) -> None:
    httpserver.expect_request("/v2/app/blobs/uploads/1").respond_with_data(
        "", status=status, headers={"Location": "/there"}
    )
    with (
        client_of(host_of(httpserver)) as client,
        pytest.raises(Refused, match="where a body must not follow"),
    ):
        client.send(put(b"abc"))


def test_white_space_around_a_location_is_no_part_of_it() -> None:
    with (
        PlayedServer(says(answer(202, headers={"Location": " \t/v2/app/2 \t"}))) as server,
        client_of(server.host) as client,
        client.send(put(b"")) as reply,
    ):
        assert reply.location == f"http://{server.host}/v2/app/2"


def test_a_location_is_absolute() -> None:
    with (
        PlayedServer(says(answer(202, headers={"Location": "../uploads/2?state=x"}))) as server,
        client_of(server.host) as client,
        client.send(put(b"")) as reply,
    ):
        assert reply.location == f"http://{server.host}/v2/app/blobs/uploads/2?state=x"
