"""Finding images in a tree of folders."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from regcopy.batch.sync.folders import find_folders
from regcopy.errors import LimitExceeded, StorageFailed


def make(root: Path, *names: str) -> None:
    for name in names:
        (root / name).mkdir(parents=True, exist_ok=True)
        (root / name / "manifest.json").write_text("{}")


def test_images_are_found_in_the_order_of_their_names(tmp_path: Path) -> None:
    make(tmp_path, "b:1", "a/x:2", "a/x:1")
    (tmp_path / "empty").mkdir()
    root = str(tmp_path)
    assert find_folders(root) == [
        (f"{root}/a/x:1", "/a/x:1"),
        (f"{root}/a/x:2", "/a/x:2"),
        (f"{root}/b:1", "/b:1"),
    ]


@pytest.mark.parametrize(
    ("root", "found"),
    [
        ("tree", [("tree/app:1", "/app:1")]),
        ("tree/", [("tree/app:1", "app:1")]),
        # The root is taken off as it was written, in skopeo too.
        ("./tree", [("tree/app:1", "tree/app:1")]),
        ("tree/app:1", [("tree/app:1", "app:1")]),
        ("tree/app:1/", [("tree/app:1", "tree/app:1")]),
        (".", [("tree/app:1", "tree/app:1")]),
    ],
)
def test_destinations_are_named_after_the_path_below_the_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: str, found: list[tuple[str, str]]
) -> None:
    make(tmp_path, "tree/app:1")
    monkeypatch.chdir(tmp_path)
    assert find_folders(root) == found


def test_what_lies_behind_a_manifest_is_part_of_its_image(tmp_path: Path) -> None:
    make(tmp_path, "app:1", "app:1/z")
    assert [Path(path).name for path, _ in find_folders(str(tmp_path))] == ["app:1"]


def test_links_to_folders_are_not_followed(tmp_path: Path) -> None:
    make(tmp_path, "real/app:1")
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/loop").symlink_to(tmp_path)
    assert find_folders(str(tmp_path / "tree")) == []


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StorageFailed, match=r"Invalid source directory specified: stat .*gone"):
        find_folders(str(tmp_path / "gone"))


def test_a_tree_that_is_too_deep_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "/".join("d" * 210)).mkdir(parents=True)
    with pytest.raises(LimitExceeded, match="too many folders"):
        find_folders(str(tmp_path))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0)
    with pytest.raises(StorageFailed, match="Error walking the path"):
        find_folders(str(tmp_path))
