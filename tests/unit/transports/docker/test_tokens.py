"""Tokens: how they are asked for, how long they are kept, and who waits for whom."""

from __future__ import annotations

import itertools
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
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
from regcopy.transports.docker.messages import Secret
from regcopy.transports.docker.tokens import Token, TokenCache, TokenRequest, bearer
from tests.http_world import client_of, get, headers_of
from tests.played_server import PlayedServer, Talk, answer, says

LOGIN = Credential("user", "password", origin="auth.json")
WANTED = TokenRequest("https://auth/token", "registry", ("repository:app:pull",))


class World:
    """A registry that is its own token service.

    Attributes:
        asked: targets of token requests.
        bodies: of token requests.
        tokens: what the service answers, one after another, the last one again and again.
        good: tokens that the registry takes.
    """

    def __init__(self, *replies: bytes, realm: str = "/token", challenge: str = "") -> None:
        self.asked: list[str] = []
        self.bodies: list[bytes] = []
        self.token_heads: list[bytes] = []
        self.replies = list(replies) or [token_reply("t1"), token_reply("t2"), token_reply("t3")]
        self.good = {"t1", "t2", "t3"}
        self._realm = realm
        self._more = challenge
        self.server = PlayedServer(self._script)

    def _script(self, talk: Talk) -> None:
        while head := talk.hear():
            method, target, _ = head.decode().split("\r\n")[0].split(" ")
            headers = headers_of(head)
            if target.startswith("/token"):
                self.asked.append(f"{method} {target}")
                self.token_heads.append(head)
                self.bodies.append(talk.hear_body(int(headers.get("content-length", "0"))))
                talk.say(self.replies.pop(0) if len(self.replies) > 1 else self.replies[0])
            elif headers.get("authorization", "").removeprefix("Bearer ") in self.good:
                talk.say(answer(200, b"fine"))
            else:
                realm = f'Bearer realm="http://{self.server.host}{self._realm}",service="a b&c"'
                talk.say(answer(401, b"{}", {"WWW-Authenticate": realm + self._more}))

    @property
    def used(self) -> list[str]:
        """`Authorization` of all requests but those for tokens."""
        heads = [head for head in self.server.heard if head not in self.token_heads]
        return [headers_of(head).get("authorization", "") for head in heads]


def token_reply(token: str, **more: object) -> bytes:
    return answer(200, json.dumps({"token": token, **more}).encode())


def ask(world: World, credential: Credential | None = None, *, times: int = 1) -> None:
    with world.server, client_of(world.server.host, credential=credential) as client:
        for _ in range(times):
            assert client.send(get()).read_all(10, "it") == b"fine"


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
