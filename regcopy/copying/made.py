"""Layers that were compressed or decompressed in this run, so that none is twice."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from regcopy.copying.recompression import Recompression
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.mediatypes import Compression
from regcopy.transports.base import ImageReference


@dataclass(frozen=True, slots=True)
class Made:
    """A layer that was made on the way, and an image that it was made for."""

    blob: Descriptor
    place: ImageReference


class MadeLayers:
    """Remembers what became of layers; shared by all copies to one side of a run."""

    def __init__(self) -> None:
        """Remember nothing yet."""
        self._lock = threading.Lock()
        self._made: dict[tuple[Digest, Compression, int | None], Made] = {}

    def find(self, layer: Descriptor, change: Recompression) -> Made | None:
        """Give what became of a layer by the same change."""
        with self._lock:
            return self._made.get((layer.digest, change.after, change.level))

    def note(self, layer: Descriptor, change: Recompression, made: Made) -> None:
        """Remember it."""
        with self._lock:
            self._made[layer.digest, change.after, change.level] = made

    def close(self) -> None:
        """Do nothing: there is nothing to give back."""
