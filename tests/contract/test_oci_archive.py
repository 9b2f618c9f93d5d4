"""The contract suite on tar files of OCI layouts."""

from __future__ import annotations

from pathlib import Path

import pytest

from regcopy.testing.contract import *  # noqa: F403
from regcopy.testing.place import Place
from regcopy.transports import parse_reference


@pytest.fixture(params=["without a name", "with a name"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Files in a folder of the test."""
    tag = ":v1" if request.param == "with a name" else ""
    return Place(lambda name: parse_reference(f"oci-archive:{tmp_path / name}.tar{tag}"))
