"""What layers unpack to, as far as this run has seen it, so that none is unpacked twice for it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from regcopy.model.digest import Digest
    from regcopy.streams.watched import PlainLayer


class PlainLayers:
    """Remembers diff IDs; shared by all copies to one side of a run."""

    def __init__(self) -> None:
        """Remember nothing yet."""
        self._lock = threading.Lock()
        self._found: dict[Digest, PlainLayer] = {}

    def find(self, layer: Digest) -> PlainLayer | None:
        """Give what a layer was found to unpack to."""
        with self._lock:
            return self._found.get(layer)

    def note(self, layer: Digest, found: PlainLayer) -> None:
        """Remember it."""
        with self._lock:
            self._found[layer] = found

    def close(self) -> None:
        """Do nothing: there is nothing to give back."""
