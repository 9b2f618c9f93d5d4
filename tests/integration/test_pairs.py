"""Every ordered pair of transports: what arrives is what was sent, by digest."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from regcopy.api import Access, copy, get_manifest, inspect
from regcopy.copying.options import CopyOptions, Instances
from regcopy.model.digest import Digest
from regcopy.model.image_config import read_diff_ids
from regcopy.model.platform import Platform
from regcopy.testing.samples import (
    FOUR_PLATFORMS,
    SampleImage,
    multi_platform_image,
    single_image,
    write_layout,
)
from regcopy.transports.base import SideOptions
from tests.servers import Registry

ACCESS = Access(options=SideOptions(tls_verify=False))
ALL = CopyOptions(instances=Instances("all"))
KINDS = ("docker", "oci", "dir", "oci-archive")

NameIn = Callable[[str, str], str]


@pytest.fixture
def name_in(tmp_path: Path, registry: Registry) -> NameIn:
    """Give the name of an image that is not there yet, in a kind of place."""
    unique = uuid.uuid4().hex

    def name(kind: str, image: str) -> str:
        if kind == "docker":
            return f"docker://{registry.host}/{unique}/{image}:1"
        path = tmp_path / f"{kind}-{image}"
        return f"dir:{path}" if kind == "dir" else f"{kind}:{path}:1"

    return name


def put(image: SampleImage, name: str, tmp_path: Path) -> None:
    """Bring an image to where a test begins."""
    write_layout(image, tmp_path / "made", "made")
    copy(f"oci:{tmp_path}/made:made", name, options=ALL, destination_access=ACCESS)
    assert get_manifest(name, access=ACCESS) == image.top


@pytest.mark.parametrize(("source", "destination"), [*itertools.product(KINDS, KINDS)])
@pytest.mark.parametrize("kind", ["one image", "four platforms"])
def test_digests_are_equal_between(
    source: str, destination: str, kind: str, name_in: NameIn, tmp_path: Path
) -> None:
    image = single_image() if kind == "one image" else multi_platform_image(shared_layers=1)
    put(image, name_in(source, "from"), tmp_path)
    result = copy(
        name_in(source, "from"),
        name_in(destination, "to"),
        options=ALL,
        source_access=ACCESS,
        destination_access=ACCESS,
    )
    assert result.digest == result.source_digest == image.digest
    assert get_manifest(name_in(destination, "to"), access=ACCESS) == image.top


@pytest.mark.parametrize("platform", FOUR_PLATFORMS, ids=str)
@pytest.mark.parametrize("destination", KINDS)
def test_one_platform_is_taken_out_of_an_index(
    destination: str, platform: Platform, name_in: NameIn, tmp_path: Path
) -> None:
    image = multi_platform_image()
    put(image, name_in("docker", "from"), tmp_path)
    result = copy(
        name_in("docker", "from"),
        name_in(destination, "to"),
        options=CopyOptions(platform=platform),
        source_access=ACCESS,
        destination_access=ACCESS,
    )
    assert result.digest == image.children[FOUR_PLATFORMS.index(platform)].digest


@pytest.mark.parametrize("destination", KINDS)
def test_the_same_again_moves_nothing(destination: str, name_in: NameIn, tmp_path: Path) -> None:
    put(multi_platform_image(), name_in("oci", "from"), tmp_path)
    names = name_in("oci", "from"), name_in(destination, "to")
    copy(*names, options=ALL, destination_access=ACCESS)
    again = copy(*names, options=ALL, destination_access=ACCESS)
    assert again.already_there
    assert again.bytes_copied == 0


@pytest.mark.parametrize("kind", KINDS)
def test_what_goes_through_an_archive_of_docker_unpacks_to_the_same_layers(
    kind: str, name_in: NameIn, tmp_path: Path
) -> None:
    """Its layers are plain and its manifest is Docker's, so the digest is another."""
    put(single_image(), name_in(kind, "from"), tmp_path)
    archive = f"docker-archive:{tmp_path}/image.tar:example.com/app:1"
    back = name_in(kind, "to")
    copy(name_in(kind, "from"), archive, source_access=ACCESS)
    copy(archive, back, destination_access=ACCESS)
    assert diff_ids(back) == diff_ids(name_in(kind, "from"))


def diff_ids(name: str) -> list[Digest]:
    """Digests of the layers once they are unpacked, as the config has them."""
    return list(read_diff_ids(inspect(name, access=ACCESS).config))
