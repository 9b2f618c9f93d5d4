"""registries.conf as a run has it: read once, however many ask."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from regcopy.config.environment import Environment
    from regcopy.config.registries_conf import RegistriesConf


class KeptRegistries:
    """The configuration, read when it is first needed; safe for use by several threads."""

    def __init__(self, environment: Environment) -> None:
        """Read nothing yet; the environment tells where the files are."""
        self._environment = environment
        self._lock = threading.Lock()
        self._conf: RegistriesConf | None = None

    def get(self) -> RegistriesConf:
        """Give the configuration.

        Raises:
            ConfigurationError: a file cannot be read, or makes no sense.
        """
        # Folders and archives need none of this.
        from regcopy.config.registries_conf_paths import load_registries_conf

        with self._lock:
            if self._conf is None:
                self._conf = load_registries_conf(self._environment)
            return self._conf

    def close(self) -> None:
        """Do nothing: nothing is open."""
