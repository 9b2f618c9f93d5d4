"""Credentials written on the command line."""

from __future__ import annotations

from regcopy.auth.credential import Credential
from regcopy.errors import ConfigurationError


def parse_creds(text: str, *, origin: str = "--creds") -> Credential:
    """Parse `user[:password]`; the first colon ends the user name, as in skopeo.

    Raises:
        ConfigurationError: there is no user name. The message shows nothing of the text.
    """
    if not text:
        raise ConfigurationError(f"{origin}: credentials cannot be empty")
    username, _, password = text.partition(":")
    if not username:
        raise ConfigurationError(f"{origin}: the user name cannot be empty")
    return Credential(username, password, origin=origin)
