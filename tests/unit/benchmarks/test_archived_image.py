"""The archive that is copied from, and whether a copy of it is right."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from benchmarks.archived_image import ArchivedImage, write_archive
from benchmarks.file_checks import check_dir, check_docker_archive, check_layout
from benchmarks.images import Pushed
from benchmarks.processes import RunFailed
from regcopy.model.digest import Digest
from regcopy.testing.samples import SampleImage, single_image, write_dir, write_layout

OTHER = Digest.of(b"other")


@dataclass(frozen=True)
class Blocks:
    """A layer of two blocks."""

    content: bytes

    @property
    def size(self) -> int:
        return len(self.content)

    def __iter__(self) -> Iterator[bytes]:
        yield from (self.content[:7], self.content[7:])


@pytest.fixture
def archived(tmp_path: Path) -> ArchivedImage:
    """An archive with an image of two layers."""
    layers = [Blocks(b"first layer"), Blocks(b"the second layer")]
    return write_archive(tmp_path / "image.tar", "a/b:1", layers)


@pytest.fixture
def sample() -> SampleImage:
    """An image, wherever it is written."""
    return single_image(layers=2)


def pushed_of(image: SampleImage) -> Pushed:
    return Pushed(image.digest, tuple(image.blobs))


def test_an_archive_has_the_layers_and_a_config_with_their_digests(archived: ArchivedImage) -> None:
    with tarfile.open(archived.path) as tar:
        content = {member.name: tar.extractfile(member) for member in tar}
        read = {name: file.read() for name, file in content.items() if file is not None}
    (contents,) = json.loads(read["manifest.json"])
    assert contents["RepoTags"] == ["a/b:1"]
    layers = [read[name] for name in contents["Layers"]]
    assert layers == [b"first layer", b"the second layer"]
    assert archived.diff_ids == tuple(map(Digest.of, layers))
    config = json.loads(read[contents["Config"]])
    assert config["rootfs"]["diff_ids"] == [str(diff_id) for diff_id in archived.diff_ids]


def test_an_archive_with_the_same_image_is_right(archived: ArchivedImage) -> None:
    assert check_docker_archive(archived.path, archived) == archived.path.stat().st_size


def test_an_archive_with_another_layer_is_wrong(archived: ArchivedImage) -> None:
    wanted = replace(archived, diff_ids=(archived.diff_ids[0], OTHER))
    with pytest.raises(RunFailed, match="layers came out differently"):
        check_docker_archive(archived.path, wanted)


def test_an_archive_with_another_config_is_wrong(archived: ArchivedImage) -> None:
    with pytest.raises(RunFailed, match="config came out differently"):
        check_docker_archive(archived.path, replace(archived, config=OTHER))


def test_a_layout_is_as_large_as_its_blobs(sample: SampleImage, tmp_path: Path) -> None:
    write_layout(sample, tmp_path)
    size = sum(map(len, sample.blobs.values())) + len(sample.top.content)
    assert check_layout(tmp_path, pushed_of(sample)) == size


def test_a_layout_that_names_another_manifest_is_wrong(sample: SampleImage, tmp_path: Path) -> None:
    write_layout(sample, tmp_path)
    with pytest.raises(RunFailed, match="manifest came out differently"):
        check_layout(tmp_path, replace(pushed_of(sample), digest=OTHER))


def test_a_folder_with_a_broken_blob_is_wrong(sample: SampleImage, tmp_path: Path) -> None:
    write_dir(sample, tmp_path)
    pushed = pushed_of(sample)
    assert check_dir(tmp_path, pushed) > 0
    (tmp_path / pushed.blobs[0].hex).write_bytes(b"broken")
    with pytest.raises(RunFailed, match="came out differently"):
        check_dir(tmp_path, pushed)
