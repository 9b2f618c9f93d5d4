"""A fake registry that asks for credentials."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from tests.fake_registry import Exchange, FakeRegistry
from tests.sandbox import ANSWERED_TOKEN, SECRETS, spellings

METHODS = ("GET", "HEAD", "POST", "PATCH", "PUT", "DELETE")


@dataclass
class Guard:
    """Stands before a registry, asks for credentials, and notes which secrets came.

    Attributes:
        seen: secrets that were sent, to the registry or to its token service.
    """

    registry: FakeRegistry
    seen: set[str] = field(default_factory=set)

    def _note(self, text: str) -> None:
        for secret in SECRETS:
            if any(spelling in text.encode() for spelling in spellings(secret)):
                self.seen.add(secret)

    def stand(self, *, tokens: bool) -> None:
        """Let in whoever has a password, or a token."""
        if tokens:
            self.registry.on("GET", "^/token", self._hand_out, forever=True)
            self.registry.on("POST", "^/token", self._hand_out, forever=True)
        challenge = (
            f'Bearer realm="http://{self.registry.host}/token",service="test"'
            if tokens
            else 'Basic realm="test"'
        )

        def check(exchange: Exchange) -> bool:
            authorization = exchange.headers.get("authorization", "")
            self._note(authorization)
            if authorization.startswith(challenge.split(maxsplit=1)[0]):
                return False
            exchange.error(401, "UNAUTHORIZED", {"WWW-Authenticate": challenge})
            return True

        for method in METHODS:
            self.registry.on(method, "^/v2/", check, forever=True)

    def _hand_out(self, exchange: Exchange) -> bool:
        self._note(exchange.headers.get("authorization", ""))
        self._note(b"".join(exchange.body()).decode())
        answer = {"token": ANSWERED_TOKEN, "access_token": ANSWERED_TOKEN, "expires_in": 300}
        exchange.answer(200, json.dumps(answer).encode())
        return True
