"""A keychain that costs nothing where nobody asks it: folders and archives need no credential."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from regcopy.auth.credential import Credential
    from regcopy.auth.keychain import Keychain


class LateKeychain:
    """Stands for a keychain that is made when it is first asked.

    Safe for use by several threads.

    Args:
        make: makes it; called once.
    """

    def __init__(self, make: Callable[[], Keychain]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._made: Keychain | None = None

    def find(self, registry: str, repository: str, /) -> Credential | None:
        """Give the best match. Errors as `Keychain.find`."""
        with self._lock:
            if self._made is None:
                self._made = self._make()
            keychain = self._made
        return keychain.find(registry, repository)
