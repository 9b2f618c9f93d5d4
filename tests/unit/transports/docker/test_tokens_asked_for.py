"""Which challenge is answered, and who asks when several threads need a token."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from regcopy.errors import (
    ServerFault,
    Unauthorized,
)
from regcopy.transports.docker.messages import Secret
from regcopy.transports.docker.tokens import Token, TokenCache, bearer
from tests.http_world import client_of, get, headers_of
from tests.played_server import PlayedServer, Talk, answer, says
from tests.token_world import LOGIN, WANTED, World, token_reply


@pytest.mark.parametrize(
    ("header", "used"),
    [
        ('Basic realm="x", Bearer realm="http://{host}/token"', "Bearer t1"),
        ('Bearer realm="http://{host}/token", Basic realm="x"', "Bearer t1"),
        ('Bearer, Basic realm="x"', "Basic dXNlcjpwYXNzd29yZA=="),
        ('Bearer realm="ftp://x/", Basic realm="x"', "Basic dXNlcjpwYXNzd29yZA=="),
        ('Negotiate, Basic realm="x"', "Basic dXNlcjpwYXNzd29yZA=="),
    ],
)
def test_of_several_challenges_tokens_are_preferred(header: str, used: str) -> None:
    def script(talk: Talk) -> None:
        while head := talk.hear():
            if b"/token" in head.split(b"\r\n")[0]:
                talk.say(token_reply("t1"))
            elif b"\r\nAuthorization:" in head:
                talk.say(answer(200))
            else:
                offered = header.format(host=server.host)
                talk.say(answer(401, b"", {"WWW-Authenticate": offered}))

    server = PlayedServer(script)
    with server, client_of(server.host, credential=LOGIN) as client:
        client.send(get()).close()
        client.send(get()).close()

    assert [headers_of(h).get("authorization") for h in server.heard[-2:]] == [used, used]


def test_two_header_lines_are_two_challenges() -> None:
    two = (
        b"HTTP/1.1 401 No\r\nWWW-Authenticate: Negotiate\r\n"
        b'WWW-Authenticate: Basic realm="x"\r\nContent-Length: 0\r\n\r\n'
    )
    with (
        PlayedServer(says(two, answer(200))) as server,
        client_of(server.host, credential=LOGIN) as client,
    ):
        client.send(get()).close()

    assert "authorization" in headers_of(server.heard[1])


@pytest.mark.parametrize("header", ["", "Negotiate", 'Basic realm="x"', "Bearer"])
def test_a_challenge_that_cannot_be_answered_is_an_error(header: str) -> None:
    refusal = answer(401, b"", {"WWW-Authenticate": header} if header else {})
    with (
        PlayedServer(says(refusal)) as server,
        client_of(server.host) as client,
        pytest.raises(Unauthorized, match="401") as caught,
    ):
        client.send(get())

    assert len(server.heard) == 1
    assert "no credentials were found" in caught.value.hint


def test_a_wrong_password_is_sent_once() -> None:
    refusal = answer(401, b"", {"WWW-Authenticate": 'Basic realm="x"'})
    with (
        PlayedServer(says(refusal, refusal, refusal)) as server,
        client_of(server.host, credential=LOGIN) as client,
        pytest.raises(Unauthorized),
    ):
        client.send(get())

    assert len(server.heard) == 2


def test_a_token_service_that_must_not_be_asked_is_not_asked() -> None:
    header = {"WWW-Authenticate": 'Bearer realm="https://169.254.169.254/latest"'}
    with (
        PlayedServer(says(answer(401, b"", header))) as server,
        client_of(server.host) as client,
        pytest.raises(Unauthorized, match=r"https://169.254.169.254.*must not be asked") as caught,
    ):
        client.send(get())

    assert caught.value.hint == "allow it with --token-host 169.254.169.254"


def test_of_several_threads_one_asks_for_the_token() -> None:
    world = World()
    together = threading.Barrier(8)
    with world.server, client_of(world.server.host, credential=LOGIN) as client:

        def one(_: int) -> None:
            together.wait(10)
            client.send(get()).close()

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(one, range(8)))

    assert len(world.asked) == 1


def test_whoever_waits_for_a_token_gets_the_error_of_its_own() -> None:
    cache = TokenCache()
    asking, go = threading.Event(), threading.Event()
    shared = ServerFault("the service is down")

    def fetch() -> Token:
        asking.set()
        go.wait(10)
        raise shared

    def wait_and_fail() -> BaseException | None:
        try:
            cache.get(WANTED, fetch)
        except ServerFault as error:
            return error
        return None

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(wait_and_fail)
        asking.wait(10)
        second = pool.submit(wait_and_fail)
        while cache._known.get(WANTED) and not _has_waiter(cache):
            pass
        go.set()
        errors = [first.result(10), second.result(10)]

    assert errors[0] is shared
    assert isinstance(errors[1], ServerFault)
    assert errors[1] is not shared
    assert errors[1].message == shared.message


def _has_waiter(cache: TokenCache) -> bool:
    # The second thread holds the future's condition while it waits.
    condition = cache._known[WANTED]._condition
    return bool(condition._waiters)  # type: ignore[attr-defined]


def test_after_a_failure_the_next_one_asks_again() -> None:
    cache = TokenCache()

    def fail() -> Token:
        raise ServerFault("x")

    with pytest.raises(ServerFault):
        cache.get(WANTED, fail)

    assert cache.get(WANTED, lambda: Token(bearer("t"), 1e12)) == Secret("Bearer t")
