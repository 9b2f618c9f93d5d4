"""skopeo and umoci read what we write, and we read what skopeo writes."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from regcopy.errors import ConnectionFailed, InvalidReference, RegcopyError
from regcopy.testing.samples import (
    SampleImage,
    multi_platform_image,
    single_image,
    write_dir,
    write_layout,
)
from regcopy.transports import parse_reference
from regcopy.transports.base import SideOptions
from tests.contexts import make_context
from tests.hand_copy import copy_by_hand, put_image, read_image, write_image
from tests.programs import require_program, run_program, skopeo
from tests.storage_watch import contents

ONE = single_image(seed="one")
TWO = single_image(seed="two")
FOUR = multi_platform_image(layers=2, shared_layers=1)
DOCKER = multi_platform_image(layers=1, family="v2s2")


@pytest.fixture(scope="module", autouse=True)
def _programs() -> None:
    require_program("skopeo")


@pytest.fixture
def sample_of(tmp_path: Path) -> Callable[[SampleImage], str]:
    """Write a sample for skopeo to read, and give its name."""

    def make(image: SampleImage) -> str:
        folder = tmp_path / "samples" / image.digest.hex
        write_dir(image, folder)
        return f"dir:{folder}"

    return make


def skopeo_takes(*arguments: str) -> bool:
    """Run skopeo, and tell whether it succeeded."""
    command = [require_program("skopeo"), "--insecure-policy", *arguments]
    return subprocess.run(command, capture_output=True, timeout=60, check=False).returncode == 0


@pytest.mark.parametrize("image", [ONE, FOUR])
def test_skopeo_sees_the_manifest_that_we_wrote_into_a_layout(
    tmp_path: Path, image: SampleImage
) -> None:
    write_image(image, parse_reference(f"oci:{tmp_path}:v1"))

    assert skopeo("inspect", "--raw", f"oci:{tmp_path}:v1") == image.top.content


@pytest.mark.parametrize("image", [ONE, FOUR, DOCKER])
def test_skopeo_sees_the_manifest_that_we_wrote_into_a_folder(
    tmp_path: Path, image: SampleImage
) -> None:
    write_image(image, parse_reference(f"dir:{tmp_path}"))

    assert skopeo("inspect", "--raw", f"dir:{tmp_path}") == image.top.content


@pytest.mark.parametrize("image", [ONE, FOUR])
def test_skopeo_copies_all_of_a_layout_that_we_wrote(tmp_path: Path, image: SampleImage) -> None:
    write_image(image, parse_reference(f"oci:{tmp_path}/layout:v1"))

    skopeo("copy", "--all", f"oci:{tmp_path}/layout:v1", f"dir:{tmp_path}/out")

    assert read_image(parse_reference(f"dir:{tmp_path}/out")) == image


@pytest.mark.parametrize("image", [ONE, FOUR])
def test_we_copy_all_of_a_layout_that_skopeo_wrote(
    tmp_path: Path, image: SampleImage, sample_of: Callable[[SampleImage], str]
) -> None:
    skopeo("copy", "--all", sample_of(image), f"oci:{tmp_path}/layout:v1")

    source = parse_reference(f"oci:{tmp_path}/layout:v1")
    assert copy_by_hand(source, parse_reference(f"dir:{tmp_path}/out")) == image.digest
    assert read_image(parse_reference(f"dir:{tmp_path}/out")) == image


@pytest.mark.parametrize("image", [ONE, FOUR, DOCKER])
def test_a_folder_has_the_files_that_skopeo_writes(
    tmp_path: Path, image: SampleImage, sample_of: Callable[[SampleImage], str]
) -> None:
    skopeo("copy", "--all", sample_of(image), f"dir:{tmp_path}/theirs")

    write_image(image, parse_reference(f"dir:{tmp_path}/ours"))

    assert contents(tmp_path / "ours") == contents(tmp_path / "theirs")


def test_a_folder_is_replaced_by_either_of_us(
    tmp_path: Path, sample_of: Callable[[SampleImage], str]
) -> None:
    place = f"dir:{tmp_path}/image"
    write_image(FOUR, parse_reference(place))
    skopeo("copy", sample_of(ONE), place)
    assert read_image(parse_reference(place)) == ONE

    write_image(TWO, parse_reference(place))
    skopeo("copy", sample_of(TWO), f"dir:{tmp_path}/fresh")

    assert contents(tmp_path / "image") == contents(tmp_path / "fresh")


# What is copied, to which name; "" is no name.
SEQUENCES: list[list[tuple[SampleImage, str]]] = [
    [(ONE, "v1")],
    [(ONE, "")],
    [(ONE, ""), (TWO, "")],
    [(ONE, ""), (ONE, "v1"), (ONE, "v2")],
    [(ONE, "v1"), (ONE, ""), (ONE, "v2"), (TWO, "v1"), (TWO, ""), (TWO, "")],
    [(ONE, "latest"), (TWO, "latest"), (ONE, "latest"), (FOUR, "latest")],
    [(FOUR, "v1"), (FOUR, "v2"), (ONE, "host:5000/a/b:c")],
]


@pytest.mark.parametrize("sequence", SEQUENCES)
def test_the_index_is_byte_for_byte_that_of_skopeo(
    tmp_path: Path,
    sequence: list[tuple[SampleImage, str]],
    sample_of: Callable[[SampleImage], str],
) -> None:
    for image, name in sequence:
        skopeo("copy", "--all", sample_of(image), f"oci:{tmp_path}/theirs:{name}")
        write_image(image, parse_reference(f"oci:{tmp_path}/ours:{name}"))

    ours, theirs = contents(tmp_path / "ours"), contents(tmp_path / "theirs")
    assert ours["index.json"] == theirs["index.json"]
    assert json.loads(ours.pop("oci-layout")) == json.loads(theirs.pop("oci-layout"))
    assert ours == theirs


def test_both_of_us_write_into_one_layout(
    tmp_path: Path, sample_of: Callable[[SampleImage], str]
) -> None:
    layout = f"oci:{tmp_path}/layout"
    skopeo("copy", sample_of(ONE), f"{layout}:one")
    write_image(TWO, parse_reference(f"{layout}:two"))
    skopeo("copy", "--all", sample_of(FOUR), f"{layout}:four")

    for name, image in (("one", ONE), ("two", TWO), ("four", FOUR)):
        assert read_image(parse_reference(f"{layout}:{name}")) == image
        assert skopeo("inspect", "--raw", f"{layout}:{name}") == image.top.content


def test_layouts_of_both_of_us_share_a_folder_of_blobs(
    tmp_path: Path, sample_of: Callable[[SampleImage], str]
) -> None:
    shared = str(tmp_path / "shared")
    options = SideOptions(shared_blob_dir=shared)
    ours, theirs = f"oci:{tmp_path}/ours:v1", f"oci:{tmp_path}/theirs:v1"
    context = make_context("destination", options=options)
    with parse_reference(ours).open_destination(context) as destination:
        put_image(destination, ONE)
        destination.commit()
    skopeo("copy", "--dest-shared-blob-dir", shared, sample_of(TWO), theirs)

    skopeo("copy", "--src-shared-blob-dir", shared, ours, f"dir:{tmp_path}/out")
    assert read_image(parse_reference(f"dir:{tmp_path}/out")) == ONE
    with parse_reference(theirs).open_source(make_context(options=options)) as source:
        assert source.get_manifest() == TWO.top


def test_umoci_lists_and_reads_a_layout_that_we_wrote(tmp_path: Path) -> None:
    write_image(ONE, parse_reference(f"oci:{tmp_path}:v1"), ["latest"])

    assert run_program("umoci", "ls", "--layout", str(tmp_path)).split() == [b"v1", b"latest"]
    stat = json.loads(run_program("umoci", "stat", "--json", "--image", f"{tmp_path}:v1"))
    assert len(stat["history"]) == 3


def test_umoci_finds_nothing_to_collect_in_a_layout_that_we_wrote(tmp_path: Path) -> None:
    write_image(ONE, parse_reference(f"oci:{tmp_path}:v1"))
    write_image(FOUR, parse_reference(f"oci:{tmp_path}:v4"))
    before = contents(tmp_path / "blobs")

    run_program("umoci", "gc", "--layout", str(tmp_path))

    assert contents(tmp_path / "blobs") == before


def fill_with_image(path: Path) -> None:
    """Put an image there."""
    write_dir(ONE, path)


def fill_with_version(path: Path, version: str = "Directory Transport Version: 1.1\n") -> None:
    """Put a version there, and something else."""
    path.mkdir()
    (path / "version").write_text(version)
    (path / "README").write_text("mine")


def fill_with_strangers(path: Path) -> None:
    """Put something else there."""
    path.mkdir()
    (path / "README").write_text("mine")


FOLDERS: dict[str, Callable[[Path], object]] = {
    "missing": lambda _path: None,
    "empty": lambda path: path.mkdir(),
    "image": fill_with_image,
    "version": fill_with_version,
    "other version": lambda path: fill_with_version(path, "Directory Transport Version: 1.0\n"),
    "empty version": lambda path: fill_with_version(path, ""),
    "strangers": fill_with_strangers,
    "file": lambda path: path.write_text(""),
    "layout": lambda path: write_layout(ONE, path),
}


@pytest.mark.parametrize("kind", FOLDERS)
def test_we_take_the_folders_that_skopeo_takes(
    tmp_path: Path, kind: str, sample_of: Callable[[SampleImage], str]
) -> None:
    FOLDERS[kind](tmp_path / "ours")
    FOLDERS[kind](tmp_path / "theirs")

    taken = True
    try:
        write_image(TWO, parse_reference(f"dir:{tmp_path}/ours"))
    except RegcopyError:
        taken = False

    assert skopeo_takes("copy", sample_of(TWO), f"dir:{tmp_path}/theirs") is taken


def test_skopeo_takes_a_folder_that_we_did_not_finish(
    tmp_path: Path, sample_of: Callable[[SampleImage], str]
) -> None:
    place = f"dir:{tmp_path}/image"
    destination = parse_reference(place).open_destination(make_context("destination"))
    put_image(destination, ONE)
    error = ConnectionFailed("reset")
    destination.__exit__(ConnectionFailed, error, None)
    assert not skopeo_takes("inspect", "--raw", place)

    skopeo("copy", sample_of(TWO), place)

    assert read_image(parse_reference(place)) == TWO


@pytest.mark.parametrize(
    "name",
    ["v1", "a/b", "a//b", "a--b", "a---b", "-a", "a-", "a b", "h:5/a:b", "a@sha256:0", "é", "a\n"],
)
def test_we_take_the_names_that_skopeo_takes(
    tmp_path: Path, name: str, sample_of: Callable[[SampleImage], str]
) -> None:
    taken = True
    try:
        parse_reference(f"oci:{tmp_path}/ours:{name}")
    except InvalidReference:
        taken = False

    assert skopeo_takes("copy", sample_of(ONE), f"oci:{tmp_path}/theirs:{name}") is taken
