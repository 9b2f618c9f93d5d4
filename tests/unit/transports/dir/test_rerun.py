"""What a folder has already, and what a failed run leaves there."""

from __future__ import annotations

from pathlib import Path

import pytest

from regcopy.errors import (
    Cancelled,
    ConnectionFailed,
    ContentError,
    NotFound,
    StorageFailed,
)
from regcopy.model.descriptor import Descriptor
from regcopy.testing.samples import SampleImage, multi_platform_image, single_image, write_dir
from tests.contexts import make_context
from tests.hand_copy import read_image, write_image
from tests.places import current_digest, fail_run, files_of, folder, open_writer
from tests.storage_watch import contents

ONE = single_image(seed="one")
FOUR = multi_platform_image(layers=1)
LAYER, LAYER_BYTES = next(iter(ONE.blobs.items()))


def test_a_blob_that_is_there_is_found_by_its_bytes(tmp_path: Path) -> None:
    write_dir(ONE, tmp_path)
    blob = Descriptor("", LAYER, len(LAYER_BYTES))

    with open_writer(folder(tmp_path)) as destination:
        assert destination.find_blob(blob)
        assert not destination.find_blob(Descriptor("", LAYER, blob.size - 1))
        (tmp_path / LAYER.hex).write_bytes(b"x" * blob.size)
        assert not destination.find_blob(blob)
        (tmp_path / LAYER.hex).unlink()
        assert not destination.find_blob(blob)


def test_looking_creates_nothing(tmp_path: Path) -> None:
    assert current_digest(folder(tmp_path / "missing")) is None
    with open_writer(folder(tmp_path / "missing")) as destination:
        assert not destination.find_blob(Descriptor("", LAYER, 1))

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("image", [ONE, FOUR])
def test_the_digest_is_known_while_all_is_there(tmp_path: Path, image: SampleImage) -> None:
    write_image(image, folder(tmp_path))
    assert current_digest(folder(tmp_path)) == image.digest

    lost = next(iter(image.blobs))
    content = (tmp_path / lost.hex).read_bytes()
    (tmp_path / lost.hex).write_bytes(content[::-1])

    assert current_digest(folder(tmp_path)) is None


def test_a_missing_child_makes_an_image_incomplete(tmp_path: Path) -> None:
    write_image(SampleImage(FOUR.top, FOUR.children[1:], FOUR.blobs), folder(tmp_path))

    assert current_digest(folder(tmp_path)) is None


def test_reading_what_is_there_can_be_cancelled(tmp_path: Path) -> None:
    write_dir(ONE, tmp_path)
    context = make_context("destination")
    context.cancelled.set()

    with folder(tmp_path).open_destination(context) as destination, pytest.raises(Cancelled):
        destination.find_blob(Descriptor("", LAYER, len(LAYER_BYTES)))


@pytest.mark.parametrize(
    "error", [ContentError("bad"), Cancelled("cancelled"), StorageFailed("full")]
)
def test_a_failed_run_leaves_nothing_at_a_new_place(tmp_path: Path, error: Exception) -> None:
    with pytest.raises(type(error)):
        fail_run(folder(tmp_path / "new" / "image"), FOUR, error)

    assert list(tmp_path.iterdir()) == []


def test_a_failed_run_leaves_the_old_image_as_it_was(tmp_path: Path) -> None:
    write_image(ONE, folder(tmp_path))

    with pytest.raises(ContentError):
        fail_run(folder(tmp_path), FOUR, ContentError("bad input"))

    assert contents(tmp_path) == files_of(ONE)


def test_a_failed_run_keeps_what_another_one_has_named_meanwhile(tmp_path: Path) -> None:
    def name_it() -> None:
        write_image(FOUR, folder(tmp_path))

    with pytest.raises(ContentError):
        fail_run(folder(tmp_path), FOUR, ContentError("bad input"), meanwhile=name_it)

    assert contents(tmp_path) == files_of(FOUR)


def test_a_broken_connection_leaves_whole_blobs_to_go_on_from(tmp_path: Path) -> None:
    with pytest.raises(ConnectionFailed):
        fail_run(folder(tmp_path / "image"), ONE, ConnectionFailed("reset"))

    with pytest.raises(NotFound):
        read_image(folder(tmp_path / "image"))
    with open_writer(folder(tmp_path / "image")) as destination:
        assert destination.find_blob(Descriptor("", LAYER, len(LAYER_BYTES)))


def test_a_broken_connection_before_the_first_blob_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ConnectionFailed):
        fail_run(folder(tmp_path / "image"), SampleImage(ONE.top), ConnectionFailed("reset"))

    assert list(tmp_path.iterdir()) == []
