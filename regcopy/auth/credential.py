"""A credential whose repr keeps its secret."""

from __future__ import annotations

from dataclasses import dataclass, field

from regcopy.errors import ConfigurationError
from regcopy.text import printable


@dataclass(frozen=True, slots=True)
class Credential:
    """How to introduce oneself to a registry.

    Either a user name and password, or an identity token (an OAuth 2 refresh token, sent to
    the token service only), or a registry token (a bearer token that is sent as it is).

    Attributes:
        origin: the file and entry it came from, for `regcopy auth explain`.

    Raises:
        ConfigurationError: a text that cannot be sent. Without this check it would fail later,
            in a library whose message shows the secret.
    """

    username: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)
    registry_token: str = field(default="", repr=False)
    origin: str = ""

    def __post_init__(self) -> None:
        # The registry token becomes a header as it is; the others are encoded first.
        token = self.registry_token
        if not (token.isascii() and token.isprintable()):
            raise self._unusable("the registry token has characters that no header may have")
        try:
            f"{self.username}{self.password}{self.identity_token}".encode()
        except UnicodeEncodeError:
            # Not chained: the cause holds the secret.
            raise self._unusable("the credential is not valid UTF-8 text") from None

    def _unusable(self, why: str) -> ConfigurationError:
        return ConfigurationError(f"{printable(self.origin or 'credentials')}: {why}")
