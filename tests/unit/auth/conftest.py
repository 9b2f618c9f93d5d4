from __future__ import annotations

from pathlib import Path

import pytest

from tests.credentials import Machine


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine without any auth file yet."""
    return Machine(tmp_path)
