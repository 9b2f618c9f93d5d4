"""Requests and answers when nothing is wrong with the wire."""

from __future__ import annotations

import gzip
import io
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from pytest_httpserver import HTTPServer

from regcopy import __version__
from regcopy.auth.credential import Credential
from regcopy.errors import (
    ConfigurationError,
    ConnectionFailed,
    Forbidden,
    LimitExceeded,
    NotFound,
    RateLimited,
    Refused,
    ServerFault,
    SizeMismatch,
    TransportError,
    Unauthorized,
)
from regcopy.model.reference import ImageName
from regcopy.transports.base import Context, RetryPolicy, SideOptions
from regcopy.transports.docker.client import Request, StreamBody, client_for
from tests.contexts import make_context
from tests.http_world import MANIFEST, PULL, client_of, echo, get, headers_of, host_of, put
from tests.played_server import PlayedServer, Talk, answer, says

MIB = 1024 * 1024


def test_an_answer_has_status_headers_and_body(httpserver: HTTPServer) -> None:
    httpserver.expect_request(MANIFEST).respond_with_data("hello", headers={"X-Name": "value"})
    with client_of(host_of(httpserver)) as client, client.send(get()) as reply:
        assert reply.status == 200
        assert reply.headers["x-name"] == "value"
        assert reply.url == f"http://{host_of(httpserver)}{MANIFEST}"
        assert [reply.read(3), reply.read(), reply.read()] == [b"hel", b"lo", b""]


def test_a_request_is_what_is_asked_for_and_no_more() -> None:
    options = SideOptions(tls_verify=False, user_agent_prefix="tekton/1")
    with (
        PlayedServer(says(answer(200))) as server,
        client_of(server.host, options=options) as client,
    ):
        client.send(get("/v2/a?x=%2F&y=%20", Accept="text/x")).close()

    assert server.heard[0].startswith(b"GET /v2/a?x=%2F&y=%20 HTTP/1.1\r\n")
    assert headers_of(server.heard[0]) == {
        "host": server.host,
        "accept": "text/x",
        "accept-encoding": "identity",
        "user-agent": f"tekton/1 regcopy/{__version__}",
    }


def test_cookies_and_netrc_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_netrc(*_: object) -> None:
        pytest.fail("netrc was read")

    monkeypatch.setattr("requests.sessions.get_netrc_auth", no_netrc)
    with (
        PlayedServer(says(answer(200, headers={"Set-Cookie": "a=b"}), answer(200))) as server,
        client_of(server.host) as client,
    ):
        client.send(get()).close()
        client.send(get()).close()

    assert b"Cookie" not in server.heard[1]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Refused),
        (401, Unauthorized),
        (403, Forbidden),
        (404, NotFound),
        (429, RateLimited),
        (500, ServerFault),
        (204, Refused),
    ],
)
def test_a_status_that_is_no_answer_is_an_error(
    httpserver: HTTPServer, status: int, kind: type[TransportError]
) -> None:
    httpserver.expect_request(MANIFEST).respond_with_json(
        {"errors": [{"code": "CODE", "message": "the reason"}]}, status=status
    )
    with client_of(host_of(httpserver)) as client, pytest.raises(kind, match=str(status)):
        client.send(get())


def test_a_status_that_is_expected_is_an_answer(httpserver: HTTPServer) -> None:
    httpserver.expect_request(MANIFEST).respond_with_data("", status=404)
    request = Request("HEAD", MANIFEST, PULL, "asking", expect=frozenset({200, 404}))
    with client_of(host_of(httpserver)) as client:
        reply = client.send(request)

        assert (reply.status, reply.read()) == (404, b"")
        reply.close()


def test_an_error_body_that_breaks_off_leaves_the_status() -> None:
    with (
        PlayedServer(says(answer(404, b"x" * 100)[:-1])) as server,
        client_of(server.host) as client,
        pytest.raises(NotFound, match="manifest unknown"),
    ):
        client.send(get())


def test_a_huge_error_body_is_not_read_to_its_end() -> None:
    def script(talk: Talk) -> None:
        talk.hear()
        talk.say(b"HTTP/1.1 404 No\r\nContent-Length: 100000000000\r\n\r\n")
        talk.say_while_heard(b"x" * 65536)

    with (
        PlayedServer(script) as server,
        client_of(server.host) as client,
        pytest.raises(NotFound),
    ):
        client.send(get())


def test_a_connection_is_used_again() -> None:
    replies = [answer(200, b"x"), answer(404, b"{}"), answer(307, b"moved", {"Location": "/"})]
    with (
        PlayedServer(says(*replies, answer(200, b"y"))) as server,
        client_of(server.host) as client,
    ):
        client.send(get()).close()
        with pytest.raises(NotFound):
            client.send(get())
        assert client.send(get()).read_all(10, "it") == b"y"

    assert server.connections == 1


def test_closing_a_large_body_early_ends_the_connection() -> None:
    with (
        PlayedServer(says(answer(200, b"x" * MIB)), says(answer(200, b"y"))) as server,
        client_of(server.host) as client,
    ):
        client.send(get()).close()
        assert client.send(get()).read_all(10, "it") == b"y"

    assert server.connections == 2


def test_read_all_has_a_limit() -> None:
    with (
        PlayedServer(says(answer(200, b"x" * 11))) as server,
        client_of(server.host) as client,
        client.send(get()) as reply,
        pytest.raises(LimitExceeded, match="the manifest is over the limit of 10 bytes"),
    ):
        reply.read_all(10, "the manifest")


@pytest.mark.parametrize("size", [100, MIB])
def test_a_document_that_was_compressed_on_the_way_is_unpacked_within_the_limit(size: int) -> None:
    packed = answer(200, gzip.compress(b"x" * size), {"Content-Encoding": "gzip"})
    with PlayedServer(says(packed)) as server, client_of(server.host) as client:
        reply = client.send(get())
        if size > 1000:
            with pytest.raises(LimitExceeded):
                reply.read_all(5000, "it")
        else:
            assert reply.read_all(5000, "it") == b"x" * size


def test_a_blob_is_never_unpacked() -> None:
    packed = gzip.compress(b"x" * 100)
    with (
        PlayedServer(says(answer(200, packed, {"Content-Encoding": "gzip"}))) as server,
        client_of(server.host) as client,
        client.send(get()) as reply,
    ):
        assert reply.read(1000) == packed


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "0 0"),
        (b"abc", "3 3"),
        (StreamBody(io.BytesIO(b"x" * 3 * MIB), 3 * MIB), f"{3 * MIB} {3 * MIB}"),
        (StreamBody(io.BytesIO(b"x" * 5), 3), "3 3"),
        (StreamBody(io.BytesIO(b""), 0), "0 0"),
        (StreamBody(io.BytesIO(b"x" * 3 * MIB), None), f"none {3 * MIB}"),
        (StreamBody(io.BytesIO(b""), None), "none 0"),
    ],
    ids=["none", "bytes", "stream", "no more than its length", "empty", "chunks", "no chunks"],
)
def test_a_body_is_sent(httpserver: HTTPServer, body: bytes | StreamBody, told: str) -> None:
    httpserver.expect_request("/v2/app/blobs/uploads/1").respond_with_handler(echo)
    with client_of(host_of(httpserver)) as client:
        assert client.send(put(body)).read_all(100, "it").decode() == told


def test_a_body_that_is_too_short_is_an_error_of_its_own() -> None:
    def script(talk: Talk) -> None:
        talk.hear()
        talk.wait_for_the_end()

    with (
        PlayedServer(script) as server,
        client_of(server.host) as client,
        pytest.raises(SizeMismatch, match="expected 10 bytes of the body, got 3"),
    ):
        client.send(put(StreamBody(io.BytesIO(b"abc"), 10)))


def test_a_body_that_can_go_back_is_sent_again_after_401() -> None:
    def script(talk: Talk) -> None:
        for status in (401, 201):
            talk.hear()
            bodies.append(talk.hear_body(3))
            talk.say(answer(status, b"", {"WWW-Authenticate": 'Basic realm="x"'}))

    bodies: list[bytes] = []
    source = io.BytesIO(b"abc")

    def rewind() -> None:
        source.seek(0)

    body = StreamBody(source, 3, rewind)
    with (
        PlayedServer(script) as server,
        client_of(server.host, credential=Credential("u", "p")) as client,
    ):
        client.send(put(body)).close()

    assert bodies == [b"abc", b"abc"]


def test_a_body_that_cannot_go_back_is_an_error_after_401() -> None:
    refusal = answer(401, b"", {"WWW-Authenticate": 'Basic realm="x"'})
    with (
        PlayedServer(says(refusal, answer(201))) as server,
        client_of(server.host, credential=Credential("u", "p")) as client,
        pytest.raises(Unauthorized),
    ):
        client.send(put(StreamBody(io.BytesIO(b"abc"), 3)))


def test_call_tries_again(httpserver: HTTPServer) -> None:
    httpserver.expect_oneshot_request(MANIFEST).respond_with_data("", status=503)
    httpserver.expect_request(MANIFEST).respond_with_data("at last")
    with client_of(host_of(httpserver)) as client:
        assert client.call(get()).read_all(10, "it") == b"at last"


def test_send_does_not_try_again(httpserver: HTTPServer) -> None:
    httpserver.expect_request(MANIFEST).respond_with_data("", status=503)
    with client_of(host_of(httpserver)) as client, pytest.raises(ServerFault):
        client.send(get())

    assert len(httpserver.log) == 1


def test_what_cannot_get_better_is_not_tried_again(httpserver: HTTPServer) -> None:
    httpserver.expect_request(MANIFEST).respond_with_data("", status=413)
    with client_of(host_of(httpserver)) as client, pytest.raises(Refused):
        client.call(get())

    assert len(httpserver.log) == 1


def test_many_threads_share_a_client(httpserver: HTTPServer) -> None:
    httpserver.expect_request(MANIFEST).respond_with_data("x" * 1000)
    with client_of(host_of(httpserver)) as client, ThreadPoolExecutor(16) as pool:
        replies = pool.map(lambda _: client.send(get()).read_all(2000, "it"), range(64))

        assert set(replies) == {b"x" * 1000}


def test_one_client_for_each_registry_and_side() -> None:
    context, other = make_context("source"), make_context("destination")

    def client(host: str, context: Context) -> object:
        return client_for(ImageName.parse(f"{host}/app"), context)

    try:
        assert client("a.example", context) is client("a.example", context)
        assert client("a.example", context) is not client("b.example", context)
        assert client("a.example", context) is not client("a.example", other)
    finally:
        context.resources.close()
        other.resources.close()


def test_docker_hub_is_dialled_by_its_own_name() -> None:
    from regcopy.transports.docker.exchange import Exchanger

    exchanger = Exchanger("docker.io", make_context(options=SideOptions()))

    assert [str(origin) for origin in exchanger.candidates] == ["https://registry-1.docker.io"]
    exchanger.close()


def test_a_registry_with_an_impossible_port_is_a_configuration_error() -> None:
    with pytest.raises(ConfigurationError, match="host:99999 is no address of a registry"):
        client_for(ImageName.parse("host:99999/app"), make_context())


@pytest.mark.parametrize("verify", [None, True])
def test_plain_http_needs_verification_off(verify: bool | None) -> None:
    options = SideOptions(tls_verify=verify)
    with (
        PlayedServer(says(answer(200))) as server,
        client_of(server.host, options=options) as client,
        pytest.raises(ConnectionFailed, match="does not speak TLS") as caught,
    ):
        client.send(get())

    assert server.heard == []
    assert "--tls-verify=false" in caught.value.hint


def test_what_speaks_no_tls_is_found_out_once() -> None:
    with (
        PlayedServer(says(answer(200), answer(200))) as server,
        client_of(server.host) as client,
    ):
        client.send(get()).close()
        client.send(get()).close()

    assert [head.split()[1].decode() for head in server.heard] == [MANIFEST, MANIFEST]


class Door:
    """A lock that tells when somebody comes to it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.came = threading.Semaphore(0)

    def __enter__(self) -> None:
        self.came.release()
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def test_a_silent_host_is_not_waited_for_by_one_request_after_the_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    door = Door()

    def hangs_up_when_both_have_come(_: Talk) -> None:
        door.came.acquire(timeout=20)
        door.came.acquire(timeout=20)

    def hangs_up(_: Talk) -> None:
        pass

    with (
        PlayedServer(hangs_up_when_both_have_come, hangs_up) as server,
        client_of(server.host) as client,
        ThreadPoolExecutor(2) as pool,
    ):
        monkeypatch.setattr(client, "_deciding", door)
        failures = [pool.submit(client.send, get()).exception for _ in range(2)]
        assert [type(failure()) for failure in failures] == [ConnectionFailed] * 2

    assert server.connections == 1


def test_a_registry_that_comes_up_later_is_found_after_all() -> None:
    with PlayedServer(says(b"")) as server:
        host = server.host
    with client_of(host, retry=RetryPolicy(tries=1)) as client:
        with pytest.raises(ConnectionFailed):
            client.send(get())

        assert not client._decided.is_set()


def test_nothing_heavy_is_imported_with_the_transport() -> None:
    code = (
        "import sys; import regcopy.transports.docker, regcopy.transports.docker.client; "
        "print([m for m in ('requests', 'urllib3', 'tenacity') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
