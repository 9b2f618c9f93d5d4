"""A fake registry that asks for credentials."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field

from tests.fake_registry import Exchange, FakeRegistry, Fault
from tests.sandbox import ANSWERED_TOKEN, SECRETS, spellings

# Beside the headers of a request, what came in its body, for faults that tell it.
FORM = " form"

METHODS = ("GET", "HEAD", "POST", "PATCH", "PUT", "DELETE")


@dataclass
class Guard:
    """Stands before a registry, asks for credentials, and notes which secrets came.

    Attributes:
        seen: secrets that were sent, to the registry or to its token service.
        faults: what answers whoever was let in: method or "*", pattern of the path, fault.
    """

    registry: FakeRegistry
    seen: set[str] = field(default_factory=set)
    faults: list[tuple[str, str, Fault]] = field(default_factory=list)

    def _note(self, text: str) -> None:
        for secret in SECRETS:
            if any(spelling in text.encode() for spelling in spellings(secret)):
                self.seen.add(secret)

    def stand(self, *, tokens: bool) -> None:
        """Let in whoever has a password, or a token."""
        realm = f'Bearer realm="http://{self.registry.host}/token",service="test"'
        challenge = realm if tokens else 'Basic realm="test"'

        def check(exchange: Exchange) -> bool:
            authorization = exchange.headers.get("authorization", "")
            self._note(authorization)
            if not authorization.startswith(challenge.split()[0]):
                exchange.error(401, "UNAUTHORIZED", {"WWW-Authenticate": challenge})
                return True
            return self._fault(exchange)

        for method in METHODS:
            self.registry.on(method, "^/v2/", check, forever=True)
            self.registry.on(method, "^/token", self._hand_out, forever=True)
            self.registry.on(method, "", self._fault, forever=True)

    def _fault(self, exchange: Exchange) -> bool:
        """Let the first fault answer that is for such a request."""
        return any(
            fault(exchange)
            for method, path, fault in self.faults
            if method in {"*", exchange.method} and re.search(path, exchange.path)
        )

    def _hand_out(self, exchange: Exchange) -> bool:
        form = b"".join(exchange.body()).decode()
        self._note(exchange.headers.get("authorization", "") + form)
        exchange.headers[FORM] = form
        if self._fault(exchange):
            return True
        answer = {"token": ANSWERED_TOKEN, "access_token": ANSWERED_TOKEN, "expires_in": 300}
        exchange.answer(200, json.dumps(answer).encode())
        return True
