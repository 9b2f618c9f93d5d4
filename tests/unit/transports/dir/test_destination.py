"""Writing one image as a folder of plain files."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from regcopy.errors import (
    StorageFailed,
    UsageError,
)
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.manifest import RawManifest
from regcopy.model.mediatypes import OCI_INDEX, OCI_MANIFEST
from regcopy.streams.files import Folder, NewFile
from regcopy.testing.samples import SampleImage, multi_platform_image, single_image
from tests.hand_copy import put_image, read_image, stream_of, write_image
from tests.places import files_of, folder, open_writer
from tests.storage_watch import contents

ONE = single_image(seed="one")
TWO = single_image(seed="two", family="v2s2", plain=True)
FOUR = multi_platform_image(layers=1)
VERSION = b"Directory Transport Version: 1.1\n"
LAYER, LAYER_BYTES = next(iter(ONE.blobs.items()))


@pytest.mark.parametrize("image", [ONE, TWO, FOUR])
def test_an_image_is_written_as_its_files(tmp_path: Path, image: SampleImage) -> None:
    write_image(image, folder(tmp_path / "new" / "image"))

    assert contents(tmp_path / "new" / "image") == files_of(image)


def test_every_manifest_is_taken_and_nothing_is_changed(tmp_path: Path) -> None:
    with open_writer(folder(tmp_path)) as destination:
        capabilities = destination.capabilities

    assert not capabilities.manifest_types
    assert capabilities.layers == "any"
    assert capabilities.max_parallel == 8


def test_blobs_that_begin_at_once_write_the_version_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []
    publish = NewFile.publish

    def told(file: NewFile, name: str, into: Folder | None = None) -> None:
        written.append(name)
        publish(file, name, into)

    monkeypatch.setattr(NewFile, "publish", told)
    streams = [stream_of(content) for content in ONE.blobs.values()]
    with open_writer(folder(tmp_path)) as destination, ThreadPoolExecutor(len(streams)) as pool:
        list(pool.map(destination.put_blob, streams))

    assert written.count("version") == 1


def test_an_old_image_is_replaced_and_all_that_was_its_own_removed(tmp_path: Path) -> None:
    write_image(FOUR, folder(tmp_path))
    (tmp_path / "signature-1").write_bytes(b"of the old image")
    (tmp_path / f"{FOUR.children[0].digest.hex}.signature-1").write_bytes(b"too")

    write_image(ONE, folder(tmp_path))

    assert contents(tmp_path) == files_of(ONE)


def test_files_that_are_no_part_of_an_image_stay(tmp_path: Path) -> None:
    write_image(ONE, folder(tmp_path))
    (tmp_path / "README").write_bytes(b"mine")
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / LAYER.hex).write_bytes(b"mine")

    write_image(TWO, folder(tmp_path))

    mine = {"README": b"mine", f"notes/{LAYER.hex}": b"mine"}
    assert contents(tmp_path) == files_of(TWO) | mine


def test_the_old_image_is_whole_until_the_commit(tmp_path: Path) -> None:
    write_image(ONE, folder(tmp_path))

    with open_writer(folder(tmp_path)) as destination:
        put_image(destination, FOUR)
        assert read_image(folder(tmp_path)) == ONE
        destination.commit()
        assert read_image(folder(tmp_path)) == FOUR


def test_old_files_stay_while_another_run_may_need_them(tmp_path: Path) -> None:
    write_image(ONE, folder(tmp_path))

    with open_writer(folder(tmp_path)) as other:
        assert other.find_blob(Descriptor("", LAYER, len(LAYER_BYTES)))
        write_image(FOUR, folder(tmp_path))
        put_image(other, ONE)
        other.commit()

    assert contents(tmp_path) == files_of(ONE)


def test_an_index_may_lack_images(tmp_path: Path) -> None:
    sparse = SampleImage(FOUR.top, FOUR.children[2:], FOUR.blobs)
    write_image(sparse, folder(tmp_path))

    write_image(sparse, folder(tmp_path))

    kept = contents(tmp_path)
    assert {f"{m.digest.hex}.manifest.json" for m in sparse.children} <= kept.keys()
    assert len(kept) == 2 + 2 + 2 * 2


def test_a_folder_with_something_else_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_bytes(b"important")

    with pytest.raises(UsageError, match="don't want to overwrite important data"):
        open_writer(folder(tmp_path))

    assert contents(tmp_path) == {"thesis.tex": b"important"}


@pytest.mark.parametrize("version", [b"", VERSION.rstrip(), VERSION + b"\n", bytes(100_000)])
def test_a_folder_of_another_version_is_refused(tmp_path: Path, version: bytes) -> None:
    (tmp_path / "version").write_bytes(version)

    with pytest.raises(UsageError, match="not a containers image directory"):
        open_writer(folder(tmp_path))


def test_a_linked_version_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "outside").write_bytes(VERSION)
    (tmp_path / "image").mkdir()
    (tmp_path / "image" / "version").symlink_to(tmp_path / "outside")

    with pytest.raises(StorageFailed, match="this is no regular file"):
        open_writer(folder(tmp_path / "image"))


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(StorageFailed, match="Not a directory"):
        open_writer(folder(tmp_path / "file"))


def test_a_folder_that_a_killed_run_left_is_taken(tmp_path: Path) -> None:
    (tmp_path / ".regcopy-0123456789abcdef.tmp").write_bytes(VERSION[:5])

    write_image(ONE, folder(tmp_path))

    assert contents(tmp_path) == files_of(ONE)


def test_a_folder_behind_a_link_is_written_to(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")

    write_image(ONE, folder(tmp_path / "link"))

    assert contents(tmp_path / "real") == files_of(ONE)


@pytest.mark.parametrize("name", [LAYER.hex, "manifest.json"])
def test_a_link_in_the_place_of_a_file_is_replaced_and_not_followed(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / "outside").write_bytes(b"strangers")
    (tmp_path / "image").mkdir()
    (tmp_path / "image" / "version").write_bytes(VERSION)
    (tmp_path / "image" / name).symlink_to(tmp_path / "outside")

    write_image(ONE, folder(tmp_path / "image"))

    assert (tmp_path / "outside").read_bytes() == b"strangers"
    assert contents(tmp_path / "image") == files_of(ONE)


def test_a_child_that_its_index_names_by_sha512_gets_both_names(tmp_path: Path) -> None:
    named = Digest.of(ONE.top.content, "sha512")
    entry = {"mediaType": OCI_MANIFEST, "digest": str(named), "size": ONE.top.size}
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry]}
    index = RawManifest(json.dumps(document).encode(), OCI_INDEX)

    write_image(SampleImage(index, (ONE.top,), ONE.blobs), folder(tmp_path))

    assert read_image(folder(tmp_path)).children == (ONE.top,)


def test_tags_are_refused_and_nothing_is_named(tmp_path: Path) -> None:
    with open_writer(folder(tmp_path)) as destination:
        put_image(destination, ONE)
        with pytest.raises(UsageError, match="has no tags"):
            destination.commit(["v1"])

    assert not (tmp_path / "manifest.json").exists()
