"""Deleting from a layout."""

from __future__ import annotations

from pathlib import Path

import pytest

from regcopy.errors import Cancelled, NotFound, StorageFailed, UsageError
from regcopy.streams.files import Folder
from regcopy.streams.locks import lock
from regcopy.testing.samples import (
    FOUR_PLATFORMS,
    SampleImage,
    image_of_layers,
    make_layer,
    multi_platform_image,
    single_image,
)
from regcopy.transports.base import SideOptions
from regcopy.transports.oci import OciReference
from tests.contexts import make_context
from tests.hand_copy import put_image, read_image, write_image
from tests.places import oci
from tests.storage_watch import contents

ONE = single_image(seed="one")
FOUR = multi_platform_image(layers=2, shared_layers=1)


def delete(reference: OciReference) -> None:
    """Delete an image."""
    reference.delete_image(make_context("destination"))


def test_an_image_goes_with_its_blobs(tmp_path: Path) -> None:
    write_image(ONE, oci(tmp_path, "v1"))

    delete(oci(tmp_path, "v1"))

    assert contents(tmp_path) == {
        "oci-layout": b'{"imageLayoutVersion":"1.0.0"}',
        "index.json": b'{"schemaVersion":2,"manifests":[]}',
    }


def test_other_images_stay_whole(tmp_path: Path) -> None:
    common = make_layer("common", 100)
    platform = FOUR_PLATFORMS[0]
    one = image_of_layers([common, make_layer("1", 10)], platform=platform)
    two = image_of_layers([common, make_layer("2", 10)], platform=platform)
    for image, name in ((one, "1"), (two, "2"), (FOUR, "4")):
        write_image(image, oci(tmp_path, name))

    delete(oci(tmp_path, "1"))

    assert read_image(oci(tmp_path, "2")) == two
    assert read_image(oci(tmp_path, "4")) == FOUR
    with pytest.raises(NotFound):
        read_image(oci(tmp_path, "1"))


def test_an_image_with_two_names_loses_one(tmp_path: Path) -> None:
    write_image(ONE, oci(tmp_path, "v1"), ["v2"])

    delete(oci(tmp_path, "v1"))

    assert read_image(oci(tmp_path, "v2")) == ONE


def test_an_image_is_deleted_by_its_position(tmp_path: Path) -> None:
    write_image(ONE, oci(tmp_path, "1"))
    write_image(FOUR, oci(tmp_path, "4"))

    delete(OciReference(str(tmp_path), position=0))

    assert read_image(oci(tmp_path, "")) == FOUR


@pytest.mark.parametrize("missing", range(4))
def test_blobs_of_an_index_that_misses_an_image_stay(tmp_path: Path, missing: int) -> None:
    sparse = SampleImage(
        FOUR.top, tuple(c for n, c in enumerate(FOUR.children) if n != missing), FOUR.blobs
    )
    write_image(sparse, oci(tmp_path, "sparse"))
    for child in sparse.children:
        alone = SampleImage(child, (), FOUR.blobs)
        write_image(alone, oci(tmp_path, "alone"))
        delete(oci(tmp_path, "alone"))

    kept = {name.rpartition("/")[2] for name in contents(tmp_path / "blobs")}
    assert {child.digest.hex for child in sparse.children} <= kept
    assert len(kept) >= 1 + 3 + 3 * 2 + 1


def test_a_broken_image_can_be_deleted(tmp_path: Path) -> None:
    write_image(ONE, oci(tmp_path, "v1"))
    write_image(FOUR, oci(tmp_path, "4"))
    (tmp_path / "blobs" / "sha256" / ONE.digest.hex).write_bytes(b"broken")

    delete(oci(tmp_path, "v1"))

    assert read_image(oci(tmp_path, "")) == FOUR


def test_no_blob_is_removed_while_another_image_is_broken(tmp_path: Path) -> None:
    write_image(ONE, oci(tmp_path, "v1"))
    write_image(FOUR, oci(tmp_path, "4"))
    (tmp_path / "blobs" / "sha256" / FOUR.digest.hex).write_bytes(b"broken")
    before = contents(tmp_path / "blobs")

    delete(oci(tmp_path, "v1"))

    assert contents(tmp_path / "blobs") == before


def test_blobs_of_a_shared_folder_stay(tmp_path: Path) -> None:
    options = SideOptions(shared_blob_dir=str(tmp_path / "shared"))
    context = make_context("destination", options=options)
    reference = oci(tmp_path / "layout", "v1")
    with reference.open_destination(context) as destination:
        put_image(destination, ONE)
        destination.commit()
    before = contents(tmp_path / "shared")

    reference.delete_image(context)

    assert contents(tmp_path / "shared") == before


def test_a_missing_image_is_not_found(tmp_path: Path) -> None:
    write_image(ONE, oci(tmp_path, "v1"))

    with pytest.raises(NotFound):
        delete(oci(tmp_path, "v2"))
    with pytest.raises(NotFound):
        delete(oci(tmp_path / "missing", "v1"))


def test_one_of_several_images_must_be_chosen(tmp_path: Path) -> None:
    write_image(ONE, oci(tmp_path, "v1"), ["v2"])

    with pytest.raises(UsageError, match="more than one image"):
        delete(oci(tmp_path, ""))


def test_nothing_is_deleted_while_a_copy_is_under_way(tmp_path: Path) -> None:
    write_image(ONE, oci(tmp_path, "v1"))
    before = contents(tmp_path)
    context = make_context("destination")
    context.cancelled.set()  # so that the wait for the copy ends at once

    with Folder.open(str(tmp_path / "blobs")) as blobs:
        lock(blobs, shared=True)
        with pytest.raises(Cancelled):
            oci(tmp_path, "v1").delete_image(context)

    assert contents(tmp_path) == before


def test_a_linked_blobs_folder_is_not_deleted_from(tmp_path: Path) -> None:
    write_image(ONE, oci(tmp_path / "layout", "v1"))
    (tmp_path / "layout" / "blobs").rename(tmp_path / "outside")
    (tmp_path / "layout" / "blobs").symlink_to(tmp_path / "outside")
    before = contents(tmp_path / "outside")

    with pytest.raises(StorageFailed, match="this is no folder"):
        delete(oci(tmp_path / "layout", "v1"))

    assert contents(tmp_path / "outside") == before
