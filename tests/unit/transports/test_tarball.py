"""The transport `tarball`."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from regcopy.errors import ContentError, InvalidReference, NotFound, StorageFailed, UsageError
from regcopy.model.digest import Digest
from regcopy.model.manifest import ImageManifest, parse_manifest
from regcopy.model.platform import Platform
from regcopy.testing.samples import SampleImage
from regcopy.transports import parse_reference
from regcopy.transports.tarball import TRANSPORT, TarballReference
from tests.contexts import make_context
from tests.docker_archives import tar_of
from tests.hand_copy import read_image

TAR = tar_of({"etc/hostname": b"here\n"})
OTHER = tar_of({"etc/motd": b"hello\n"})


def config_of(image: SampleImage) -> dict[str, object]:
    """Give the config of an image."""
    parsed = parse_manifest(image.top)
    assert isinstance(parsed, ImageManifest)
    assert parsed.config is not None
    loaded = json.loads(image.blobs[parsed.config.digest])
    assert isinstance(loaded, dict)
    return loaded


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A tar file, changed at a known time."""
    (tmp_path / "a.tar").write_bytes(TAR)
    os.utime(tmp_path / "a.tar", ns=(0, 1577934245 * 1_000_000_000))
    return tmp_path / "a.tar"


def test_every_part_between_colons_is_a_file() -> None:
    assert TRANSPORT.parse("a.tar:/b/c.tar.gz:-") == TarballReference(("a.tar", "/b/c.tar.gz", "-"))


@pytest.mark.parametrize("text", ["", "a.tar:", ":a.tar", "a::b", "a\0"])
def test_a_file_has_a_name(text: str) -> None:
    with pytest.raises(InvalidReference, match="invalid file"):
        TRANSPORT.parse(text)


def test_standard_input_is_read_once() -> None:
    with pytest.raises(InvalidReference, match="only once"):
        TRANSPORT.parse("-:a.tar:-")


def test_a_reference_prints_as_it_was_written() -> None:
    assert str(parse_reference("tarball:a.tar:-")) == "tarball:a.tar:-"


def test_the_policy_has_no_scope_for_it() -> None:
    reference = parse_reference("tarball:a.tar")

    assert reference.policy_identity == ""
    assert list(reference.policy_namespaces) == []


def test_it_is_only_read_from(file: Path) -> None:
    with pytest.raises(UsageError, match="can only be read from, not written to"):
        parse_reference(f"tarball:{file}").open_destination(make_context("destination"))

    assert file.read_bytes() == TAR


def test_files_become_layers_in_their_order(file: Path, tmp_path: Path) -> None:
    (tmp_path / "b.tar.gz").write_bytes(gzip.compress(OTHER))

    image = read_image(parse_reference(f"tarball:{file}:{tmp_path}/b.tar.gz"))

    assert TAR in image.blobs.values()
    assert config_of(image)["rootfs"] == {
        "type": "layers",
        "diff_ids": [str(Digest.of(TAR)), str(Digest.of(OTHER))],
    }


def test_the_image_says_what_it_runs_on_and_when_its_file_was_changed(file: Path) -> None:
    config = config_of(read_image(parse_reference(f"tarball:{file}")))

    assert config["architecture"] == Platform.local().architecture
    assert config["os"] == "linux"
    assert config["created"] == "2020-01-02T03:04:05Z"


def test_the_same_file_makes_the_same_image(file: Path) -> None:
    reference = parse_reference(f"tarball:{file}")

    assert read_image(reference) == read_image(reference)


def test_a_file_is_read_out_of_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(TAR,))
    writer.start()

    image = read_image(parse_reference(f"tarball:{pipe}"))

    writer.join(30)
    assert TAR in image.blobs.values()


def test_standard_input_is_a_layer(file: Path) -> None:
    program = (
        "from regcopy.transports import parse_reference\n"
        "from tests.hand_copy import read_image\n"
        f"image = read_image(parse_reference('tarball:{file}:-'))\n"
        "print(*image.blobs)\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).parents[3],
        input=OTHER,
        capture_output=True,
        timeout=60,
        check=True,
    )

    assert {str(Digest.of(TAR)), str(Digest.of(OTHER))} < set(done.stdout.decode().split())


def test_a_missing_file_is_not_found(file: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"b\.tar does not exist"):
        parse_reference(f"tarball:{file}:{tmp_path}/b.tar").open_source(make_context())


def test_a_folder_is_no_tar_file(tmp_path: Path) -> None:
    with pytest.raises(StorageFailed, match="this is a folder"):
        parse_reference(f"tarball:{tmp_path}").open_source(make_context())


def test_what_is_no_tar_file_is_named(file: Path, tmp_path: Path) -> None:
    (tmp_path / "b.tar").write_bytes(b"hello")

    with pytest.raises(ContentError, match=r"b\.tar is no tar file"):
        parse_reference(f"tarball:{file}:{tmp_path}/b.tar").open_source(make_context())
