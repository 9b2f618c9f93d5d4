"""A registry and its token service, played for tests of tokens."""

from __future__ import annotations

import json

from regcopy.auth.credential import Credential
from regcopy.transports.docker.tokens import TokenRequest
from tests.http_world import client_of, get, headers_of
from tests.played_server import PlayedServer, Talk, answer

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
