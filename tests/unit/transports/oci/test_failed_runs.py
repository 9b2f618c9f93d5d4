"""What a failed run leaves in a layout."""

from __future__ import annotations

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
from regcopy.transports.base import SideOptions
from tests.hand_copy import stream_of, write_image
from tests.places import fail_run, names, oci, open_writer
from tests.storage_watch import contents

ONE = single_image(seed="one")
TWO = single_image(seed="two")
FOUR = multi_platform_image(layers=1)


def test_bad_input_leaves_nothing_at_a_new_place(tmp_path: Path) -> None:
    with pytest.raises(ContentError):
        fail_run(oci(tmp_path / "new" / "layout", "bad"), ONE, ContentError("bad input"))

    assert list(tmp_path.iterdir()) == []


def test_a_blob_with_wrong_bytes_is_refused_and_not_visible(tmp_path: Path) -> None:
    promised = Descriptor("", Digest.of(b"hello"), 5)

    with open_writer(oci(tmp_path)) as destination, pytest.raises(DigestMismatch):
        destination.put_blob(stream_of(b"jello", promised))

    assert contents(tmp_path) == {}


@pytest.mark.parametrize(
    "error", [Cancelled("cancelled"), StorageFailed("disk full"), KeyboardInterrupt()]
)
def test_a_failed_run_leaves_a_layout_as_it_was(tmp_path: Path, error: BaseException) -> None:
    write_image(ONE, oci(tmp_path, "v1"))
    before = contents(tmp_path)

    with pytest.raises(type(error)):
        fail_run(oci(tmp_path, "bad"), TWO, error)

    assert contents(tmp_path) == before


def test_a_broken_connection_leaves_whole_blobs_to_go_on_from(tmp_path: Path) -> None:
    with pytest.raises(ConnectionFailed):
        fail_run(oci(tmp_path, "bad"), ONE, ConnectionFailed("reset"))

    assert not (tmp_path / "index.json").exists()
    with open_writer(oci(tmp_path, "v1")) as destination:
        for digest, content in ONE.blobs.items():
            assert destination.find_blob(Descriptor("", digest, len(content)))


@pytest.mark.parametrize("image", [ONE, FOUR, SampleImage(FOUR.top, FOUR.children[1:], FOUR.blobs)])
def test_a_failed_run_keeps_what_another_one_has_named_meanwhile(
    tmp_path: Path, image: SampleImage
) -> None:
    def name_it() -> None:
        write_image(image, oci(tmp_path, "good"))

    with pytest.raises(ContentError):
        fail_run(oci(tmp_path, "bad"), image, ContentError("bad input"), meanwhile=name_it)

    assert names(tmp_path) == ("good",)
    kept = {name.rpartition("/")[2] for name in contents(tmp_path / "blobs")}
    assert kept >= {manifest.digest.hex for manifest in image.manifests}
    assert len(kept) >= len(image.manifests) * 3 - 2


def test_blobs_in_a_shared_folder_survive_a_failed_run(tmp_path: Path) -> None:
    options = SideOptions(shared_blob_dir=str(tmp_path / "shared"))

    with pytest.raises(ContentError):
        fail_run(oci(tmp_path / "layout", "bad"), ONE, ContentError("bad input"), options=options)

    assert not (tmp_path / "layout").exists()
    assert len(contents(tmp_path / "shared")) == 5
