"""A credential whose repr keeps its secret."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Credential:
    """How to introduce oneself to a registry.

    Either a user name and password, or an identity token (an OAuth 2 refresh token, sent to
    the token service only), or a registry token (a bearer token that is sent as it is).

    Attributes:
        origin: the file and entry it came from, for `regcopy auth explain`.
    """

    username: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)
    registry_token: str = field(default="", repr=False)
    origin: str = ""
