"""The contract suite on plain folders (`dir:`)."""

from __future__ import annotations

from pathlib import Path

import pytest

from regcopy.testing.contract import *  # noqa: F403
from regcopy.testing.place import Place
from regcopy.transports import parse_reference


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Folders below a folder of the test."""
    return Place(lambda name: parse_reference(f"dir:{tmp_path / name}"))
