"""The contract suite on the transport that ARCHITECTURE.md shows, found by its entry point."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from regcopy.testing.contract import *  # noqa: F403
from regcopy.testing.place import Place
from regcopy.transports import parse_reference

PAGE: Final = Path(__file__).parents[2] / "ARCHITECTURE.md"
SECTION: Final = re.compile(r"^## Adding a transport$(.*?)^## ", re.MULTILINE | re.DOTALL)
BLOCK: Final = re.compile(r"^```(python|toml)$\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def shown() -> tuple[str, str]:
    """Give the module and the entry point, as they stand on the page."""
    section = SECTION.search(PAGE.read_text(encoding="utf-8"))
    assert section is not None
    (first, module), (second, entry), *_ = BLOCK.findall(section[1])
    assert (first, second) == ("python", "toml")
    return module, entry


def install(folder: Path) -> None:
    """Lay the files of a distribution down as pip does."""
    module, entry = shown()
    package, metadata = folder / "my_package", folder / "mine-1.dist-info"
    for made in (package, metadata):
        made.mkdir()
    (package / "transport.py").write_text(module)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1\n")
    group = entry.replace("project.entry-points.", "").replace('["', "[").replace('"]', "]")
    (metadata / "entry_points.txt").write_text(group.replace('"', ""))


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """Folders below a folder of the test."""
    installed = tmp_path / "installed"
    installed.mkdir()
    install(installed)
    monkeypatch.syspath_prepend(installed)
    yield Place(lambda name: parse_reference(f"mine:{tmp_path / name}"))
    for name in ("my_package.transport", "my_package"):
        sys.modules.pop(name, None)
