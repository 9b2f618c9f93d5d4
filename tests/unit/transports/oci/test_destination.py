"""Writing into a layout."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from regcopy.errors import (
    InvalidReference,
    ManifestInvalid,
    ManifestUnsupported,
    StorageFailed,
)
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.manifest import RawManifest
from regcopy.model.mediatypes import OCI_INDEX, OCI_MANIFEST
from regcopy.testing.samples import SampleImage, multi_platform_image, single_image, write_layout
from regcopy.transports.base import SideOptions
from regcopy.transports.oci import OciReference
from tests.contexts import make_context
from tests.hand_copy import put_image, read_image, write_image
from tests.places import current_digest, names, oci, open_writer
from tests.storage_watch import contents

ONE = single_image(seed="one")
TWO = single_image(seed="two")
FOUR = multi_platform_image(layers=1)


@pytest.mark.parametrize("image", [ONE, FOUR])
def test_an_image_is_read_as_it_was_written(tmp_path: Path, image: SampleImage) -> None:
    write_image(image, oci(tmp_path / "new" / "layout", "v1"))

    assert read_image(oci(tmp_path / "new" / "layout", "v1")) == image


def test_a_layout_has_the_files_that_the_specification_asks_for(tmp_path: Path) -> None:
    write_image(ONE, oci(tmp_path, "v1"))

    blobs = {f"blobs/sha256/{digest.hex}": blob for digest, blob in ONE.blobs.items()}
    blobs[f"blobs/sha256/{ONE.digest.hex}"] = ONE.top.content
    rest = {name: content for name, content in contents(tmp_path).items() if name not in blobs}
    assert contents(tmp_path).items() >= blobs.items()
    assert rest.keys() == {"index.json", "oci-layout"}
    assert rest["oci-layout"] == b'{"imageLayoutVersion":"1.0.0"}'


def test_nothing_is_named_before_the_commit(tmp_path: Path) -> None:
    write_image(ONE, oci(tmp_path, "v1"))
    before = (tmp_path / "index.json").read_bytes()

    with open_writer(oci(tmp_path, "v1")) as destination:
        put_image(destination, TWO)
        assert (tmp_path / "index.json").read_bytes() == before
        destination.commit()

    assert read_image(oci(tmp_path, "v1")) == TWO


def test_a_tag_is_replaced_and_its_old_image_stays_by_position(tmp_path: Path) -> None:
    write_image(ONE, oci(tmp_path, "v1"))
    write_image(TWO, oci(tmp_path, "v1"))

    assert read_image(oci(tmp_path, "v1")) == TWO
    assert read_image(OciReference(str(tmp_path), position=0)) == ONE


def test_additional_tags_name_the_same_image(tmp_path: Path) -> None:
    write_image(ONE, oci(tmp_path, "v1"), ["v1.0", "latest", "v1"])

    assert names(tmp_path) == ("v1", "v1.0", "latest")


def test_a_tag_that_is_no_name_changes_nothing(tmp_path: Path) -> None:
    with open_writer(oci(tmp_path, "v1")) as destination:
        put_image(destination, ONE)
        with pytest.raises(InvalidReference):
            destination.commit(["a b"])

    assert not (tmp_path / "index.json").exists()


def test_what_others_wrote_into_the_index_is_kept(tmp_path: Path) -> None:
    write_layout(ONE, tmp_path, "v1")
    document = json.loads((tmp_path / "index.json").read_bytes())
    document["com.example"] = {"kept": True}
    (tmp_path / "index.json").write_text(json.dumps(document))

    write_image(TWO, oci(tmp_path, "v2"))

    assert json.loads((tmp_path / "index.json").read_bytes())["com.example"] == {"kept": True}
    assert names(tmp_path) == ("v1", "v2")


def test_the_oci_layout_file_of_others_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "oci-layout").write_bytes(b'{"imageLayoutVersion": "1.0.0"}\n')

    write_image(ONE, oci(tmp_path))

    assert (tmp_path / "oci-layout").read_bytes() == b'{"imageLayoutVersion": "1.0.0"}\n'


def test_a_broken_oci_layout_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "oci-layout").write_bytes(b"")

    write_image(ONE, oci(tmp_path))

    assert (tmp_path / "oci-layout").read_bytes() == b'{"imageLayoutVersion":"1.0.0"}'


def test_blobs_that_are_there_are_found_by_their_exact_size(tmp_path: Path) -> None:
    write_image(ONE, oci(tmp_path))
    digest, content = next(iter(ONE.blobs.items()))

    with open_writer(oci(tmp_path)) as destination:
        assert destination.find_blob(Descriptor("", digest, len(content)))
        assert not destination.find_blob(Descriptor("", digest, len(content) + 1))
        assert not destination.find_blob(Descriptor("", Digest.of(b"other"), 5))


def test_looking_for_blobs_creates_nothing(tmp_path: Path) -> None:
    with open_writer(oci(tmp_path / "layout")) as destination:
        assert not destination.find_blob(Descriptor("", Digest.of(b"x"), 1))

    assert not (tmp_path / "layout").exists()


def test_blobs_go_into_a_shared_folder(tmp_path: Path) -> None:
    options = SideOptions(shared_blob_dir=str(tmp_path / "shared"))
    with open_writer(oci(tmp_path / "layout", "v1"), options=options) as destination:
        put_image(destination, ONE)
        destination.commit()

    assert contents(tmp_path / "layout").keys() == {"index.json", "oci-layout"}
    assert len(contents(tmp_path / "shared" / "sha256")) == 5
    with oci(tmp_path / "layout").open_source(make_context(options=options)) as source:
        assert source.get_manifest() == ONE.top


def test_a_child_that_its_index_names_by_sha512_gets_both_names(tmp_path: Path) -> None:
    named = Digest.of(ONE.top.content, "sha512")
    entry = {"mediaType": OCI_MANIFEST, "digest": str(named), "size": ONE.top.size}
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry]}
    index = RawManifest(json.dumps(document).encode(), OCI_INDEX)

    write_image(SampleImage(index, (ONE.top,), ONE.blobs), oci(tmp_path, "v1"))

    assert read_image(oci(tmp_path, "v1")).children == (ONE.top,)


def test_docker_manifests_are_refused(tmp_path: Path) -> None:
    docker = single_image(family="v2s2")

    with open_writer(oci(tmp_path)) as destination, pytest.raises(ManifestUnsupported) as caught:
        destination.put_manifest(docker.top, top=True)

    assert caught.value.hint == "convert it with --format oci"


@pytest.mark.parametrize(("accept", "layers"), [(False, "compressed"), (True, "any")])
def test_plain_layers_are_gzipped_unless_they_are_accepted(
    tmp_path: Path, accept: bool, layers: str
) -> None:
    options = SideOptions(accept_uncompressed_layers=accept)

    with open_writer(oci(tmp_path), options=options) as destination:
        assert destination.capabilities.layers == layers


def test_the_digest_under_a_name_is_known_while_all_is_there(tmp_path: Path) -> None:
    write_image(FOUR, oci(tmp_path, "v1"))
    assert current_digest(oci(tmp_path, "v1")) == FOUR.digest

    (tmp_path / "blobs" / "sha256" / next(iter(FOUR.blobs)).hex).unlink()

    assert current_digest(oci(tmp_path, "v1")) is None


@pytest.mark.parametrize(
    ("written", "asked", "known"), [("v1", "v2", False), ("v1", "", False), ("", "", True)]
)
def test_a_digest_is_only_known_under_its_own_name(
    tmp_path: Path, written: str, asked: str, known: bool
) -> None:
    write_image(ONE, oci(tmp_path, written))

    assert current_digest(oci(tmp_path, asked)) == (ONE.digest if known else None)


@pytest.mark.parametrize("content", [b"", b"[]", b'{"schemaVersion":2,"manifests":3}'])
def test_a_broken_index_is_refused_before_anything_is_written(
    tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "index.json").write_bytes(content)

    with pytest.raises(ManifestInvalid):
        open_writer(oci(tmp_path))

    assert contents(tmp_path) == {"index.json": content}


@pytest.mark.parametrize("place", ["index.json", "blobs"])
def test_a_layout_with_a_link_inside_is_refused_at_once(tmp_path: Path, place: str) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "layout").mkdir()
    (tmp_path / "layout" / place).symlink_to(tmp_path / "outside")

    with pytest.raises(StorageFailed, match="this is no"):
        open_writer(oci(tmp_path / "layout"))


def test_a_linked_folder_of_an_algorithm_is_not_written_to(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "layout" / "blobs").mkdir(parents=True)
    (tmp_path / "layout" / "blobs" / "sha256").symlink_to(outside)

    with pytest.raises(StorageFailed, match="this is no folder"):
        write_image(ONE, oci(tmp_path / "layout"))

    assert list(outside.iterdir()) == []


@pytest.mark.parametrize("place", ["oci-layout", f"blobs/sha256/{ONE.digest.hex}"])
def test_a_link_in_the_place_of_a_file_is_replaced_and_not_followed(
    tmp_path: Path, place: str
) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(b"strangers")
    (tmp_path / "layout" / place).parent.mkdir(parents=True)
    (tmp_path / "layout" / place).symlink_to(outside)

    write_image(ONE, oci(tmp_path / "layout", "v1"))

    assert outside.read_bytes() == b"strangers"
    assert read_image(oci(tmp_path / "layout", "v1")) == ONE


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(StorageFailed, match="Not a directory"):
        open_writer(oci(tmp_path / "file"))
