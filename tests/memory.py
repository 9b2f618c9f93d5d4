"""What something takes of memory, as Python counts it."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable


def peak_of(act: Callable[[], object]) -> int:
    """Bytes that something takes at most."""
    tracemalloc.start()
    try:
        act()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
