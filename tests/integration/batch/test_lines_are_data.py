"""What a shell would take apart or run stays one name, from the list to the destination."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from regcopy.testing.samples import single_image, write_dir
from tests.command_line import run_cli
from tests.lists import is_copied

IMAGE: Final = single_image()
NAMES: Final = ["*", "$HOME", "`id`", "$(id)", "a;id", "a&id", "a|id", "~", "'a", '"a', "{a,b}"]


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with files that a pattern would match."""
    monkeypatch.chdir(tmp_path)
    for name in ("one", "two"):
        write_dir(single_image(seed=name), tmp_path / name)
    return tmp_path


@pytest.mark.parametrize("name", NAMES)
def test_a_name_of_odd_characters_is_one_name(workspace: Path, name: str) -> None:
    write_dir(IMAGE, workspace / f"in-{name}")
    (workspace / "url.txt").write_text(f"dir:in-{name} dir:out-{name}\n")
    ended = run_cli("tekton", variables={"REGCOPY_WORKSPACE": str(workspace)})
    assert ended.code == 0, ended.err
    assert is_copied(IMAGE, workspace / f"out-{name}")


def test_a_pattern_matches_no_files(workspace: Path) -> None:
    (workspace / "url.txt").write_text("dir:* dir:out\n")
    ended = run_cli("tekton", variables={"REGCOPY_WORKSPACE": str(workspace)})
    assert ended.code == 4
    assert not (workspace / "out").exists()


def test_the_last_line_counts_without_a_newline_and_with_every_kind_of_end(
    workspace: Path,
) -> None:
    lines = b"\xef\xbb\xbf# a comment\r\n\r\n  \t \r\ndir:one dir:out-1\r\ndir:two   dir:out-2 # x"
    (workspace / "url.txt").write_bytes(lines)
    ended = run_cli("tekton", variables={"REGCOPY_WORKSPACE": str(workspace)})
    assert ended.code == 0, ended.err
    assert is_copied(single_image(seed="one"), workspace / "out-1")
    assert is_copied(single_image(seed="two"), workspace / "out-2")
    assert sorted(path.name for path in workspace.glob("out*")) == ["out-1", "out-2"]
