"""podman loads the archives that we write, and we read those that it saves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from regcopy.api import copy, get_manifest, list_tags
from regcopy.copying.options import CopyOptions
from regcopy.testing.samples import SampleImage, single_image, write_dir
from regcopy.transports import parse_reference
from tests.docker_archives import made_up, parts
from tests.engines import Podman
from tests.hand_copy import read_image

IMAGES = [
    single_image(family="v2s2", plain=True, seed=f"podman-{number}", layers=number)
    for number in (1, 2, 3)
]


def archived(image: SampleImage, place: str, tmp_path: Path, *tags: str) -> Path:
    """Copy an image into an archive, with a name below `localhost/`."""
    write_dir(image, tmp_path / "sample")
    archive = tmp_path / "ours.tar"
    destination = f"docker-archive:{archive}:localhost/{place}"
    copy(f"dir:{tmp_path}/sample", destination, options=CopyOptions(additional_tags=tags))
    return archive


@pytest.mark.parametrize("image", IMAGES)
def test_podman_loads_what_we_wrote(podman: Podman, tmp_path: Path, image: SampleImage) -> None:
    archive = archived(image, "load/app:1", tmp_path, "localhost/load/more:2")

    podman.run("load", "--quiet", f"--input={archive}")

    (found,) = json.loads(podman.run("image", "inspect", "localhost/load/app:1"))
    config = json.loads(parts(image)[0])
    assert found["RootFS"]["Layers"] == config["rootfs"]["diff_ids"]
    assert found["Config"]["Labels"] == config["config"]["Labels"]
    assert podman.run("image", "exists", "localhost/load/more:2") == ""


def test_podman_loads_what_comes_through_a_pipe(podman: Podman, tmp_path: Path) -> None:
    archive = archived(IMAGES[0], "piped/app:1", tmp_path)
    podman.run("load", "--quiet", content=archive.read_bytes())
    assert podman.run("image", "exists", "localhost/piped/app:1") == ""


def test_we_read_what_podman_saves(podman: Podman, tmp_path: Path) -> None:
    image = IMAGES[1]
    archive = archived(image, "save/app:1", tmp_path)
    podman.run("load", "--quiet", f"--input={archive}")
    podman.run("save", "--quiet", f"--output={tmp_path}/theirs.tar", "localhost/save/app:1")

    place = f"docker-archive:{tmp_path}/theirs.tar:localhost/save/app:1"
    assert get_manifest(place) == made_up(image.top)
    assert read_image(parse_reference(place)).blobs == image.blobs


def test_we_read_each_of_the_images_that_podman_saves_together(
    podman: Podman, tmp_path: Path
) -> None:
    names = [f"localhost/together/app:{number}" for number in range(len(IMAGES))]
    for number, (name, image) in enumerate(zip(names, IMAGES, strict=True)):
        folder = tmp_path / str(number)
        folder.mkdir()
        archive = archived(image, name.removeprefix("localhost/"), folder)
        podman.run("load", "--quiet", f"--input={archive}")

    saved = f"docker-archive:{tmp_path}/theirs.tar"
    podman.run(
        "save", "--quiet", "--multi-image-archive", f"--output={tmp_path}/theirs.tar", *names
    )

    assert list(list_tags(saved)) == names
    for number, (name, image) in enumerate(zip(names, IMAGES, strict=True)):
        assert get_manifest(f"{saved}:{name}") == made_up(image.top)
        assert get_manifest(f"{saved}:@{number}") == made_up(image.top)
