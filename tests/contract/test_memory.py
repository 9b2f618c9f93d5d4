"""The contract suite on the transport in memory."""

from __future__ import annotations

import pytest

from regcopy.testing.contract import *  # noqa: F403
from regcopy.testing.contract import Place
from regcopy.testing.memory import MemoryStore


@pytest.fixture
def place() -> Place:
    """An empty store."""
    return Place(MemoryStore().reference)
