"""Tokens: how they are asked for, how long they are kept, and who waits for whom."""

from __future__ import annotations

import itertools
import time
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest

from regcopy.auth.credential import Credential
from regcopy.errors import (
    ConfigurationError,
    LimitExceeded,
    RateLimited,
    Refused,
    ServerFault,
    Unauthorized,
)
from regcopy.transports.docker import tokens
from regcopy.transports.docker.client import RegistryClient, Request, Scope
from regcopy.transports.docker.tokens import Token, TokenCache, bearer
from tests.http_world import client_of, get, headers_of
from tests.played_server import PlayedServer, Talk, answer
from tests.token_world import LOGIN, WANTED, World, ask, token_reply


def test_a_token_is_asked_for_once_and_then_sent_from_the_start() -> None:
    world = World()

    ask(world, times=3)

    assert world.used == ["", "Bearer t1", "Bearer t1", "Bearer t1"]
    assert len(world.asked) == 1


def test_a_token_request_names_service_and_scope() -> None:
    world = World()

    ask(world)

    target = world.asked[0].removeprefix("GET ")
    assert target == "/token?service=a+b%26c&scope=repository%3Aapp%3Apull"


def test_the_realms_own_query_is_kept_and_nothing_can_be_added_to_it() -> None:
    world = World(realm="/token?tenant=7&x=%26")

    ask(world, LOGIN)

    query = parse_qsl(urlsplit(world.asked[0].split(" ")[1]).query)
    assert query == [
        ("tenant", "7"),
        ("x", "&"),
        ("account", "user"),
        ("service", "a b&c"),
        ("scope", "repository:app:pull"),
    ]


def test_user_and_password_go_along() -> None:
    world = World()

    ask(world, LOGIN)

    assert headers_of(world.token_heads[0])["authorization"] == "Basic dXNlcjpwYXNzd29yZA=="


def test_without_credentials_the_token_is_for_everybody() -> None:
    world = World()

    ask(world)

    assert "authorization" not in headers_of(world.token_heads[0])


def test_an_identity_token_is_posted() -> None:
    world = World(answer(200, b'{"access_token": "t1"}'))

    ask(world, Credential(identity_token="refresh me&"))

    assert world.asked == ["POST /token"]
    assert parse_qs(world.bodies[0].decode()) == {
        "grant_type": ["refresh_token"],
        "service": ["a b&c"],
        "client_id": ["regcopy"],
        "scope": ["repository:app:pull"],
        "refresh_token": ["refresh me&"],
    }
    assert "authorization" not in headers_of(world.token_heads[0])


def test_a_registry_token_is_sent_as_it_is() -> None:
    world = World()

    ask(world, Credential(registry_token="t1"))

    assert world.used == ["Bearer t1"]


def test_a_registry_token_that_is_refused_is_final() -> None:
    world = World()
    world.good.clear()

    with pytest.raises(Unauthorized):
        ask(world, Credential(registry_token="t1"))

    assert (world.used, world.asked) == (["Bearer t1"], [])


def test_a_registry_token_that_no_header_can_carry_is_not_shown() -> None:
    with pytest.raises(ConfigurationError) as caught:
        ask(World(), Credential(registry_token="canary\r\nX: y"))

    assert "canary" not in str(caught.value)


def two_scopes(client: RegistryClient) -> None:
    scopes = (Scope("app", ("pull", "push")), Scope("other", ("pull",)))
    client.send(Request("GET", "/v2/", scopes, "mounting")).close()


def test_a_mount_asks_for_two_scopes_at_once() -> None:
    world = World()
    with world.server, client_of(world.server.host) as client:
        two_scopes(client)

    assert parse_qs(urlsplit(world.asked[0].split(" ")[1]).query)["scope"] == [
        "repository:app:pull,push",
        "repository:other:pull",
    ]


def test_each_scope_has_its_token() -> None:
    world = World()
    with world.server, client_of(world.server.host) as client:
        client.send(get()).close()
        two_scopes(client)
        client.send(get()).close()

    assert world.used == ["", "Bearer t1", "Bearer t2", "Bearer t1"]


def test_a_scope_that_the_challenge_asks_for_is_added_and_remembered() -> None:
    world = World(challenge=',scope="repository:app:pull repository:cache/app:pull"')
    with world.server, client_of(world.server.host) as client:
        client.send(get()).close()
        client.send(get()).close()

    scopes = parse_qs(urlsplit(world.asked[0].split(" ")[1]).query)["scope"]
    assert scopes == ["repository:app:pull", "repository:cache/app:pull"]
    assert len(world.asked) == 1


def test_a_token_that_is_not_taken_any_more_is_renewed_once() -> None:
    world = World()
    with world.server, client_of(world.server.host) as client:
        client.send(get()).close()
        world.good = {"t2"}
        client.send(get()).close()

    assert world.used == ["", "Bearer t1", "Bearer t1", "Bearer t2"]


def test_a_fresh_token_that_is_refused_is_final() -> None:
    world = World()
    world.good.clear()

    with pytest.raises(Unauthorized) as caught:
        ask(world, LOGIN)

    assert world.used == ["", "Bearer t1"]
    assert caught.value.hint == "the credentials of auth.json were not accepted"


def test_a_token_is_kept_as_long_as_it_is_good() -> None:
    cache = TokenCache()
    ends = iter([time.monotonic() + 1000, time.monotonic() - 1, time.monotonic() + 1000])
    count = itertools.count(1)

    def fetch() -> Token:
        return Token(bearer(f"t{next(count)}"), next(ends))

    first, same = cache.get(WANTED, fetch), cache.get(WANTED, fetch)
    cache.drop(first)
    short, next_one = cache.get(WANTED, fetch), cache.get(WANTED, fetch)

    headers = [secret.header for secret in (first, same, short, next_one)]
    assert headers == ["Bearer t1", "Bearer t1", "Bearer t2", "Bearer t3"]
    assert [s.is_fresh for s in (first, same, short, next_one)] == [True, False, True, True]


@pytest.mark.parametrize(
    ("expires_in", "seconds"),
    [
        (None, 48.0),
        (0, 48.0),
        (-5, 48.0),
        ("300", 48.0),
        (float("nan"), 48.0),
        (float("inf"), 48.0),
        (1, 0.8),
        (300, 240.0),
        (3600, 3540.0),
        (10**9, 24 * 3600.0 - 60.0),
    ],
)
def test_how_long_a_token_is_used(expires_in: object, seconds: float) -> None:
    assert tokens._good_for(expires_in) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no json",
        b"[]",
        b"{}",
        b'{"token": 7}',
        b'{"token": ""}',
        b'{"token": "a b"}',
        b'{"token": "a\\r\\nX: y"}',
        '{"token": "é"}'.encode(),
        b"[" * 100_000,
    ],
)
def test_what_is_no_token_is_refused(body: bytes) -> None:
    with pytest.raises(Refused, match="token"):
        ask(World(answer(200, body)))


def test_a_huge_token_is_refused() -> None:
    with pytest.raises(LimitExceeded, match="1048576"):
        ask(World(answer(200, b'{"token": "' + b"x" * 1_100_000 + b'"}')))


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, Unauthorized), (400, Unauthorized), (429, RateLimited), (503, ServerFault)],
)
def test_a_service_that_says_no_is_told(status: int, kind: type[Exception]) -> None:
    body = b'{"details": "account is locked"}'

    with pytest.raises(kind, match=r"reading manifest.*account is locked.*/token: "):
        ask(World(answer(status, body, {"Retry-After": "1"})), LOGIN)


def test_a_service_that_is_busy_is_asked_again() -> None:
    world = World(answer(503), token_reply("t1"))
    with world.server, client_of(world.server.host) as client:
        client.call(get()).close()

    assert len(world.asked) == 2


def test_no_login_says_how_to_log_in() -> None:
    world = World(answer(401, b"{}"))

    with pytest.raises(Unauthorized) as caught:
        ask(world)

    assert "log in, or give --creds" in caught.value.hint


def test_a_service_may_redirect_within_itself() -> None:
    world = World(answer(307, headers={"Location": "/token/here"}), token_reply("t1"))

    ask(world, LOGIN)

    assert world.asked[1] == "GET /token/here"
    assert "authorization" in headers_of(world.token_heads[1])


def test_a_service_that_redirects_for_ever_is_refused() -> None:
    world = World(answer(307, headers={"Location": "/token"}))

    with pytest.raises(Refused, match="redirects more than 5 times"):
        ask(world)


def test_a_registry_that_wants_something_else_each_time_is_given_up() -> None:
    """As where a front that wants a password stands before a registry that wants a token."""

    def script(talk: Talk) -> None:
        for _ in range(40):
            head = talk.hear()
            if head.startswith(b"GET /token"):
                talk.say(token_reply("t"))
            elif b"Basic" in head:
                challenge = f'Bearer realm="http://{server.host}/token"'
                talk.say(answer(401, b"{}", {"WWW-Authenticate": challenge}))
            elif head:
                talk.say(answer(401, b"{}", {"WWW-Authenticate": 'Basic realm="front"'}))

    with PlayedServer(script) as server, client_of(server.host, credential=LOGIN) as client:
        with pytest.raises(Unauthorized):
            client.send(get())

        assert len(server.heard) < 10
