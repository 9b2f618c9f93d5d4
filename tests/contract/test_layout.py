"""The contract suite on OCI layouts."""

from __future__ import annotations

from pathlib import Path

import pytest

from regcopy.testing.contract import *  # noqa: F403
from regcopy.testing.place import Place
from regcopy.transports import parse_reference
from regcopy.transports.base import SideOptions


@pytest.fixture(params=["own blobs", "shared blobs", "one folder, many names"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Layouts in a folder of the test."""
    if request.param == "one folder, many names":
        return Place(lambda name: parse_reference(f"oci:{tmp_path}/layout:{name}"))
    shared = str(tmp_path / "shared") if request.param == "shared blobs" else ""
    return Place(
        lambda name: parse_reference(f"oci:{tmp_path / name}:tag"),
        SideOptions(shared_blob_dir=shared),
    )
