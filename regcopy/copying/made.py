"""Layers that were compressed or decompressed in this run, so that none is twice."""

from __future__ import annotations

import threading
from typing import NamedTuple

from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.mediatypes import Compression
from regcopy.transports.base import ImageReference


class Recipe(NamedTuple):
    """All that the bytes of a layer depend on that was made, and what they were compared with.

    Attributes:
        layer: digest of what it was made of.
        after: its compression.
        level: of the compressor; None for its default.
        diff_id: digest that it was found to have when it was plain; None where it was not
            unpacked.
    """

    layer: Digest
    after: Compression
    level: int | None
    diff_id: Digest | None


class Made(NamedTuple):
    """A layer that was made on the way, and an image that it was made for."""

    blob: Descriptor
    place: ImageReference


class MadeLayers:
    """Remembers what became of layers; shared by all copies to one side of a run."""

    def __init__(self) -> None:
        """Remember nothing yet."""
        self._lock = threading.Lock()
        self._made: dict[Recipe, Made] = {}

    def find(self, recipe: Recipe) -> Made | None:
        """Give what was made so before."""
        with self._lock:
            return self._made.get(recipe)

    def note(self, recipe: Recipe, made: Made) -> None:
        """Remember it."""
        with self._lock:
            self._made[recipe] = made

    def close(self) -> None:
        """Do nothing: there is nothing to give back."""
