"""The ability to check credentials, which transports to registries have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from regcopy.transports.base import Context


@runtime_checkable
class ChecksCredentials(Protocol):
    """A transport whose registries can be asked whether they take a credential."""

    def check_credentials(self, registry: str, context: Context, /) -> None:
        """Ask a registry, with the credential that the context has for it.

        Args:
            registry: host and port as in a reference.
            context: how it is reached.

        Raises:
            Unauthorized: it does not take the credential.
            TransportError: it cannot be reached, or is no registry.
        """
        ...
