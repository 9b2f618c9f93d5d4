"""A token service of the tests' own (distribution-spec: token authentication).

It signs what docker-registry accepts: a JWT with the certificate in its header. Lifetimes can
be made as short as wanted, and what it was asked can be looked at afterwards.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import NameOID

# docker-registry takes a token for so long after its end.
_LEEWAY_SECONDS: Final = 60
_MAX_FORM: Final = 64 * 1024

Access = Callable[[str, str, frozenset[str]], frozenset[str]]
"""From user ("" for nobody), repository and wanted actions to the actions that are given."""


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """What the service was asked, and by whom."""

    method: str
    user: str
    scopes: tuple[str, ...]
    form: Mapping[str, str] = field(default_factory=dict)


def all_to_users_pull_to_others(user: str, _: str, wanted: frozenset[str]) -> frozenset[str]:
    """Give everything to whoever has a password, and pull to everybody."""
    return wanted if user else wanted & {"pull"}


class TokenServer:
    """A running token service on 127.0.0.1; enter it to start, leave it to end.

    Attributes:
        asked: all requests so far.
        lifetime_seconds: after so many seconds docker-registry refuses a token; a test may
            change it at any time, also to 0 for tokens that are over when they are made.
        claimed_seconds: what `expires_in` says; None leaves it out.
    """

    def __init__(
        self,
        users: Mapping[str, str] | None = None,
        *,
        access: Access = all_to_users_pull_to_others,
        lifetime_seconds: float = 300,
        claimed_seconds: int | None = 300,
        refresh_tokens: Mapping[str, str] | None = None,
    ) -> None:
        """Take the rules.

        Args:
            users: passwords by name.
            access: who may do what.
            lifetime_seconds: see the attribute.
            claimed_seconds: see the attribute.
            refresh_tokens: users by identity token.
        """
        self.users = dict(users or {})
        self.refresh_tokens = dict(refresh_tokens or {})
        self.lifetime_seconds = lifetime_seconds
        self.claimed_seconds = claimed_seconds
        self.asked: list[TokenRequest] = []
        self._access = access
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._certificate = _self_signed(self._key)
        self._lock = threading.Lock()
        self._ends: list[float] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_for(self))
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )

    @property
    def host(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    @property
    def realm(self) -> str:
        """Address that tokens are asked at."""
        return f"http://{self.host}/token"

    def registry_section(self, folder: Path) -> dict[str, object]:
        """Write the certificate, and give the registry's `auth.token` section."""
        bundle = folder / "tokens.pem"
        bundle.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))
        return {
            "realm": self.realm,
            "service": "registry.test",
            "issuer": "tokens.test",
            "rootcertbundle": str(bundle),
        }

    def wait_until_expired(self) -> None:
        """Wait until the last token that was handed out is over."""
        with self._lock:
            end = self._ends[-1] if self._ends else 0.0
        # The registry looks at whole seconds.
        while (left := end + 1 - time.time()) > 0:
            time.sleep(left)

    def answer(self, asked: TokenRequest) -> dict[str, object]:
        """Make a token for what was asked."""
        end = time.time() + self.lifetime_seconds
        with self._lock:
            self.asked.append(asked)
            self._ends.append(end)
        token = self.sign_for(asked.user, *asked.scopes, end=end)
        document: dict[str, object] = {"token": token, "access_token": token}
        if self.claimed_seconds is not None:
            document["expires_in"] = self.claimed_seconds
        return document

    def sign_for(self, user: str, *scopes: str, end: float | None = None) -> str:
        """Make a token without being asked; it lasts for minutes unless `end` says when it ends."""
        now = time.time()
        return self._sign(
            {
                "iss": "tokens.test",
                "sub": user,
                "aud": "registry.test",
                "iat": int(now),
                "nbf": int(now) - 2 * _LEEWAY_SECONDS,
                "exp": int(now + 600 if end is None else end) - _LEEWAY_SECONDS,
                "jti": uuid.uuid4().hex,
                "access": [self._grant(user, scope) for scope in scopes],
            }
        )

    def _grant(self, user: str, scope: str) -> dict[str, object]:
        kind, _, rest = scope.partition(":")
        name, _, actions = rest.rpartition(":")
        given = self._access(user, name, frozenset(actions.split(",")))
        return {"type": kind, "name": name, "actions": sorted(given)}

    def _sign(self, claims: Mapping[str, object]) -> str:
        der = self._certificate.public_bytes(serialization.Encoding.DER)
        header = {"typ": "JWT", "alg": "ES256", "x5c": [base64.b64encode(der).decode()]}
        text = f"{_encode(json.dumps(header).encode())}.{_encode(json.dumps(claims).encode())}"
        r, s = decode_dss_signature(self._key.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{text}.{_encode(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)


def _handler_for(service: TokenServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 10

        def do_GET(self) -> None:
            query = parse_qs(urlsplit(self.path).query)
            user = self._basic_user()
            if user is None:
                self._reply(401, {"errors": [{"code": "UNAUTHORIZED"}]})
                return
            scopes = tuple(s for text in query.get("scope", []) for s in text.split(" "))
            self._reply(200, service.answer(TokenRequest("GET", user, scopes)))

        def do_POST(self) -> None:
            length = min(int(self.headers.get("Content-Length", "0")), _MAX_FORM)
            form = {k: v[0] for k, v in parse_qs(self.rfile.read(length).decode()).items()}
            if form.get("grant_type") == "refresh_token":
                user = service.refresh_tokens.get(form.get("refresh_token", ""))
            else:
                name = form.get("username", "")
                user = name if _knows(service, name, form.get("password", "")) else None
            if user is None:
                self._reply(401, {"error": "invalid_grant"})
                return
            scopes = tuple(form.get("scope", "").split())
            self._reply(200, service.answer(TokenRequest("POST", user, scopes, form)))

        def _basic_user(self) -> str | None:
            header = self.headers.get("Authorization")
            if header is None:
                return ""
            decoded = base64.b64decode(header.removeprefix("Basic ")).decode()
            name, _, password = decoded.partition(":")
            return name if _knows(service, name, password) else None

        def _reply(self, status: int, document: Mapping[str, object]) -> None:
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    return Handler


def _knows(service: TokenServer, name: str, password: str) -> bool:
    return bool(name) and service.users.get(name) == password


def _self_signed(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tokens.test")])
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=2))
        .sign(key, hashes.SHA256())
    )


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
