"""Answers that break HTTP, break off, fall silent or never end: each ends in one clear error."""

from __future__ import annotations

import io
import threading

import pytest

from regcopy.errors import (
    ConnectionFailed,
    LimitExceeded,
    Refused,
    Stalled,
    TimedOut,
    Unauthorized,
)
from regcopy.transports.docker.client import StreamBody
from tests.http_world import SHORT, Endless, client_of, get, put
from tests.played_server import PlayedServer, Talk, answer, says, says_and_waits

MIB = 1024 * 1024
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def never_ending(data: bytes, *, first: bytes = b"") -> PlayedServer:
    def script(talk: Talk) -> None:
        talk.hear()
        talk.say(first)
        talk.say_while_heard(data)

    return PlayedServer(script)


def test_interim_answers_are_passed_over() -> None:
    early = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
    with PlayedServer(says(early + answer(200, b"hello"))) as server, client_of(server.host) as it:
        reply = it.send(get())

        assert (reply.status, reply.read_all(10, "it")) == (200, b"hello")


def test_endless_interim_answers_end() -> None:
    with (
        never_ending(b"HTTP/1.1 102 Processing\r\n\r\n") as server,
        client_of(server.host) as client,
        pytest.raises(LimitExceeded, match="more than 10 interim answers"),
    ):
        client.send(get())


@pytest.mark.parametrize(
    ("first", "data"),
    [
        (b"HTTP/1.1 200 OK\r\n", b"X-Header: some value\r\n"),
        (b"HTTP/1.1 200 OK\r\nX: ", b"x" * 1000),
        (b"", b"x" * 1000),
        (b"HTTP/1.1 100 Continue\r\n", b"X-Header: some value\r\n"),
    ],
    ids=["many headers", "one long header", "no end of the first line", "interim headers"],
)
def test_endless_headers_end(first: bytes, data: bytes) -> None:
    with (
        never_ending(data, first=first) as server,
        client_of(server.host) as client,
        pytest.raises(LimitExceeded, match="headers are over 65536 bytes"),
    ):
        client.send(get())


@pytest.mark.parametrize(
    "first",
    [CHUNKED + b"5\r\nhello\r\n0\r\n", CHUNKED + b"5;"],
    ids=["trailers", "chunk extension"],
)
def test_endless_trailers_end(first: bytes) -> None:
    with (
        never_ending(b"X-Trailer: some value;", first=first) as server,
        client_of(server.host) as client,
        client.send(get()) as reply,
        pytest.raises(LimitExceeded, match="headers are over 65536 bytes"),
    ):
        reply.read(100)


def test_many_small_chunks_are_no_headers() -> None:
    body = b"1\r\nx\r\n" * 20_000 + b"0\r\n\r\n"
    with PlayedServer(says(CHUNKED + body)) as server, client_of(server.host) as client:
        assert client.send(get()).read_all(MIB, "it") == b"x" * 20_000


def test_silence_before_the_answer_ends() -> None:
    with (
        PlayedServer(says_and_waits(b"")) as server,
        client_of(server.host, clocks=SHORT) as client,
        pytest.raises(TimedOut, match=r"GET 127.*/v2/app/manifests/1: no answer within 0.3 s"),
    ):
        client.send(get())


def test_silence_within_the_headers_ends() -> None:
    with (
        PlayedServer(says_and_waits(b"HTTP/1.1 200 OK\r\nX: ")) as server,
        client_of(server.host, clocks=SHORT) as client,
        pytest.raises(TimedOut),
    ):
        client.send(get())


def test_headers_that_trickle_have_a_deadline_as_a_whole() -> None:
    def script(talk: Talk) -> None:
        talk.hear()
        talk.say(b"HTTP/1.1 200 OK\r\nX: ")
        while not done.wait(0.05):
            talk.say(b"x")

    done = threading.Event()
    with PlayedServer(script) as server, client_of(server.host, clocks=SHORT) as client:
        try:
            with pytest.raises(TimedOut):
                client.send(get())
        finally:
            done.set()


def test_silence_within_a_body_ends() -> None:
    with (
        PlayedServer(says_and_waits(answer(200, b"x" * 100)[:-50])) as server,
        client_of(server.host, clocks=SHORT) as client,
        client.send(get()) as reply,
        pytest.raises(Stalled, match=r"nothing was received for 0.3 s"),
    ):
        reply.read(100)


def test_a_body_that_trickles_ends() -> None:
    def script(talk: Talk) -> None:
        talk.hear()
        talk.say(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while not done.wait(0.02):
            talk.say(b"x")

    done = threading.Event()
    with (
        PlayedServer(script) as server,
        client_of(server.host, clocks=SHORT) as client,
        client.send(get()) as reply,
    ):
        try:
            with pytest.raises(Stalled, match=r"only \d+ bytes were received"):
                reply.read(MIB)
        finally:
            done.set()


@pytest.mark.parametrize(
    ("played", "told"),
    [
        (b"", "closed without an answer"),
        (b"HTTP/1.1 2", "no answer in HTTP"),
        (b"\x15\x03\x03\x00\x02\x02\x46", "no answer in HTTP"),
        (b"HTTP/1.1 abc OK\r\n\r\n", "no answer in HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\nab", "breaks the rules"),
    ],
    ids=["nothing", "half a line", "TLS alert", "no status", "two lengths"],
)
def test_what_is_no_answer_says_so(played: bytes, told: str) -> None:
    with (
        PlayedServer(says(played)) as server,
        client_of(server.host) as client,
        pytest.raises((ConnectionFailed, Refused), match=told),
    ):
        client.send(get())


@pytest.mark.parametrize(
    "played",
    [answer(200, b"x" * 100)[:-1], CHUNKED + b"64\r\nxxx", CHUNKED + b"3\r\nxxx\r\n"],
    ids=["short of its length", "within a chunk", "between chunks"],
)
def test_a_body_that_breaks_off_is_no_body(played: bytes) -> None:
    with (
        PlayedServer(says(played)) as server,
        client_of(server.host) as client,
        pytest.raises(ConnectionFailed, match="broke"),
    ):
        client.send(get()).read_all(200, "it")


def test_a_reset_within_a_body_is_told() -> None:
    def script(talk: Talk) -> None:
        talk.hear()
        talk.say(answer(200, b"x" * 100)[:-50])
        go.wait(5)
        talk.reset()

    go = threading.Event()
    with (
        PlayedServer(script) as server,
        client_of(server.host) as client,
        client.send(get()) as reply,
    ):
        go.set()
        with pytest.raises(ConnectionFailed):
            reply.read_all(100, "it")


def test_an_answer_that_comes_early_ends_the_upload() -> None:
    """A registry that refuses a body and stops reading is heard, not waited for."""
    body = Endless()
    with (
        PlayedServer(says_and_waits(answer(413, b"{}"))) as server,
        client_of(server.host) as client,
        pytest.raises(Refused, match="413"),
    ):
        client.send(put(StreamBody(body, 1 << 40)))

    assert body.taken < 64 * MIB


def test_an_answer_before_a_reset_is_read() -> None:
    def script(talk: Talk) -> None:
        talk.hear()
        talk.hear_body(100)
        talk.say(answer(401, b"{}", {"Connection": "close"}))

    with (
        PlayedServer(script) as server,
        client_of(server.host) as client,
        pytest.raises(Unauthorized),
    ):
        client.send(put(StreamBody(Endless(), 1 << 40)))


def test_after_an_early_answer_the_connection_is_not_used_again() -> None:
    def script(talk: Talk) -> None:
        talk.hear()
        talk.say(answer(413, b"{}"))
        talk.wait_for_the_end()

    with (
        PlayedServer(script, says(answer(200, b"fine"))) as server,
        client_of(server.host) as client,
    ):
        with pytest.raises(Refused):
            client.send(put(StreamBody(Endless(), 1 << 40)))

        assert client.send(get()).read_all(10, "it") == b"fine"
        assert server.connections == 2


def test_an_interim_answer_does_not_end_the_upload() -> None:
    def script(talk: Talk) -> None:
        talk.hear()
        talk.say(b"HTTP/1.1 100 Continue\r\n\r\n")
        received.append(len(talk.hear_body(8 * MIB)))
        talk.say(answer(201))

    received: list[int] = []
    with PlayedServer(script) as server, client_of(server.host) as client:
        client.send(put(StreamBody(io.BytesIO(b"x" * 8 * MIB), 8 * MIB))).close()

    assert received == [8 * MIB]


def test_an_upload_that_nobody_takes_ends() -> None:
    def script(talk: Talk) -> None:
        talk.hear()
        done.wait(20)

    done = threading.Event()
    with PlayedServer(script) as server, client_of(server.host, clocks=SHORT) as client:
        try:
            with pytest.raises(Stalled, match=r"nothing could be sent for 0.3 s"):
                client.send(put(StreamBody(Endless(), 1 << 40)))
        finally:
            done.set()


def test_a_reset_within_an_upload_is_told() -> None:
    def script(talk: Talk) -> None:
        talk.hear()
        talk.hear_body(MIB)
        talk.reset()

    with (
        PlayedServer(script) as server,
        client_of(server.host) as client,
        pytest.raises(ConnectionFailed),
    ):
        client.send(put(StreamBody(Endless(), 1 << 40)))


def test_what_breaks_in_the_body_itself_comes_through_as_it_is() -> None:
    class Broken:
        def read(self, size: int, /) -> bytes:
            raise Stalled("the source fell silent")

    with (
        PlayedServer(says_and_waits(b"")) as server,
        client_of(server.host) as client,
        pytest.raises(Stalled) as caught,
    ):
        client.send(put(StreamBody(Broken(), 10)))

    assert (caught.value.message, caught.value.side) == ("the source fell silent", "source")
