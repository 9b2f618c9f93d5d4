"""skopeo, podman and umoci read the archives that we write, and we read theirs."""

from __future__ import annotations

import subprocess
import tarfile
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from regcopy.errors import InvalidReference
from regcopy.model.platform import Platform
from regcopy.testing.samples import SampleImage, multi_platform_image, single_image, write_dir
from regcopy.transports import parse_reference
from tests.docker_archives import contents_of
from tests.engines import Podman
from tests.hand_copy import copy_by_hand, read_image, write_image
from tests.oci_archives import archive, read
from tests.programs import require_program, run_program, skopeo
from tests.storage_watch import contents

ONE = single_image(seed="one")
TWO = single_image(seed="two")
FOUR = multi_platform_image(layers=2, shared_layers=1)

SampleOf = Callable[[SampleImage], str]


@pytest.fixture
def sample_of(tmp_path: Path) -> SampleOf:
    """Write a sample for skopeo to read, and give its name."""

    def make(image: SampleImage) -> str:
        folder = tmp_path / "samples" / image.digest.hex
        write_dir(image, folder)
        return f"dir:{folder}"

    return make


@pytest.mark.parametrize("image", [ONE, FOUR])
@pytest.mark.parametrize("name", ["", "v1", "host:5000/team/app:v1"])
def test_skopeo_copies_all_of_an_archive_that_we_wrote(
    tmp_path: Path, image: SampleImage, name: str
) -> None:
    write_image(image, archive(tmp_path / "a.tar", name))

    skopeo("copy", "--all", f"oci-archive:{tmp_path}/a.tar:{name}", f"dir:{tmp_path}/out")

    assert read_image(parse_reference(f"dir:{tmp_path}/out")) == image


@pytest.mark.parametrize("image", [ONE, FOUR])
@pytest.mark.parametrize("name", ["", "v1"])
def test_we_copy_all_of_an_archive_that_skopeo_wrote(
    tmp_path: Path, image: SampleImage, name: str, sample_of: SampleOf
) -> None:
    skopeo("copy", "--all", sample_of(image), f"oci-archive:{tmp_path}/a.tar:{name}")

    source = parse_reference(f"oci-archive:{tmp_path}/a.tar:{name}")
    assert copy_by_hand(source, parse_reference(f"dir:{tmp_path}/out")) == image.digest
    assert read_image(parse_reference(f"dir:{tmp_path}/out")) == image


@pytest.mark.parametrize("image", [ONE, FOUR])
@pytest.mark.parametrize("name", ["", "v1"])
def test_the_members_are_those_that_skopeo_writes(
    tmp_path: Path, image: SampleImage, name: str, sample_of: SampleOf
) -> None:
    skopeo("copy", "--all", sample_of(image), f"oci-archive:{tmp_path}/theirs.tar:{name}")
    write_image(image, archive(tmp_path / "ours.tar", name))

    ours, theirs = contents_of(tmp_path / "ours.tar"), contents_of(tmp_path / "theirs.tar")
    assert theirs.pop("oci-layout") == b'{"imageLayoutVersion": "1.0.0"}'
    assert ours.pop("oci-layout") == b'{"imageLayoutVersion":"1.0.0"}'
    assert ours == theirs


def test_the_members_have_the_modes_and_owners_that_skopeo_writes(
    tmp_path: Path, sample_of: SampleOf
) -> None:
    skopeo("copy", sample_of(ONE), f"oci-archive:{tmp_path}/theirs.tar")
    write_image(ONE, archive(tmp_path / "ours.tar"))

    found: list[set[tuple[object, ...]]] = []
    for name in ("ours.tar", "theirs.tar"):
        with tarfile.open(tmp_path / name) as tar:
            found.append({(i.name, i.type, i.mode & 0o777, i.uid, i.gid) for i in tar})
    assert found[0] == found[1]


def test_skopeo_replaces_an_archive_and_so_do_we(tmp_path: Path, sample_of: SampleOf) -> None:
    place = f"oci-archive:{tmp_path}/a.tar"
    write_image(FOUR, parse_reference(place))
    skopeo("copy", sample_of(ONE), f"{place}:one")
    assert read(tmp_path / "a.tar") == ONE

    write_image(TWO, parse_reference(f"{place}:two"))
    assert skopeo("inspect", "--raw", place) == TWO.top.content


def test_skopeo_reads_an_image_under_each_of_its_names(tmp_path: Path) -> None:
    write_image(FOUR, archive(tmp_path / "a.tar", "v1"), ["latest"])

    for name in ("v1", "latest"):
        assert skopeo("inspect", "--raw", f"oci-archive:{tmp_path}/a.tar:{name}") == (
            FOUR.top.content
        )


def test_umoci_reads_the_layout_that_tar_unpacks(tmp_path: Path) -> None:
    write_image(ONE, archive(tmp_path / "a.tar", "v1"))
    layout = tmp_path / "layout"
    layout.mkdir()

    run_program("tar", "-xf", f"{tmp_path}/a.tar", "-C", str(layout))

    assert run_program("umoci", "ls", "--layout", str(layout)).split() == [b"v1"]
    before = contents(layout / "blobs")
    run_program("umoci", "gc", "--layout", str(layout))
    assert contents(layout / "blobs") == before
    assert read_image(parse_reference(f"oci:{layout}:v1")) == ONE


def test_we_read_the_layout_that_tar_packs(tmp_path: Path, sample_of: SampleOf) -> None:
    skopeo("copy", "--all", sample_of(FOUR), f"oci:{tmp_path}/layout:v1")

    run_program("tar", "-czf", f"{tmp_path}/a.tgz", "-C", f"{tmp_path}/layout", ".")

    assert read(tmp_path / "a.tgz", "v1") == FOUR


def test_podman_loads_an_image_that_we_wrote(tmp_path: Path, podman: Podman) -> None:
    name = f"localhost/{uuid.uuid4().hex}:v1"
    write_image(ONE, archive(tmp_path / "a.tar", name))

    assert name in podman.run("load", "--input", f"{tmp_path}/a.tar")

    shown = podman.run("image", "inspect", "--format={{.Digest}} {{.Id}}", name).split()
    assert shown == [str(ONE.digest), tuple(ONE.blobs)[-1].hex]


def test_podman_loads_its_platform_of_four_out_of_a_pipe(tmp_path: Path, podman: Podman) -> None:
    name = f"localhost/{uuid.uuid4().hex}:v1"
    write_image(FOUR, archive(tmp_path / "a.tar", name))

    podman.run("load", content=(tmp_path / "a.tar").read_bytes())

    shown = podman.run("image", "inspect", "--format={{.Architecture}}", name)
    assert shown.strip() == Platform.local().architecture


def test_we_read_what_podman_saves(tmp_path: Path, podman: Podman) -> None:
    name = f"localhost/{uuid.uuid4().hex}:v1"
    write_image(ONE, archive(tmp_path / "a.tar", name))
    podman.run("load", "--input", f"{tmp_path}/a.tar")

    podman.run("save", "--format=oci-archive", f"--output={tmp_path}/saved.tar", name)

    assert tuple(ONE.blobs)[-1] in read(tmp_path / "saved.tar", name).blobs


@pytest.mark.parametrize("name", ["v1", "a/b", "a//b", "-a", "a b", "h:5/a:b", "a@sha256:0", "é"])
def test_we_take_the_names_that_skopeo_takes(
    tmp_path: Path, name: str, sample_of: SampleOf
) -> None:
    taken = True
    try:
        parse_reference(f"oci-archive:{tmp_path}/ours.tar:{name}")
    except InvalidReference:
        taken = False

    command = ["copy", sample_of(ONE), f"oci-archive:{tmp_path}/theirs.tar:{name}"]
    done = subprocess.run(
        [require_program("skopeo"), "--insecure-policy", *command],
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode == 0) is taken
