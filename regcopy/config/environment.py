"""The process environment as a value: the one door through which it enters the library."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Environment:
    """Variables, and the places that follow from them.

    The repr shows no values: variables may hold secrets.
    """

    variables: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def of_process(cls) -> Environment:
        """Take the environment of this process."""
        return cls(dict(os.environ))

    def get(self, name: str) -> str:
        """Value of a variable, "" where it is not set."""
        return self.variables.get(name, "")

    @property
    def home(self) -> Path | None:
        """Home folder, or None: no home is needed for anything."""
        home = self.get("HOME")
        return Path(home) if home.startswith("/") else None

    @property
    def runtime_dir(self) -> Path | None:
        """`XDG_RUNTIME_DIR`, where it is set."""
        folder = self.get("XDG_RUNTIME_DIR")
        return Path(folder) if folder.startswith("/") else None

    @property
    def config_home(self) -> Path | None:
        """`XDG_CONFIG_HOME`, or `.config` in the home folder."""
        folder = self.get("XDG_CONFIG_HOME")
        if folder.startswith("/"):
            return Path(folder)
        return self.home / ".config" if self.home else None

    def containers_folder(self) -> Path | None:
        """`containers` in the user's folder of configuration, or None where nothing can be in it.

        A folder that this user may not enter holds nothing of this user's: containers run
        under any user ID, often with root's home folder as `HOME`.
        """
        folder = self.config_home / "containers" if self.config_home else None
        return folder if folder and os.access(folder, os.X_OK) else None
