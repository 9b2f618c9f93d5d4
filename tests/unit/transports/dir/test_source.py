"""Reading one image from a folder of plain files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from regcopy.errors import (
    DigestMismatch,
    LimitExceeded,
    ManifestInvalid,
    NotFound,
    SizeMismatch,
    StorageFailed,
)
from regcopy.model.descriptor import Descriptor
from regcopy.testing.samples import SampleImage, multi_platform_image, single_image, write_dir
from regcopy.transports.abilities import HoldsPlainLayers
from tests.contexts import make_context
from tests.hand_copy import read_image
from tests.layers import image_with
from tests.places import folder

ONE = single_image(seed="one")
TWO = single_image(seed="two", family="v2s2", plain=True)
FOUR = multi_platform_image(layers=1)
LAYER, LAYER_BYTES = next(iter(ONE.blobs.items()))


@pytest.mark.parametrize("image", [ONE, TWO, FOUR])
def test_an_image_is_read_byte_for_byte(tmp_path: Path, image: SampleImage) -> None:
    write_dir(image, tmp_path)

    assert read_image(folder(tmp_path)) == image


def test_a_blob_is_read_from_an_offset(tmp_path: Path) -> None:
    write_dir(ONE, tmp_path)
    blob = Descriptor("", LAYER, len(LAYER_BYTES))

    with folder(tmp_path).open_source(make_context()) as source:
        raw = source.open_blob(blob, offset=100)
        assert raw.read(7) == LAYER_BYTES[100:107]
        raw.close()


@pytest.mark.parametrize(
    ("image", "are_plain"),
    [
        (image_with("none", says="gzip"), True),
        (image_with("none"), True),
        (image_with("gzip"), False),
        (image_with("gzip", says="none"), False),
        (image_with("none", says="gzip", layers=[b"no tar file" * 100]), False),
        (single_image(layers=0), False),
        (FOUR, False),
    ],
)
def test_plain_layers_are_told_by_their_bytes(
    tmp_path: Path, image: SampleImage, are_plain: bool
) -> None:
    write_dir(image, tmp_path)

    with folder(tmp_path).open_source(make_context()) as source:
        assert isinstance(source, HoldsPlainLayers)
        assert source.layers_are_plain == are_plain


def test_a_layer_that_is_missing_is_not_called_plain(tmp_path: Path) -> None:
    write_dir(image_with("none", says="gzip"), tmp_path)
    for digest in image_with("none").blobs:
        (tmp_path / digest.hex).unlink()

    with folder(tmp_path).open_source(make_context()) as source:
        assert isinstance(source, HoldsPlainLayers)
        assert not source.layers_are_plain


def test_the_image_is_the_one_that_was_there_when_it_was_opened(tmp_path: Path) -> None:
    write_dir(ONE, tmp_path)

    with folder(tmp_path).open_source(make_context()) as source:
        write_dir(TWO, tmp_path)

        assert source.get_manifest() == ONE.top


@pytest.mark.parametrize("path", ["missing", "."])
def test_a_folder_without_image_is_not_found(tmp_path: Path, path: str) -> None:
    with pytest.raises(NotFound, match="does not exist"):
        read_image(folder(tmp_path / path))


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"layers":[],"Layers":[]}'])
def test_what_is_no_manifest_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "manifest.json").write_bytes(content)

    with pytest.raises(ManifestInvalid):
        read_image(folder(tmp_path))


def test_a_huge_manifest_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "manifest.json").open("wb") as file:
        file.truncate(1 << 40)

    with pytest.raises(LimitExceeded):
        read_image(folder(tmp_path))


def test_a_child_manifest_with_other_bytes_is_refused(tmp_path: Path) -> None:
    write_dir(FOUR, tmp_path)
    child = FOUR.children[0]
    path = tmp_path / f"{child.digest.hex}.manifest.json"

    path.write_bytes(child.content.replace(b"config", b"conFig"))
    with pytest.raises(DigestMismatch):
        read_image(folder(tmp_path))
    path.write_bytes(child.content + b"\n")
    with pytest.raises(SizeMismatch):
        read_image(folder(tmp_path))


def test_a_blob_that_was_edited_is_refused(tmp_path: Path) -> None:
    write_dir(ONE, tmp_path)
    (tmp_path / LAYER.hex).write_bytes(b"x" * len(LAYER_BYTES))

    with pytest.raises(DigestMismatch):
        read_image(folder(tmp_path))


@pytest.mark.parametrize(
    "name", ["manifest.json", f"{FOUR.children[0].digest.hex}.manifest.json", LAYER.hex]
)
def test_links_and_pipes_inside_are_not_followed(tmp_path: Path, name: str) -> None:
    write_dir(ONE if name == LAYER.hex else FOUR, tmp_path / "image")
    (tmp_path / "image" / name).rename(tmp_path / "outside")

    (tmp_path / "image" / name).symlink_to(tmp_path / "outside")
    with pytest.raises(StorageFailed, match="this is no regular file"):
        read_image(folder(tmp_path / "image"))
    (tmp_path / "image" / name).unlink()
    os.mkfifo(tmp_path / "image" / name)
    with pytest.raises(StorageFailed, match="this is no regular file"):
        read_image(folder(tmp_path / "image"))


def test_closing_twice_gives_all_descriptors_back(tmp_path: Path) -> None:
    write_dir(ONE, tmp_path)
    before = len(os.listdir("/proc/self/fd"))

    with folder(tmp_path).open_source(make_context()) as source:
        source.close()
    with pytest.raises(NotFound):
        folder(tmp_path / "missing").open_source(make_context())

    assert len(os.listdir("/proc/self/fd")) == before
