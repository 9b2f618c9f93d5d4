"""The contract suite on the transport in memory."""

from __future__ import annotations

import pytest

from regcopy.testing.contract import *  # noqa: F403
from regcopy.testing.memory import MemoryStore
from regcopy.testing.place import Place


@pytest.fixture
def place() -> Place:
    """An empty store."""
    return Place(MemoryStore().reference)
