"""Where a transport asks for credentials."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from regcopy.auth.credential import Credential


class Keychain(Protocol):
    """Finds the credential for a repository."""

    def find(self, registry: str, repository: str, /) -> Credential | None:
        """Give the best match for `registry/repository`, or None for anonymous access.

        Args:
            registry: host and port as in the reference (`docker.io` for Docker Hub).
            repository: path of the repository, "" for the registry as a whole.

        Raises:
            ConfigurationError: a file or helper that was named cannot be used.
        """
        ...


@dataclass(frozen=True, slots=True)
class FixedKeychain:
    """The same answer for everybody: a credential from the command line, or anonymous.

    Attributes:
        elsewhere: where to look for registries that stand in for the one that the credential
            was given for; None for nowhere.
    """

    credential: Credential | None = None
    elsewhere: Keychain | None = None

    def find(self, _registry: str, _repository: str, /) -> Credential | None:
        """Give the credential, whatever is asked for."""
        return self.credential
