"""What a failed run leaves in a layout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from regcopy.errors import (
    Cancelled,
    ConnectionFailed,
    ContentError,
    DigestMismatch,
    StorageFailed,
)
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.testing.samples import SampleImage, multi_platform_image, single_image
from regcopy.transports.base import ImageDestination, SideOptions
from regcopy.transports.oci import OciReference
from regcopy.transports.oci.layout import LayoutIndex
from tests.contexts import make_context
from tests.hand_copy import put_image, stream_of, write_image
from tests.storage_watch import contents

ONE = single_image(seed="one")
TWO = single_image(seed="two")
FOUR = multi_platform_image(layers=1)


def oci(path: Path, name: str = "") -> OciReference:
    """Name an image of a layout."""
    return OciReference(str(path), name)


def open_layout(
    path: Path, name: str = "", *, options: SideOptions | None = None
) -> ImageDestination:
    """Open a layout for writing."""
    return oci(path, name).open_destination(make_context("destination", options=options))


def fail_run(
    path: Path,
    image: SampleImage,
    error: BaseException,
    *,
    meanwhile: Callable[[], None] = lambda: None,
    options: SideOptions | None = None,
) -> None:
    """Write all of an image as "bad", and fail before the commit."""
    with open_layout(path, "bad", options=options) as destination:
        put_image(destination, image)
        meanwhile()
        raise error


def names(path: Path) -> tuple[str, ...]:
    """Names in index.json."""
    return LayoutIndex.parse((path / "index.json").read_bytes()).names()


def test_bad_input_leaves_nothing_at_a_new_place(tmp_path: Path) -> None:
    with pytest.raises(ContentError):
        fail_run(tmp_path / "new" / "layout", ONE, ContentError("bad input"))

    assert list(tmp_path.iterdir()) == []


def test_a_blob_with_wrong_bytes_is_refused_and_not_visible(tmp_path: Path) -> None:
    promised = Descriptor("", Digest.of(b"hello"), 5)

    with open_layout(tmp_path) as destination, pytest.raises(DigestMismatch):
        destination.put_blob(stream_of(b"jello", promised))

    assert contents(tmp_path) == {}


@pytest.mark.parametrize(
    "error", [Cancelled("cancelled"), StorageFailed("disk full"), KeyboardInterrupt()]
)
def test_a_failed_run_leaves_a_layout_as_it_was(tmp_path: Path, error: BaseException) -> None:
    write_image(ONE, oci(tmp_path, "v1"))
    before = contents(tmp_path)

    with pytest.raises(type(error)):
        fail_run(tmp_path, TWO, error)

    assert contents(tmp_path) == before


def test_a_broken_connection_leaves_whole_blobs_to_go_on_from(tmp_path: Path) -> None:
    with pytest.raises(ConnectionFailed):
        fail_run(tmp_path, ONE, ConnectionFailed("reset"))

    assert not (tmp_path / "index.json").exists()
    with open_layout(tmp_path, "v1") as destination:
        for digest, content in ONE.blobs.items():
            assert destination.find_blob(Descriptor("", digest, len(content)))


@pytest.mark.parametrize("image", [ONE, FOUR, SampleImage(FOUR.top, FOUR.children[1:], FOUR.blobs)])
def test_a_failed_run_keeps_what_another_one_has_named_meanwhile(
    tmp_path: Path, image: SampleImage
) -> None:
    def name_it() -> None:
        write_image(image, oci(tmp_path, "good"))

    with pytest.raises(ContentError):
        fail_run(tmp_path, image, ContentError("bad input"), meanwhile=name_it)

    assert names(tmp_path) == ("good",)
    kept = {name.rpartition("/")[2] for name in contents(tmp_path / "blobs")}
    assert kept >= {manifest.digest.hex for manifest in image.manifests}
    assert len(kept) >= len(image.manifests) * 3 - 2


def test_blobs_in_a_shared_folder_survive_a_failed_run(tmp_path: Path) -> None:
    options = SideOptions(shared_blob_dir=str(tmp_path / "shared"))

    with pytest.raises(ContentError):
        fail_run(tmp_path / "layout", ONE, ContentError("bad input"), options=options)

    assert not (tmp_path / "layout").exists()
    assert len(contents(tmp_path / "shared")) == 5
