"""Where signatures are, as registries.d says it."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from regcopy.config.environment import Environment
from regcopy.config.registries_d import RegistriesD, load_registries_d
from regcopy.errors import ConfigurationError

IMAGE = (
    "r.example.com/team/app:1",
    "r.example.com/team/app",
    "r.example.com/team",
    "r.example.com",
)


def load(folder: Path, **files: str) -> RegistriesD:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)
    return load_registries_d(str(folder), Environment())


def test_the_narrowest_scope_counts(tmp_path: Path) -> None:
    config = load(
        tmp_path,
        a="docker:\n  r.example.com:\n    lookaside: https://wide\n",
        b="docker:\n  r.example.com/team:\n    lookaside: https://narrow\n",
        c="default-docker:\n  lookaside: https://default\n",
    )
    assert config.lookaside(IMAGE, write=False) == "https://narrow"
    assert config.lookaside(IMAGE[3:], write=False) == "https://wide"
    assert config.lookaside(("other",), write=False) == "https://default"


def test_a_narrow_scope_that_says_nothing_about_it_leaves_it_to_the_wider_one(
    tmp_path: Path,
) -> None:
    config = load(
        tmp_path,
        a="docker:\n"
        "  r.example.com:\n    lookaside: https://wide\n    use-sigstore-attachments: true\n"
        "  r.example.com/team:\n    lookaside-staging: file:///staging\n",
    )
    assert config.lookaside(IMAGE, write=False) == "https://wide"
    assert config.lookaside(IMAGE, write=True) == "file:///staging"
    assert config.uses_attachments(IMAGE)


def test_the_old_names_of_the_keys_are_known(tmp_path: Path) -> None:
    config = load(
        tmp_path, a="default-docker:\n  sigstore: https://old\n  sigstore-staging: file:///old\n"
    )
    assert config.lookaside(IMAGE, write=False) == "https://old"
    assert config.lookaside(IMAGE, write=True) == "file:///old"


@pytest.mark.parametrize(("text", "value"), [("true", True), ("False", False), ("yes", True)])
def test_attachments_are_used_where_it_says_so(tmp_path: Path, text: str, value: bool) -> None:
    config = load(tmp_path, a=f"default-docker:\n  use-sigstore-attachments: {text}\n")
    assert config.uses_attachments(IMAGE) is value


def test_attachments_are_not_used_by_default(tmp_path: Path) -> None:
    assert not load(tmp_path).uses_attachments(IMAGE)


def test_where_nothing_is_said_the_built_in_storage_counts(tmp_path: Path) -> None:
    home = Environment({"HOME": "/home/somebody"})
    found = load_registries_d(str(tmp_path), home).lookaside(IMAGE, write=False)
    is_root = os.geteuid() == 0
    assert found == (
        "file:///var/lib/containers/sigstore"
        if is_root
        else "file:///home/somebody/.local/share/containers/sigstore"
    )


def test_a_home_that_may_not_be_entered_has_no_storage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stat(path: str) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", path)

    monkeypatch.setattr(os, "geteuid", lambda: 65532)
    monkeypatch.setattr(os, "stat", stat)
    home = Environment({"HOME": "/root"})
    assert load_registries_d("", home, system_folders=()).lookaside(IMAGE, write=False) == ""


def test_files_of_other_names_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "broken.yml").write_text("- a")
    (tmp_path / "README").write_text("- a")
    assert load(tmp_path).default.lookaside == ""


def test_the_users_folder_comes_before_the_machines(tmp_path: Path) -> None:
    system = tmp_path / "etc"
    load(system, a="default-docker:\n  lookaside: https://system\n")
    home = Environment({"HOME": str(tmp_path)})
    found = load_registries_d("", home, system_folders=(system,))
    assert found.default.lookaside == "https://system"
    user = tmp_path / ".config" / "containers" / "registries.d"
    user.mkdir(parents=True)
    found = load_registries_d("", home, system_folders=(system,))
    assert found.default.lookaside == ""


def test_a_folder_that_is_not_there_says_nothing(tmp_path: Path) -> None:
    assert load_registries_d(str(tmp_path / "gone"), Environment()).sections == {}


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ({"a": "docker:\n  x:\n    lookaside: a\n", "b": "docker:\n  x:\n"}, "in another file"),
        (
            {"a": "default-docker:\n  lookaside: a\n", "b": "default-docker:\n  lookaside: b\n"},
            "in another file",
        ),
        ({"a": "docker: text\n"}, "is no mapping"),
        ({"a": "docker:\n  x: text\n"}, "is no mapping"),
        ({"a": "docker:\n  x:\n    lookaside:\n      y: z\n"}, "is no text"),
        ({"a": "default-docker:\n  use-sigstore-attachments: perhaps\n"}, "neither true nor false"),
        ({"a": "- x\n"}, "is no mapping"),
        ({"a": "docker:\n  x: 1\n  x: 2\n"}, "line 3"),
        ({"a": "docker: [\n"}, "is no YAML"),
    ],
)
def test_what_makes_no_sense_is_refused(
    tmp_path: Path, files: dict[str, str], problem: str
) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        load(tmp_path, **files)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match="not UTF-8"):
        load(tmp_path)


def test_a_folder_in_place_of_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").mkdir()
    with pytest.raises(ConfigurationError, match="cannot read"):
        load(tmp_path)
