"""The contract suite on an OSTree repository (`ostree:`)."""

from __future__ import annotations

from pathlib import Path

import pytest

from regcopy.testing.contract import *  # noqa: F403
from regcopy.testing.place import Place
from regcopy.transports import parse_reference
from tests.programs import run_program


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """An empty repository."""
    run_program("ostree", "init", f"--repo={tmp_path}/repo", "--mode=bare-user")
    return Place(
        lambda name: parse_reference(f"ostree:localhost/{name}:1@{tmp_path}/repo"),
        holds_indexes=False,
    )
