"""Writing archives: what is in them, and what is refused."""

from __future__ import annotations

import json
import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from regcopy.config.environment import Environment
from regcopy.errors import (
    ConnectionFailed,
    InvalidReference,
    ManifestInvalid,
    ManifestUnsupported,
    StorageFailed,
    UsageError,
)
from regcopy.model.digest import Digest
from regcopy.model.manifest import RawManifest
from regcopy.model.mediatypes import DOCKER_CONFIG, DOCKER_MANIFEST
from regcopy.model.platform import Platform
from regcopy.testing.place import descriptor_of, put_all, stream_of
from regcopy.testing.samples import (
    SampleImage,
    image_of_layers,
    make_layer,
    multi_platform_image,
    single_image,
)
from regcopy.transports.base import ImageDestination
from regcopy.transports.docker_archive import TRANSPORT
from tests.contexts import make_context
from tests.docker_archives import IMAGE, contents_of, parts
from tests.hand_copy import read_image, write_image
from tests.storage_watch import contents


def open_archive(path: Path, rest: str = "") -> ImageDestination:
    """Open an archive for writing."""
    return TRANSPORT.parse(f"{path}{rest}").open_destination(make_context("destination"))


def test_members_stand_in_their_order(tmp_path: Path) -> None:
    write_image(IMAGE, TRANSPORT.parse(f"{tmp_path}/a.tar:app:1"))

    config, layers = parts(IMAGE)
    names = list(contents_of(tmp_path / "a.tar"))
    stored = [*(f"{Digest.of(layer).hex}.tar" for layer in layers), f"{Digest.of(config).hex}.json"]
    assert names[:4] == stored
    assert [name.rpartition("/")[2] for name in names[4:-2]] == ["layer.tar", "VERSION", "json"] * 3
    assert names[-2:] == ["manifest.json", "repositories"]


def test_an_image_without_a_name_has_no_tags(tmp_path: Path) -> None:
    write_image(IMAGE, TRANSPORT.parse(f"{tmp_path}/a.tar"))
    found = contents_of(tmp_path / "a.tar")
    assert json.loads(found["manifest.json"])[0]["RepoTags"] == []
    assert found["repositories"] == b"{}"


def test_additional_tags_follow_the_name_each_once(tmp_path: Path) -> None:
    tags = ["2", "quay.io/other:3", "docker.io/library/app:1"]
    write_image(IMAGE, TRANSPORT.parse(f"{tmp_path}/a.tar:app:1"), tags)
    found = contents_of(tmp_path / "a.tar")
    assert json.loads(found["manifest.json"])[0]["RepoTags"] == [
        "docker.io/library/app:1",
        "docker.io/library/app:2",
        "quay.io/other:3",
    ]


def test_an_additional_tag_that_is_none_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(InvalidReference):
        write_image(IMAGE, TRANSPORT.parse(f"{tmp_path}/a.tar"), ["2"])
    assert contents(tmp_path) == {}


def test_one_layer_twice_is_stored_once(tmp_path: Path) -> None:
    layer = make_layer("same", 100)
    image = image_of_layers(
        [layer, layer], platform=Platform("linux", "amd64"), family="v2s2", plain=True
    )
    write_image(image, TRANSPORT.parse(f"{tmp_path}/a.tar"))
    found = contents_of(tmp_path / "a.tar")
    name = f"{Digest.of(layer).hex}.tar"
    assert json.loads(found["manifest.json"])[0]["Layers"] == [name, name]
    assert sum(member.endswith("/layer.tar") for member in found) == 2


def test_an_image_without_layers_is_written(tmp_path: Path) -> None:
    image = image_of_layers([], platform=Platform("linux", "amd64"), family="v2s2")
    write_image(image, TRANSPORT.parse(f"{tmp_path}/a.tar:app:1"))
    assert list(read_image(TRANSPORT.parse(f"{tmp_path}/a.tar")).blobs) == list(image.blobs)


def test_the_same_image_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.tar", "b.tar"):
        write_image(IMAGE, TRANSPORT.parse(f"{tmp_path}/{name}:app:1"))
    assert (tmp_path / "a.tar").read_bytes() == (tmp_path / "b.tar").read_bytes()


def test_nothing_is_touched_before_the_first_blob(tmp_path: Path) -> None:
    with open_archive(tmp_path / "a.tar") as destination:
        destination.find_blob(descriptor_of(b"x"))
        assert contents(tmp_path) == {}


def test_an_archive_that_is_there_is_not_changed(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(b"x")
    with pytest.raises(UsageError, match="doesn't support modifying existing images"):
        open_archive(tmp_path / "a.tar")
    assert contents(tmp_path) == {"a.tar": b"x"}


def test_an_empty_file_is_written_to(tmp_path: Path) -> None:
    (tmp_path / "a.tar").touch()
    write_image(IMAGE, TRANSPORT.parse(f"{tmp_path}/a.tar"))
    assert read_image(TRANSPORT.parse(f"{tmp_path}/a.tar")).blobs == IMAGE.blobs


def test_a_position_cannot_be_written_to(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="must not contain a manifest index @0"):
        open_archive(tmp_path / "a.tar", ":@0")


def test_a_folder_that_is_missing_is_told_before_anything_moves(tmp_path: Path) -> None:
    with pytest.raises(StorageFailed, match="there is no folder"):
        open_archive(tmp_path / "missing" / "a.tar")


def fails(tmp_path: Path, image: SampleImage, error: type[Exception], problem: str) -> None:
    """Write an image, see how it fails, and that nothing stays."""
    with pytest.raises(error, match=problem), open_archive(tmp_path / "a.tar") as destination:
        put_all(destination, image)
    assert contents(tmp_path) == {}


def test_an_index_is_refused(tmp_path: Path) -> None:
    fails(tmp_path, multi_platform_image(family="v2s2"), ManifestUnsupported, "no index")


def test_an_oci_manifest_is_refused(tmp_path: Path) -> None:
    fails(tmp_path, single_image(plain=True), ManifestUnsupported, "need a Docker schema 2")


def test_layers_that_are_not_plain_are_refused(tmp_path: Path) -> None:
    fails(tmp_path, single_image(family="v2s2"), ManifestInvalid, "other layers")


def test_a_manifest_with_a_layer_that_did_not_come_is_refused(tmp_path: Path) -> None:
    blobs = dict(list(IMAGE.blobs.items())[1:])
    fails(tmp_path, replace(IMAGE, blobs=blobs), ManifestUnsupported, "is not in the archive")


def test_a_config_that_is_none_is_refused(tmp_path: Path) -> None:
    config = b"no object"
    manifest = {
        "schemaVersion": 2,
        "mediaType": DOCKER_MANIFEST,
        "config": {"mediaType": DOCKER_CONFIG, "digest": str(Digest.of(config)), "size": 9},
        "layers": [],
    }
    top = RawManifest(json.dumps(manifest).encode(), DOCKER_MANIFEST)
    image = SampleImage(top, (), {Digest.of(config): config})
    fails(tmp_path, image, ManifestInvalid, "no config of an image")


def test_a_config_with_a_type_of_its_own_is_known_by_it(tmp_path: Path) -> None:
    config, layers = parts(IMAGE)
    with open_archive(tmp_path / "a.tar") as destination:
        for layer in layers:
            with stream_of(layer) as stream:
                destination.put_blob(stream)
        with stream_of(config, descriptor_of(config, DOCKER_CONFIG)) as stream:
            destination.put_blob(stream)
        destination.put_manifest(IMAGE.top, top=True)
        destination.commit()
    assert read_image(TRANSPORT.parse(f"{tmp_path}/a.tar")).blobs == IMAGE.blobs


def test_a_blob_that_comes_again_is_not_written_again(tmp_path: Path) -> None:
    with open_archive(tmp_path / "a.tar") as destination:
        for _ in range(2):
            put_all_blobs(destination)
        destination.put_manifest(IMAGE.top, top=True)
        destination.commit()
    write_image(IMAGE, TRANSPORT.parse(f"{tmp_path}/b.tar"))
    assert (tmp_path / "a.tar").read_bytes() == (tmp_path / "b.tar").read_bytes()


def put_all_blobs(destination: ImageDestination) -> None:
    """Put the blobs without asking whether they are there."""
    for content in IMAGE.blobs.values():
        with stream_of(content) as stream:
            destination.put_blob(stream)


def test_a_commit_needs_an_image(tmp_path: Path) -> None:
    with open_archive(tmp_path / "a.tar") as destination, pytest.raises(RuntimeError):
        destination.commit()


def test_a_thread_that_was_given_up_writes_nothing_more(tmp_path: Path) -> None:
    destination = open_archive(tmp_path / "a.tar")
    destination.close()
    with pytest.raises(RuntimeError, match="closed"):
        put_all_blobs(destination)
    assert contents(tmp_path) == {}


def test_a_layer_of_known_size_goes_into_a_pipe_without_a_copy() -> None:
    reading, writing = os.pipe()
    drained = threading.Thread(target=drain, args=(reading,))
    drained.start()
    nowhere = Environment({"TMPDIR": "/missing"})
    context = replace(make_context("destination"), environment=nowhere)
    with TRANSPORT.parse(f"/dev/fd/{writing}").open_destination(context) as destination:
        put_all(destination, IMAGE)
        destination.commit()
    os.close(writing)
    drained.join(60)
    assert not drained.is_alive()


def drain(fd: int) -> None:
    """Read to the end, and close."""
    with open(fd, "rb") as file:
        file.read()


def gives_up(destination: ImageDestination) -> None:
    """Write blobs, and fail."""
    put_all_blobs(destination)
    raise ConnectionFailed("the source has gone")


def test_a_failure_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConnectionFailed), open_archive(tmp_path / "a.tar") as destination:
        gives_up(destination)
    assert contents(tmp_path) == {}
