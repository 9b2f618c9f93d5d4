"""What the images of one run share, made once and closed with the run."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from contextlib import ExitStack
from typing import Protocol, TypeVar, cast


class Closable(Protocol):
    """Something that must be given back."""

    def close(self) -> None:
        """Give it back; may be called twice."""
        ...


_Resource = TypeVar("_Resource", bound=Closable)


class Resources:
    """Connections and the like by key; safe for use by several threads.

    Attributes:
        kept: how many things that were hard to open, of one kind, stay open while nobody uses
            them.
    """

    def __init__(self, kept: int = 0) -> None:
        self.kept = kept
        self._lock = threading.RLock()  # what is made may need something else of these
        self._found: dict[tuple[type, Hashable], Closable] = {}

    def get(self, kind: type[_Resource], key: Hashable, make: Callable[[], _Resource]) -> _Resource:
        """Give the one thing of that kind under that key, and make it first if need be.

        Args:
            kind: class of the thing; together with `key` it names it.
            key: all that two things of the kind can differ by.
            make: called at most once for each name, under a lock: it must do no I/O.
        """
        with self._lock:
            found = self._found.get((kind, key))
            if found is None:
                found = self._found[kind, key] = make()
            return cast("_Resource", found)

    def close(self) -> None:
        """Close everything, the newest first; may be called twice."""
        with self._lock:
            things = list(self._found.values())
            self._found.clear()
        with ExitStack() as stack:
            for thing in things:
                stack.callback(thing.close)
