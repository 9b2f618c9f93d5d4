"""Reading a layout."""

from __future__ import annotations

import json
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
from regcopy.model.digest import Digest
from regcopy.streams.blob import BlobStream
from regcopy.testing.samples import SampleImage, multi_platform_image, single_image, write_layout
from regcopy.transports.base import SideOptions
from regcopy.transports.oci import OciReference
from tests.contexts import make_context
from tests.hand_copy import read_image

IMAGE = multi_platform_image(layers=1)
LAYER = next(iter(IMAGE.blobs))


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    """A layout with one index of four platforms, named v1."""
    write_layout(IMAGE, tmp_path / "layout", "v1")
    return tmp_path / "layout"


def blob_path(layout: Path, digest: Digest) -> Path:
    """Give the file of a blob."""
    return layout / "blobs" / digest.algorithm / digest.hex


def read(layout: Path, name: str = "v1") -> SampleImage:
    """Read all of an image."""
    return read_image(OciReference(str(layout), name))


@pytest.mark.parametrize("reference", ["v1", ""])
def test_an_image_is_read_byte_for_byte(layout: Path, reference: str) -> None:
    assert read(layout, reference) == IMAGE


def test_an_image_is_read_by_position(layout: Path) -> None:
    assert read_image(OciReference(str(layout), position=0)) == IMAGE


def test_a_blob_is_read_from_an_offset(layout: Path) -> None:
    blob = Descriptor("", LAYER, len(IMAGE.blobs[LAYER]))

    with OciReference(str(layout)).open_source(make_context()) as source:
        raw = source.open_blob(blob, offset=100)
        assert raw.read(7) == IMAGE.blobs[LAYER][100:107]
        raw.close()


def test_blobs_are_read_from_a_shared_folder(layout: Path, tmp_path: Path) -> None:
    (layout / "blobs").rename(tmp_path / "shared")
    context = make_context(options=SideOptions(shared_blob_dir=str(tmp_path / "shared")))

    with OciReference(str(layout), "v1").open_source(context) as source:
        assert source.get_manifest() == IMAGE.top


def test_an_image_named_by_sha512_is_read(tmp_path: Path) -> None:
    image = single_image()
    digest = Digest.of(image.top.content, "sha512")
    (tmp_path / "blobs" / "sha512").mkdir(parents=True)
    blob_path(tmp_path, digest).write_bytes(image.top.content)
    entry = {"mediaType": image.top.media_type, "digest": str(digest), "size": image.top.size}
    index = {"schemaVersion": 2, "manifests": [entry]}
    (tmp_path / "index.json").write_text(json.dumps(index))

    with OciReference(str(tmp_path)).open_source(make_context()) as source:
        assert source.get_manifest() == image.top


def test_the_tag_is_resolved_once(layout: Path) -> None:
    with OciReference(str(layout), "v1").open_source(make_context()) as source:
        write_layout(single_image(seed="later"), layout, "v1")

        assert source.get_manifest() == IMAGE.top


def test_a_manifest_with_other_bytes_is_refused(layout: Path) -> None:
    blob_path(layout, IMAGE.digest).write_bytes(IMAGE.top.content.replace(b"amd64", b"AMD64"))

    with pytest.raises(DigestMismatch):
        read(layout)


def test_a_manifest_of_another_length_is_refused(layout: Path) -> None:
    blob_path(layout, IMAGE.digest).write_bytes(IMAGE.top.content + b"\n")

    with pytest.raises(SizeMismatch):
        read(layout)


def test_a_blob_with_other_bytes_is_refused(layout: Path) -> None:
    blob_path(layout, LAYER).write_bytes(b"x" * len(IMAGE.blobs[LAYER]))

    with pytest.raises(DigestMismatch):
        read(layout)


def test_a_blob_that_is_cut_short_is_refused(layout: Path) -> None:
    blob_path(layout, LAYER).write_bytes(IMAGE.blobs[LAYER][:-1])

    with pytest.raises(SizeMismatch):
        read(layout)


@pytest.mark.parametrize("digest", [LAYER, IMAGE.children[0].digest, IMAGE.digest])
def test_missing_content_is_named(layout: Path, digest: Digest) -> None:
    blob_path(layout, digest).unlink()

    with pytest.raises(NotFound, match=f"{digest} is not in layout"):
        read(layout)


def test_a_missing_layout_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="does not exist"):
        read(tmp_path / "missing")


def test_a_folder_without_index_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"index\.json does not exist"):
        read(tmp_path)


@pytest.mark.parametrize("size", [5 * 1024 * 1024, 2**62])
def test_a_manifest_that_claims_to_be_huge_is_not_read(layout: Path, size: int) -> None:
    document = json.loads((layout / "index.json").read_bytes())
    document["manifests"][0]["size"] = size
    (layout / "index.json").write_text(json.dumps(document))

    with pytest.raises(LimitExceeded):
        read(layout)


def test_a_huge_index_is_not_read(layout: Path) -> None:
    with (layout / "index.json").open("r+b") as file:
        file.truncate(1 << 40)

    with pytest.raises(LimitExceeded):
        read(layout)


@pytest.mark.parametrize("size", ["-1", "1e2", "9223372036854775808", '"3"', "null"])
def test_an_impossible_size_is_refused(layout: Path, size: str) -> None:
    text = (layout / "index.json").read_text().replace(f'"size":{IMAGE.top.size}', f'"size":{size}')
    (layout / "index.json").write_text(text)

    with pytest.raises(ManifestInvalid, match="size"):
        read(layout)


def move_away(path: Path) -> None:
    """Put a link in the place of something, to where it now is."""
    outside = path.parent.parent / f"outside-{path.name}"
    path.rename(outside)
    path.symlink_to(outside)


PLACES = ["index.json", "blobs", "blobs/sha256", f"blobs/sha256/{IMAGE.digest.hex}"]


@pytest.mark.parametrize("place", [*PLACES, f"blobs/sha256/{LAYER.hex}"])
def test_links_inside_a_layout_are_not_followed(layout: Path, place: str) -> None:
    move_away(layout / place)

    with pytest.raises(StorageFailed, match="this is no"):
        read(layout)


@pytest.mark.parametrize("place", ["index.json", f"blobs/sha256/{LAYER.hex}"])
def test_a_pipe_in_a_layout_does_not_hang(layout: Path, place: str) -> None:
    (layout / place).unlink()
    os.mkfifo(layout / place)

    with pytest.raises(StorageFailed, match="this is no regular file"):
        read(layout)


def test_a_layout_behind_a_link_is_read(layout: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(layout)

    assert read(tmp_path / "link") == IMAGE


def test_closing_twice_gives_all_descriptors_back(layout: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    with OciReference(str(layout), "v1").open_source(make_context()) as source:
        blob = Descriptor("", LAYER, len(IMAGE.blobs[LAYER]))
        with BlobStream(lambda offset: source.open_blob(blob, offset=offset), blob) as stream:
            stream.drain()
        source.close()

    assert len(os.listdir("/proc/self/fd")) == before
