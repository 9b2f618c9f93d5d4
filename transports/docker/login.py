"""Asking a registry whether it takes a credential (distribution-spec, "Determining Support")."""

from __future__ import annotations

from regcopy.model.reference import ImageName
from regcopy.transports.base import Context
from regcopy.transports.docker.client import Request, client_for


def check_credentials(registry: str, context: Context) -> None:
    """Ask for `/v2/`, with the credential that the context has for the whole registry.

    Raises:
        Unauthorized: the registry, or its token service, does not take the credential.
        TransportError: the registry cannot be reached, or is none.
    """
    client = client_for(ImageName(registry, ""), context)
    # No scope: a token for nothing is refused too where the password is wrong.
    client.call(Request("GET", "/v2/", (), f"logging in to {registry}")).close()
