"""registries.conf is read once, however many ask."""

from __future__ import annotations

from pathlib import Path

import pytest

from regcopy.config.environment import Environment
from regcopy.config.registries_conf_paths import VARIABLE
from regcopy.config.registries_kept import KeptRegistries
from regcopy.errors import ConfigurationError


def kept(path: Path, text: str) -> KeptRegistries:
    path.write_text(text, encoding="utf-8")
    return KeptRegistries(Environment({VARIABLE: str(path)}))


def test_nothing_is_read_before_somebody_asks(tmp_path: Path) -> None:
    registries = kept(tmp_path / "conf", "[[")
    (tmp_path / "conf").write_text('credential-helpers = ["one"]', encoding="utf-8")

    assert registries.get().credential_helpers == ("one",)


def test_what_was_read_once_is_kept(tmp_path: Path) -> None:
    registries = kept(tmp_path / "conf", 'credential-helpers = ["one"]')
    first = registries.get()
    (tmp_path / "conf").unlink()

    assert registries.get() is first


def test_a_broken_file_is_told_to_everybody_who_asks(tmp_path: Path) -> None:
    registries = kept(tmp_path / "conf", "[[")
    for _ in range(2):
        with pytest.raises(ConfigurationError, match="no TOML"):
            registries.get()
