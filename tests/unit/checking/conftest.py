"""Images in the current folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from regcopy.serving import RegistryServer
from regcopy.testing.samples import multi_platform_image, single_image, write_dir, write_layout


@pytest.fixture
def images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with `oci:one:t`, `oci:four:t` (one layer is the same in all) and `dir:docker`."""
    write_layout(single_image(), tmp_path / "one", "t")
    write_layout(multi_platform_image(shared_layers=1), tmp_path / "four", "t")
    write_dir(single_image(family="v2s2"), tmp_path / "docker")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    """Address of a registry."""
    with RegistryServer(tmp_path / "registry", port=0) as server:
        yield server.address
