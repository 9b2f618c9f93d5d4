"""Writing a tar file of a layout."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import tarfile
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from regcopy.errors import (
    ConnectionFailed,
    InvalidReference,
    ManifestUnsupported,
    StorageFailed,
)
from regcopy.model.digest import Digest
from regcopy.model.manifest import RawManifest
from regcopy.model.mediatypes import OCI_INDEX
from regcopy.streams.blob import BlobStream
from regcopy.testing.place import Breaking, descriptor_of, stream_of
from regcopy.testing.samples import SampleImage, multi_platform_image, single_image
from regcopy.transports.base import SideOptions
from tests.contexts import make_context
from tests.docker_archives import contents_of, tar_of
from tests.hand_copy import put_image, write_image
from tests.oci_archives import REF_NAME, archive, blob_name, members_of, read, write_tar
from tests.places import current_digest, fail_run, open_writer

ONE = single_image(seed="one")
TWO = single_image(seed="two")
FOUR = multi_platform_image(layers=2, shared_layers=1)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A place for an archive."""
    return tmp_path / "a.tar"


def entries_of(file: Path) -> list[tarfile.TarInfo]:
    """Headers of an archive."""
    with tarfile.open(file) as tar:
        return tar.getmembers()


@pytest.mark.parametrize("image", [ONE, FOUR])
def test_an_image_is_written_with_all_that_it_names(file: Path, image: SampleImage) -> None:
    write_image(image, archive(file, "v1"))

    assert read(file, "v1") == image


def test_blobs_come_first_and_what_names_them_last(file: Path) -> None:
    write_image(ONE, archive(file))

    names = [info.name for info in entries_of(file)]
    assert names[:2] == ["blobs", "blobs/sha256"]
    assert names[2:-3] == [blob_name(digest) for digest in ONE.blobs]
    assert names[-3:] == [blob_name(ONE.digest), "index.json", "oci-layout"]


def test_members_have_no_time_and_no_owner(file: Path) -> None:
    write_image(FOUR, archive(file))

    for info in entries_of(file):
        assert (info.mtime, info.uid, info.gid, info.uname, info.gname) == (0, 0, 0, "", "")
        assert info.mode == (0o755 if info.isdir() else 0o644)


def test_the_same_image_gives_the_same_bytes(file: Path, tmp_path: Path) -> None:
    write_image(FOUR, archive(file, "v1"))
    write_image(FOUR, archive(tmp_path / "b.tar", "v1"))

    assert file.read_bytes() == (tmp_path / "b.tar").read_bytes()


def test_every_blob_is_there_once(file: Path) -> None:
    with open_writer(archive(file)) as destination:
        put_image(destination, FOUR)
        put_image(destination, FOUR)
        destination.commit()

    names = [info.name for info in entries_of(file)]
    assert len(names) == len(set(names))
    assert read(file) == FOUR


def test_a_blob_that_is_known_only_afterwards_is_there_once(file: Path) -> None:
    content = b"0123456789" * 1000
    with open_writer(archive(file)) as destination:
        for _ in range(2):
            with BlobStream(lambda offset: Breaking(content[offset:], 99), None) as stream:
                destination.put_blob(stream)
        put_image(destination, ONE)
        destination.commit()

    assert [info.name for info in entries_of(file)].count(blob_name(Digest.of(content))) == 1


def test_an_image_has_all_its_names(file: Path) -> None:
    write_image(ONE, archive(file, "v1"), ["v2", "v1", "v3"])

    index = json.loads(contents_of(file)["index.json"])
    assert [e["annotations"][REF_NAME] for e in index["manifests"]] == ["v1", "v2", "v3"]
    assert read(file, "v3") == ONE


def test_a_tag_outside_the_grammar_is_refused_before_the_end(file: Path) -> None:
    with open_writer(archive(file)) as destination:
        put_image(destination, ONE)
        with pytest.raises(InvalidReference):
            destination.commit(["a b"])

    assert not file.exists()


def test_a_file_that_is_there_is_replaced(file: Path) -> None:
    write_image(ONE, archive(file, "one"))
    write_image(TWO, archive(file, "two"))

    assert read(file) == TWO


def test_a_link_to_a_file_stays_a_link(file: Path, tmp_path: Path) -> None:
    (tmp_path / "link.tar").symlink_to(file.name)

    write_image(ONE, archive(tmp_path / "link.tar"))

    assert (tmp_path / "link.tar").is_symlink()
    assert read(file) == ONE


def test_a_failure_leaves_the_old_file_and_nothing_else(file: Path, tmp_path: Path) -> None:
    write_image(ONE, archive(file))

    with pytest.raises(ConnectionFailed):
        fail_run(archive(file), TWO, ConnectionFailed("reset"))

    assert read(file) == ONE
    assert os.listdir(tmp_path) == [file.name]


def test_opening_writes_nothing(file: Path, tmp_path: Path) -> None:
    context = replace(make_context("destination"), read_only=True)
    archive(file).open_destination(context).close()

    assert os.listdir(tmp_path) == []


def test_an_archive_is_read_while_it_is_replaced(file: Path) -> None:
    write_image(ONE, archive(file, "v1"))
    with archive(file).open_source(make_context()) as source:
        write_image(TWO, archive(file, "v1"))

        assert source.get_manifest() == ONE.top
    assert read(file) == TWO


def test_a_blob_after_a_broken_one_is_written_in_its_place(file: Path) -> None:
    large = b"x" * 3_000_000
    with open_writer(archive(file)) as destination:
        stream = BlobStream(lambda offset: Breaking(large[offset:], 2), descriptor_of(large))
        with stream, pytest.raises(ConnectionFailed):
            destination.put_blob(stream)
        put_image(destination, ONE)
        destination.commit()

    assert read(file) == ONE
    assert file.stat().st_size < 100_000


def test_an_image_goes_into_a_pipe(tmp_path: Path) -> None:
    pipe, copied = tmp_path / "pipe", tmp_path / "copied.tar"
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: copied.write_bytes(pipe.read_bytes()))
    reader.start()

    write_image(FOUR, archive(pipe, "v1"))

    reader.join(30)
    assert read(copied, "v1") == FOUR


def test_a_pipe_and_a_file_get_the_same_bytes(file: Path, tmp_path: Path) -> None:
    pipe, copied = tmp_path / "pipe", tmp_path / "copied.tar"
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: copied.write_bytes(pipe.read_bytes()))
    reader.start()
    content = b"0123456789" * 1000

    for place in (pipe, file):
        with open_writer(archive(place)) as destination:
            stream = BlobStream(lambda offset: Breaking(content[offset:], 99), None)
            with stream:
                destination.put_blob(stream)
            put_image(destination, ONE)
            destination.commit()

    reader.join(30)
    assert copied.read_bytes() == file.read_bytes()


def test_a_failure_leaves_a_pipe_without_the_end_of_an_archive(tmp_path: Path) -> None:
    pipe, copied = tmp_path / "pipe", tmp_path / "copied.tar"
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: copied.write_bytes(pipe.read_bytes()))
    reader.start()

    with pytest.raises(ConnectionFailed):
        fail_run(archive(pipe), ONE, ConnectionFailed("reset"))

    reader.join(30)
    assert not copied.read_bytes().endswith(bytes(1024))


def test_a_child_that_an_index_names_by_sha512_is_there_under_that_name(file: Path) -> None:
    digest = f"sha512:{hashlib.sha512(ONE.top.content).hexdigest()}"
    entry = {"mediaType": ONE.top.media_type, "digest": digest, "size": ONE.top.size}
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry]}
    index = RawManifest(json.dumps(document).encode(), OCI_INDEX)

    write_image(SampleImage(index, (ONE.top,), ONE.blobs), archive(file))

    assert contents_of(file)[blob_name(Digest.parse(digest))] == ONE.top.content
    assert read(file).children == (ONE.top,)


def test_a_manifest_of_docker_is_refused(file: Path) -> None:
    docker = single_image(family="v2s2")

    with open_writer(archive(file)) as destination, pytest.raises(ManifestUnsupported) as caught:
        destination.put_manifest(docker.top, top=True)

    assert caught.value.hint == "convert it with --format oci"


def test_plain_layers_are_taken_where_the_user_says_so(file: Path) -> None:
    options = SideOptions(accept_uncompressed_layers=True)

    assert open_writer(archive(file)).capabilities.layers == "compressed"
    assert open_writer(archive(file), options=options).capabilities.layers == "any"


def test_blobs_come_one_at_a_time_so_that_their_order_is_always_the_same(file: Path) -> None:
    assert open_writer(archive(file)).capabilities.max_parallel == 1


def test_an_image_that_is_there_alone_is_known(file: Path) -> None:
    assert current_digest(archive(file, "v1")) is None

    write_image(FOUR, archive(file, "v1"))

    assert current_digest(archive(file, "v1")) == FOUR.digest
    assert current_digest(archive(file, "v2")) is None
    assert current_digest(archive(file)) is None


def test_an_archive_with_more_than_the_image_would_be_replaced(file: Path) -> None:
    write_tar(file, members_of(one=ONE, two=TWO))

    assert current_digest(archive(file, "one")) is None


@pytest.mark.parametrize("missing", [blob_name(ONE.digest), blob_name(next(iter(ONE.blobs)))])
def test_an_image_that_is_not_whole_is_not_there(file: Path, missing: str) -> None:
    members = members_of(one=ONE)
    del members[missing]
    write_tar(file, members)

    assert current_digest(archive(file, "one")) is None


@pytest.mark.parametrize("content", [b"no archive", gzip.compress(tar_of(members_of(one=ONE)))])
def test_what_is_no_plain_archive_will_be_replaced(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    assert current_digest(archive(file, "one")) is None

    write_image(TWO, archive(file, "one"))

    assert read(file) == TWO


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageFailed, match="there is no folder"):
        open_writer(archive(tmp_path / "nowhere" / "a.tar"))


def test_a_folder_is_no_place_for_an_archive(tmp_path: Path) -> None:
    with pytest.raises(StorageFailed, match="this is a folder"):
        open_writer(archive(tmp_path))


def test_a_destination_that_was_closed_takes_nothing_more(file: Path) -> None:
    destination = open_writer(archive(file))
    destination.close()

    with stream_of(b"late") as stream, pytest.raises(RuntimeError):
        destination.put_blob(stream)
    assert not file.exists()
