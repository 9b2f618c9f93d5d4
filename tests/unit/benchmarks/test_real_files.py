"""Layers of real files: their size is known before, and they are tar files of the files."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from benchmarks.real_files import RealFile, RealLayer, find_files, real_layers


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with three files, one of them with a name of 150 characters."""
    (tmp_path / "lib").mkdir()
    (tmp_path / "bin").write_bytes(b"b" * 1000)
    (tmp_path / "lib" / "a").write_bytes(b"a" * 512)
    (tmp_path / "lib" / ("z" * 150)).write_bytes(b"z" * 2_000_000)
    return tmp_path


def content_of(layer: RealLayer) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(b"".join(layer))) as tar:
        members = [(member.name, tar.extractfile(member)) for member in tar]
        return {name: content.read() for name, content in members if content is not None}


def test_a_layer_has_the_files_with_their_names_below_the_root(root: Path) -> None:
    layer = RealLayer(find_files(root), root)
    assert {name: len(content) for name, content in content_of(layer).items()} == {
        "bin": 1000,
        "lib/a": 512,
        f"lib/{'z' * 150}": 2_000_000,
    }


def test_the_size_of_a_layer_is_known_before_it_is_made(root: Path) -> None:
    layer = RealLayer(find_files(root), root)
    assert layer.size == sum(len(block) for block in layer)


def test_a_layer_is_the_same_each_time(root: Path) -> None:
    layer = RealLayer(find_files(root), root)
    assert b"".join(layer) == b"".join(layer)


def test_a_file_that_became_shorter_is_filled_up(root: Path) -> None:
    layer = RealLayer(find_files(root), root)
    (root / "bin").write_bytes(b"b")
    assert content_of(layer)["bin"] == b"b" + bytes(999)


def test_links_empty_and_huge_files_are_left_out(root: Path) -> None:
    (root / "link").symlink_to("bin")
    (root / "empty").touch()
    with (root / "huge").open("wb") as huge:
        huge.truncate(17 * 1024 * 1024)
    assert [file.path.name for file in find_files(root)] == ["bin", "a", "z" * 150]


def test_a_folder_without_files_is_told(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="there are no files"):
        find_files(tmp_path)


def test_layers_begin_elsewhere_and_go_on_from_the_first_file(root: Path) -> None:
    files = [RealFile(root / name, 1000) for name in ("a", "b", "c", "d")]
    layers = real_layers(files, layers=2, layer_bytes=2500, root=root)
    assert [layer.names for layer in layers] == [["a", "b", "c"], ["c", "d", "a"]]
