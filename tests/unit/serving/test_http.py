"""HTTP/1.1 as the server speaks it: what is taken, what is refused, and where the bounds are."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from regcopy.model.digest import Digest
from regcopy.serving import RegistryServer
from tests.served import Served, code_of

PING = b"GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n"


def connect(server: RegistryServer) -> socket.socket:
    host, _, port = server.address.rpartition(":")
    return socket.create_connection((host, int(port)), timeout=20)


@pytest.fixture
def connection(served: Served) -> Iterator[http.client.HTTPConnection]:
    """One connection, for several requests."""
    connection = http.client.HTTPConnection(served.address, timeout=20)
    yield connection
    connection.close()


def test_the_base_tells_that_this_is_a_registry(served: Served) -> None:
    found = served.ask("GET", "")

    assert (found.status, found.body) == (200, b"{}")
    assert found.headers["docker-distribution-api-version"] == "registry/2.0"
    assert found.headers["date"].endswith(" GMT")


def test_a_connection_serves_many_requests(
    served: Served, connection: http.client.HTTPConnection
) -> None:
    connection.request("GET", "/v2/")
    connection.getresponse().read()
    first = connection.sock

    for path in ("/v2/app/tags/list", "/v2/"):
        connection.request("GET", path)
        connection.getresponse().read()

    assert connection.sock is first
    assert [request.status for request in served.requests] == [200, 404, 200]


def test_requests_may_come_before_the_answers_are_read(served: Served) -> None:
    assert served.raw(PING * 3).count(b"HTTP/1.1 200 OK\r\n") == 3


def test_a_client_that_wants_to_close_is_answered_and_let_go(served: Served) -> None:
    answer = served.raw(b"GET /v2/ HTTP/1.1\r\nConnection: close\r\n\r\n" + PING)

    assert answer.count(b"HTTP/1.1 200 OK\r\n") == 1
    assert b"Connection: close\r\n" in answer


def test_http_1_0_is_answered_once(served: Served) -> None:
    assert served.raw(b"GET /v2/ HTTP/1.0\r\n\r\n" + PING).count(b"HTTP/1.1 200 OK\r\n") == 1


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"hello\r\n\r\n", 400),
        (b"GET  /v2/ HTTP/1.1\r\n\r\n", 400),
        (b"GET http://x/v2/ HTTP/1.1\r\n\r\n", 400),
        (b"GET /v2/ HTTP/2.0\r\n\r\n", 505),
        (b"GET /v2/ HTTP/1.1\r\nno header\r\n\r\n", 400),
        (b"GET /v2/ HTTP/1.1\r\n folded: x\r\n\r\n", 400),
        (b"GET /v2/ HTTP/1.1\r\nA b: x\r\n\r\n", 400),
        (b"GET /v2/ HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"GET /v2/ HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (b"POST /v2/a/blobs/uploads/ HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", 400),
        (b"PATCH /v2/ HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"GET /v2/?" + b"a=b&" * 30 + b" HTTP/1.1\r\n\r\n", 400),
        (b"GET /v2/ HTTP/1.1\r\n" + b"A: b\r\n" * 101 + b"\r\n", 431),
        (b"GET /v2/ HTTP/1.1\r\nA: " + b"b" * 40_000 + b"\r\n\r\n", 431),
        (b"GET /v2/ HTTP/1.1\r\nA: " + b"b" * 400_000, 431),
    ],
)
def test_what_is_no_proper_request_is_refused_and_the_connection_closed(
    served: Served, request_bytes: bytes, status: int
) -> None:
    answer = served.raw(request_bytes + PING)

    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert answer.count(b"Connection: close\r\n") == 1
    assert b" 200 OK" not in answer


@pytest.mark.parametrize(
    "chunks",
    [
        b"x\r\nabc\r\n0\r\n\r\n",
        b"\r\n",
        b"-3\r\nabc\r\n0\r\n\r\n",
        b"0x3\r\nabc\r\n0\r\n\r\n",
        b"3\r\nabcd\r\n0\r\n\r\n",
        b"1" * 1000 + b"\r\n",
        b"ffffffffffffffff\r\n",
        b"0\r\n" + b"A: b\r\n" * 100,
        b"0\r\nA: " + b"b" * 100_000,
    ],
)
def test_broken_chunks_are_refused(served: Served, chunks: bytes) -> None:
    location = served.begin("app")
    head = b"PATCH %s HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" % location.encode()

    assert served.raw(head + chunks).startswith(b"HTTP/1.1 400 ")


def test_a_chunk_may_have_an_extension_and_capital_digits(served: Served) -> None:
    location = served.begin("app")
    head = b"PATCH %s HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" % location.encode()

    answer = served.raw(head + b'A;x="y"\r\n0123456789\r\n0\r\n\r\n' + PING)

    assert answer.startswith(b"HTTP/1.1 202 ")
    assert b"HTTP/1.1 200 OK\r\n" in answer


def test_a_client_that_waits_for_a_go_ahead_gets_it(served: Served) -> None:
    content = b"x" * 1000
    target = f"/v2/app/blobs/uploads/?digest={Digest.of(content)}".encode()
    head = b"POST %s HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 1000\r\n\r\n" % target

    answer = served.raw(head + content)

    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\n")


def test_a_refused_upload_gets_no_go_ahead(served: Served) -> None:
    answer = served.raw(
        b"PATCH /v2/app/blobs/uploads/unknown HTTP/1.1\r\n"
        b"Expect: 100-continue\r\nContent-Length: 1000\r\n\r\n"
    )

    assert answer.startswith(b"HTTP/1.1 404 ")


def test_a_large_body_that_nobody_reads_does_not_cost_the_answer(served: Served) -> None:
    refused = served.ask("PUT", "app/manifests/1", b" " * 20_000_000)

    assert refused.status == 413


@pytest.mark.parametrize(
    "name",
    [
        "UPPER",
        "a//b",
        "a/../b",
        "..",
        "a%2F..%2Fb",
        ".hidden",
        "a_",
        "a:b",
        "a@b",
        "-a",
        "a%00b",
        "%C3%A4",
        "a" * 256,
    ],
)
@pytest.mark.parametrize("path", ["tags/list", "blobs/uploads/", "manifests/x"])
def test_what_is_no_name_of_a_repository_is_refused(served: Served, name: str, path: str) -> None:
    method = "POST" if path.endswith("/") else "GET"

    refused = served.ask(method, f"{name}/{path}")

    assert (refused.status, code_of(refused)) == (400, "NAME_INVALID")


def test_names_of_endpoints_may_be_parts_of_names_of_repositories(served: Served) -> None:
    digest = served.tools.push_blob(b"content", "blobs/uploads/manifests/tags")

    assert served.tools.get_blob("blobs/uploads/manifests/tags", digest) == b"content"


@pytest.mark.parametrize("path", ["/", "/v1/", "/v2/app", "/v2/app/unknown/x", "/v2/tags/list"])
def test_other_places_do_not_exist(served: Served, path: str) -> None:
    found = served.follow("GET", path)

    assert (found.status, code_of(found)) == (404, "UNSUPPORTED")


def test_other_methods_are_refused_with_those_that_there_are(served: Served) -> None:
    refused = served.ask("PUT", f"app/blobs/{Digest.of(b'')}", b"")

    assert (refused.status, refused.headers["allow"]) == (405, "GET, HEAD, DELETE")


def test_a_client_that_tries_tls_is_told_at_once(served: Served) -> None:
    host, _, port = served.address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=20) as client:
        client.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")

        assert client.recv(100).startswith(b"HTTP/1.1 400 ")


def test_a_silent_client_is_let_go(tmp_path: Path) -> None:
    with (
        RegistryServer(tmp_path, silence_seconds=0.05) as server,
        connect(server) as silent,
    ):
        silent.sendall(b"GET /v2/ HTTP/1.1\r\n")

        assert silent.recv(100) == b""


def test_clients_over_the_limit_wait_until_others_have_gone(tmp_path: Path) -> None:
    with RegistryServer(tmp_path, max_connections=1) as server:
        with connect(server) as first:
            first.sendall(PING)
            assert first.recv(100)
            second = connect(server)
        with second:
            second.sendall(PING)

            assert second.recv(100).startswith(b"HTTP/1.1 200 ")
