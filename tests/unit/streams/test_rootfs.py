"""Tar files of root file systems become the layers of an image."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from regcopy.errors import (
    Cancelled,
    ContentError,
    DigestMismatch,
    ManifestUnsupported,
    NotFound,
    StorageFailed,
)
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.image_config import read_diff_ids
from regcopy.model.manifest import ImageManifest, parse_manifest
from regcopy.model.mediatypes import OCI_LAYER, OCI_LAYER_GZIP, OCI_LAYER_ZSTD
from regcopy.model.platform import Platform
from regcopy.streams.blob import BlobStream
from regcopy.streams.rootfs import RootfsSource, RootfsTar, spool
from regcopy.streams.tar_pipes import open_to_read
from regcopy.streams.tar_storage import FileStorage
from regcopy.streams.zstd import ZstdCompressor
from regcopy.testing.place import read_whole
from tests.docker_archives import tar_of

TAR = tar_of({"etc/hostname": b"here\n", "large": b"0123456789" * 300_000})


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., RootfsSource]:
    """Make an image of files with these bytes; a test closes it."""

    def source(*contents: bytes) -> RootfsSource:
        tars: list[RootfsTar] = []
        for number, content in enumerate(contents):
            path = tmp_path / f"{number}.tar"
            path.write_bytes(content)
            tars.append(RootfsTar(FileStorage(open_to_read(str(path)), str(path)), str(path), 0))
        try:
            return RootfsSource(
                tars, Platform("linux", "amd64"), comment="made up", check_cancelled=lambda: None
            )
        except BaseException:
            for tar in tars:
                tar.storage.close()
            raise

    return source


def manifest_of(source: RootfsSource) -> ImageManifest:
    """Give the manifest, parsed."""
    parsed = parse_manifest(source.get_manifest())
    assert isinstance(parsed, ImageManifest)
    return parsed


def config_of(source: RootfsSource) -> bytes:
    """Give the config, verified."""
    config = manifest_of(source).config
    assert config is not None
    with BlobStream(lambda offset: source.open_blob(config, offset=offset), config) as stream:
        return b"".join(iter(stream.read, b""))


def test_a_plain_file_is_its_own_layer(make: Callable[..., RootfsSource]) -> None:
    with make(TAR) as source:
        (layer,) = manifest_of(source).layers

        assert layer == Descriptor(OCI_LAYER, Digest.of(TAR), len(TAR))
        assert read_diff_ids(config_of(source)) == (Digest.of(TAR),)
        assert read_whole(source.open_blob(layer)) == TAR
        assert read_whole(source.open_blob(layer, offset=1000)) == TAR[1000:]


def test_a_gzipped_file_stays_as_it_is_and_its_diff_id_is_that_of_the_tar(
    make: Callable[..., RootfsSource],
) -> None:
    packed = gzip.compress(TAR[:5000]) + gzip.compress(TAR[5000:])

    with make(packed) as source:
        (layer,) = manifest_of(source).layers

        assert layer == Descriptor(OCI_LAYER_GZIP, Digest.of(packed), len(packed))
        assert read_diff_ids(config_of(source)) == (Digest.of(TAR),)
        assert read_whole(source.open_blob(layer)) == packed


def test_a_zstd_file_stays_as_it_is_too(make: Callable[..., RootfsSource]) -> None:
    compressor = ZstdCompressor()
    packed = compressor.compress(TAR) + compressor.flush()

    with make(packed) as source:
        assert manifest_of(source).layers == (
            Descriptor(OCI_LAYER_ZSTD, Digest.of(packed), len(packed)),
        )
        assert read_diff_ids(config_of(source)) == (Digest.of(TAR),)


def test_layers_are_in_the_order_of_the_files(make: Callable[..., RootfsSource]) -> None:
    other = tar_of({"other": b"1"})

    with make(TAR, other, TAR) as source:
        assert [one.digest for one in manifest_of(source).layers] == [
            Digest.of(TAR),
            Digest.of(other),
            Digest.of(TAR),
        ]


def test_an_empty_tar_file_is_an_empty_layer(make: Callable[..., RootfsSource]) -> None:
    with make(bytes(10240)) as source:
        assert manifest_of(source).layers[0].size == 10240


@pytest.mark.parametrize(
    "tar_format", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]
)
def test_every_kind_of_tar_file_is_taken(
    make: Callable[..., RootfsSource], tar_format: int
) -> None:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tar_format) as tar:
        tar.addfile(tarfile.TarInfo("a" * 90 + "/" + "b" * 90))

    make(target.getvalue()).close()


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"hello " * 1000, TAR[:511], gzip.compress(b"hello " * 1000)]
)
def test_what_is_no_tar_file_is_refused(make: Callable[..., RootfsSource], content: bytes) -> None:
    with pytest.raises(ContentError, match=r"0\.tar is no tar file"):
        make(content)


@pytest.mark.parametrize("pack", [bz2.compress, lzma.compress])
def test_a_compression_that_layers_cannot_have_is_refused(
    make: Callable[..., RootfsSource], pack: Callable[[bytes], bytes]
) -> None:
    with pytest.raises(ManifestUnsupported) as caught:
        make(pack(TAR))

    assert caught.value.hint == "unpack it first, or compress it with gzip"


@pytest.mark.parametrize(
    "content", [gzip.compress(TAR)[:-1], gzip.compress(TAR) + b"more", gzip.compress(TAR)[:20]]
)
def test_broken_compression_is_refused(make: Callable[..., RootfsSource], content: bytes) -> None:
    with pytest.raises(ContentError, match="gzip"):
        make(content)


def test_a_file_that_is_changed_before_it_is_copied_is_noticed(
    make: Callable[..., RootfsSource], tmp_path: Path
) -> None:
    with make(TAR) as source:
        (layer,) = manifest_of(source).layers
        (tmp_path / "0.tar").write_bytes(TAR.replace(b"here", b"else"))

        with (
            BlobStream(lambda offset: source.open_blob(layer, offset=offset), layer) as stream,
            pytest.raises(DigestMismatch),
        ):
            stream.drain()


def test_nothing_else_is_there(make: Callable[..., RootfsSource]) -> None:
    other = Descriptor("", Digest.of(b"other"), 5)
    with make(TAR) as source:
        with pytest.raises(NotFound):
            source.open_blob(other)
        with pytest.raises(NotFound):
            source.get_manifest(other)


def test_reading_is_given_up_when_the_run_is_cancelled(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(TAR)
    stopped = threading.Event()

    def check() -> None:
        if stopped.is_set():
            raise Cancelled("cancelled")
        stopped.set()

    storage = FileStorage(open_to_read(str(tmp_path / "a.tar")), "a.tar")
    with pytest.raises(Cancelled):
        RootfsSource(
            [RootfsTar(storage, "a.tar", 0)],
            Platform("linux", "amd64"),
            comment="",
            check_cancelled=check,
        )
    storage.close()


def test_what_can_be_read_once_is_kept_without_a_name(tmp_path: Path) -> None:
    storage = spool(io.BytesIO(TAR), str(tmp_path), "pipe")

    assert storage.read_at(1000, 512) == TAR[1000:1512]
    assert list(tmp_path.iterdir()) == []
    storage.close()
    with pytest.raises(StorageFailed):
        storage.read_at(0, 1)
