"""Reading a tar file of a layout."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from regcopy.config.environment import Environment
from regcopy.errors import (
    ContentError,
    DigestMismatch,
    LimitExceeded,
    ManifestInvalid,
    NotFound,
    SizeMismatch,
    StorageFailed,
    UsageError,
)
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.testing.place import read_whole
from regcopy.testing.samples import multi_platform_image, single_image
from regcopy.transports.oci_archive import OciArchiveReference
from tests.contexts import make_context
from tests.hand_copy import read_image
from tests.oci_archives import archive, blob_name, members_of, read, write_tar

ONE = single_image(seed="one")
FOUR = multi_platform_image(layers=1)
LAYER = next(iter(ONE.blobs))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """An archive with two images."""
    return write_tar(tmp_path / "a.tar", members_of(one=ONE, four=FOUR))


@contextmanager
def piped(content: bytes, path: Path) -> Iterator[None]:
    """Write into a named pipe while something else reads."""
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(content,))
    writer.start()
    yield
    writer.join(30)
    assert not writer.is_alive()


def test_images_are_read_by_name(file: Path) -> None:
    assert read(file, "one") == ONE
    assert read(file, "four") == FOUR


def test_images_are_read_by_position(file: Path) -> None:
    assert read_image(OciArchiveReference(str(file), position=1)) == FOUR


def test_the_only_image_needs_no_name(tmp_path: Path) -> None:
    assert read(write_tar(tmp_path / "a.tar", members_of(nameless=FOUR))) == FOUR


def test_one_of_several_images_must_be_named(file: Path) -> None:
    with pytest.raises(UsageError, match="more than one image in oci, choose an image") as caught:
        read(file)

    assert caught.value.hint == "it has: one, four"


def test_a_name_that_is_not_there_is_not_found(file: Path) -> None:
    with pytest.raises(NotFound, match='no descriptor found for reference "two"'):
        read(file, "two")


def test_a_gzipped_archive_is_read(tmp_path: Path) -> None:
    file = write_tar(tmp_path / "a.tar.gz", members_of(four=FOUR), gzipped=True)

    assert read(file) == FOUR


@pytest.mark.parametrize("gzipped", [False, True])
def test_an_archive_is_read_out_of_a_pipe(tmp_path: Path, gzipped: bool) -> None:
    content = write_tar(tmp_path / "a.tar", members_of(four=FOUR), gzipped=gzipped).read_bytes()

    with piped(content, tmp_path / "pipe"):
        assert read(tmp_path / "pipe") == FOUR


def test_a_copy_is_made_where_tmpdir_says(tmp_path: Path) -> None:
    file = write_tar(tmp_path / "a.tar.gz", members_of(one=ONE), gzipped=True)
    nowhere = Environment({"TMPDIR": str(tmp_path / "nowhere")})

    with pytest.raises(StorageFailed, match="nowhere"):
        archive(file).open_source(replace(make_context(), environment=nowhere))


def test_nothing_is_left_of_a_pipe(tmp_path: Path) -> None:
    content = write_tar(tmp_path / "a.tar", members_of(one=ONE)).read_bytes()
    spool = tmp_path / "spool"
    spool.mkdir()
    context = replace(make_context(), environment=Environment({"TMPDIR": str(spool)}))

    with piped(content, tmp_path / "pipe"), archive(tmp_path / "pipe").open_source(context):
        assert os.listdir(spool) == []


def test_names_that_begin_with_a_dot_are_names(tmp_path: Path) -> None:
    members = {f"./{name}": content for name, content in members_of(one=ONE).items()}

    assert read(write_tar(tmp_path / "a.tar", members)) == ONE


def test_an_image_named_by_sha512_is_read(tmp_path: Path) -> None:
    digest = Digest.of(ONE.top.content, "sha512")
    entry = {"mediaType": ONE.top.media_type, "digest": str(digest), "size": ONE.top.size}
    members = members_of(one=ONE) | {
        blob_name(digest): ONE.top.content,
        "index.json": json.dumps({"schemaVersion": 2, "manifests": [entry]}).encode(),
    }

    assert read(write_tar(tmp_path / "a.tar", members)) == ONE


def test_blobs_are_read_at_once_by_several_threads(file: Path) -> None:
    found: dict[Digest, bytes] = {}
    with archive(file, "four").open_source(make_context()) as source:

        def fetch(digest: Digest) -> None:
            blob = Descriptor("", digest, len(FOUR.blobs[digest]))
            found[digest] = read_whole(source.open_blob(blob))

        threads = [threading.Thread(target=fetch, args=(digest,)) for digest in FOUR.blobs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)

    assert found == dict(FOUR.blobs)


def test_an_archive_that_is_replaced_meanwhile_stays_readable(file: Path) -> None:
    with archive(file, "one").open_source(make_context()) as source:
        write_tar(file.with_name("b.tar"), members_of(one=FOUR)).replace(file)
        raw = source.open_blob(Descriptor("", LAYER, len(ONE.blobs[LAYER])))

        assert read_whole(raw) == ONE.blobs[LAYER]


def test_a_missing_file_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"nothing\.tar does not exist"):
        read(tmp_path / "nothing.tar")


def test_a_folder_has_a_hint_to_the_transport_for_folders(tmp_path: Path) -> None:
    with pytest.raises(StorageFailed) as caught:
        read(tmp_path)

    assert caught.value.hint == f"a layout in a folder is named oci:{tmp_path}"


def test_an_archive_of_docker_has_a_hint_to_its_transport(tmp_path: Path) -> None:
    file = write_tar(tmp_path / "a.tar", {"manifest.json": b"[]"})

    with pytest.raises(ContentError, match="holds no image layout") as caught:
        read(file)

    assert caught.value.hint == f"it looks like docker-archive:{file}"


def test_what_is_no_tar_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(b"hello " * 1000)

    with pytest.raises(ContentError, match="is no tar file"):
        read(tmp_path / "a.tar")


def test_a_missing_manifest_is_not_found(tmp_path: Path) -> None:
    members = members_of(four=FOUR)
    del members[blob_name(FOUR.children[1].digest)]

    with pytest.raises(NotFound, match=f"manifest {FOUR.children[1].digest} is not in"):
        read(write_tar(tmp_path / "a.tar", members))


@pytest.mark.parametrize(
    ("content", "error"),
    [(b"x" * ONE.top.size, DigestMismatch), (ONE.top.content + b"\n", SizeMismatch)],
)
def test_a_manifest_with_other_bytes_is_refused(
    tmp_path: Path, content: bytes, error: type[ContentError]
) -> None:
    members = members_of(one=ONE) | {blob_name(ONE.digest): content}

    with pytest.raises(error):
        read(write_tar(tmp_path / "a.tar", members))


def test_a_blob_with_other_bytes_is_refused(tmp_path: Path) -> None:
    members = members_of(one=ONE) | {blob_name(LAYER): b"x" * len(ONE.blobs[LAYER])}

    with pytest.raises(DigestMismatch):
        read(write_tar(tmp_path / "a.tar", members))


@pytest.mark.parametrize("index", [b"", b"[]", b'{"schemaVersion":1,"manifests":[]}', b"\xff"])
def test_a_broken_index_is_refused(tmp_path: Path, index: bytes) -> None:
    members = members_of(one=ONE) | {"index.json": index}

    with pytest.raises(ManifestInvalid):
        read(write_tar(tmp_path / "a.tar", members))


def test_a_manifest_over_the_limit_is_refused(tmp_path: Path) -> None:
    members = members_of(one=ONE)
    members["index.json"] = members["index.json"].replace(
        f'"size": {ONE.top.size}'.encode(), f'"size": {5 * 1024 * 1024}'.encode()
    )

    with pytest.raises(LimitExceeded, match="over the limit"):
        read(write_tar(tmp_path / "a.tar", members))
