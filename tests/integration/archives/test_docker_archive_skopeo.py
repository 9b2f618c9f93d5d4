"""skopeo reads the archives that we write and the other way round; byte for byte the same."""

from __future__ import annotations

import gzip
import json
import subprocess
from pathlib import Path

import pytest

from regcopy.api import copy, get_manifest, list_tags
from regcopy.copying.options import CopyOptions
from regcopy.errors import RegcopyError
from regcopy.model.digest import Digest
from regcopy.model.platform import Platform
from regcopy.testing.samples import (
    SampleImage,
    image_of_layers,
    make_layer,
    multi_platform_image,
    single_image,
    write_dir,
)
from regcopy.transports import parse_reference
from tests.docker_archives import IMAGE, members_of, tar_of, with_config
from tests.hand_copy import read_image
from tests.programs import require_program, skopeo
from tests.storage_watch import contents

AMD64 = Platform("linux", "amd64")
TWICE = [make_layer("same", 100), make_layer("other", 100), make_layer("same", 100)]
ODD_CONFIG = """{ "os" : "linux",
  "container": "0123", "docker_version": "27.0<&>\\u2028\u2029",
  "config": {"Env": ["A=\\"x\\\\", "\u00e9 \\u00e9"], "Number": 1.500, "Nothing": null},
  "created": null, "extra": [1, 2 , {"b": 1, "a": 2}] ,
  "rootfs": {"type": "layers", "diff_ids": %s}
}"""

IMAGES = {
    "OCI, gzipped": single_image(),
    "OCI, plain": single_image(plain=True),
    "Docker, gzipped": single_image(family="v2s2"),
    "Docker, plain": IMAGE,
    "large layers": single_image(layers=2, layer_bytes=2_500_000),
    "one layer": single_image(layers=1, family="v2s2"),
    "no layers": image_of_layers([], platform=AMD64, family="v2s2"),
    "one layer twice": image_of_layers(TWICE, platform=AMD64, family="v2s2"),
    "an odd config": with_config(single_image(layers=2, family="v2s2"), ODD_CONFIG),
}


@pytest.fixture(scope="module", autouse=True)
def _programs() -> None:
    require_program("skopeo")


@pytest.fixture(params=IMAGES)
def image(request: pytest.FixtureRequest) -> SampleImage:
    """An image to copy."""
    return IMAGES[request.param]


@pytest.fixture
def sample(tmp_path: Path, image: SampleImage) -> str:
    """Name of the image, for both programs."""
    write_dir(image, tmp_path / "sample")
    return f"dir:{tmp_path}/sample"


def copy_at_all(source: str, destination: str, *tags: str) -> Digest:
    """Copy with what skopeo has by default."""
    return copy(source, destination, options=CopyOptions(additional_tags=tags)).digest


def test_an_archive_is_byte_for_byte_that_of_skopeo(tmp_path: Path, sample: str) -> None:
    name, more = "busybox:1.36", ["quay.io/a/b:c", "busybox:latest"]
    flags = [flag for tag in more for flag in ("--additional-tag", tag)]
    skopeo("copy", *flags, sample, f"docker-archive:{tmp_path}/theirs.tar:{name}")

    copy_at_all(sample, f"docker-archive:{tmp_path}/ours.tar:{name}", *more)

    assert (tmp_path / "ours.tar").read_bytes() == (tmp_path / "theirs.tar").read_bytes()


def test_an_archive_without_a_name_is_that_of_skopeo(tmp_path: Path, sample: str) -> None:
    skopeo("copy", sample, f"docker-archive:{tmp_path}/theirs.tar")
    copy_at_all(sample, f"docker-archive:{tmp_path}/ours.tar")
    assert (tmp_path / "ours.tar").read_bytes() == (tmp_path / "theirs.tar").read_bytes()


def test_we_read_what_skopeo_wrote(tmp_path: Path, sample: str) -> None:
    place = f"docker-archive:{tmp_path}/theirs.tar:app:1"
    skopeo("copy", sample, place)
    skopeo("copy", place, f"dir:{tmp_path}/theirs")

    assert get_manifest(place).content == skopeo("inspect", "--raw", place)
    copy_at_all(place, f"dir:{tmp_path}/ours")
    assert contents(tmp_path / "ours") == contents(tmp_path / "theirs")


def test_skopeo_reads_what_we_wrote(tmp_path: Path, sample: str) -> None:
    place = f"docker-archive:{tmp_path}/ours.tar:app:1"
    copy_at_all(sample, place)
    skopeo("copy", place, f"dir:{tmp_path}/out")
    assert read_image(parse_reference(f"dir:{tmp_path}/out")) == read_image(parse_reference(place))


def test_a_layout_made_of_an_archive_has_the_layers_of_skopeo_gzipped(
    tmp_path: Path, sample: str
) -> None:
    place = f"docker-archive:{tmp_path}/a.tar"
    copy_at_all(sample, place)
    skopeo("copy", place, f"oci:{tmp_path}/theirs:1")
    copy_at_all(place, f"oci:{tmp_path}/ours:1")

    ours, theirs = (
        read_image(parse_reference(f"oci:{tmp_path}/{who}:1")) for who in ("ours", "theirs")
    )

    assert plain_layers(ours) == plain_layers(theirs)
    assert config_of(ours) == config_of(theirs)


def plain_layers(image: SampleImage) -> list[tuple[str, bytes]]:
    """Types of the layers, and their bytes unpacked."""
    layers = json.loads(image.top.content)["layers"]
    return [
        (layer["mediaType"], gzip.decompress(image.blobs[Digest.parse(layer["digest"])]))
        for layer in layers
    ]


def config_of(image: SampleImage) -> bytes:
    """Bytes of the config."""
    return image.blobs[Digest.parse(json.loads(image.top.content)["config"]["digest"])]


@pytest.mark.parametrize("rest", ["", ":app:1"])
def test_the_tags_are_those_that_skopeo_lists(tmp_path: Path, rest: str) -> None:
    write_dir(IMAGE, tmp_path / "sample")
    copy_at_all(f"dir:{tmp_path}/sample", f"docker-archive:{tmp_path}/a.tar{rest}")
    theirs = json.loads(skopeo("list-tags", f"docker-archive:{tmp_path}/a.tar"))["Tags"]
    assert list(list_tags(f"docker-archive:{tmp_path}/a.tar")) == theirs


def test_short_names_of_docker_save_are_listed_as_skopeo_lists_them(tmp_path: Path) -> None:
    names = ("app:1", "library/app:2", "docker.io/library/app:3")
    (tmp_path / "a.tar").write_bytes(tar_of(members_of(IMAGE, names)))
    theirs = json.loads(skopeo("list-tags", f"docker-archive:{tmp_path}/a.tar"))["Tags"]
    assert list(list_tags(f"docker-archive:{tmp_path}/a.tar")) == theirs == list(names)


def skopeo_takes(*arguments: str) -> bool:
    """Run skopeo, and tell whether it succeeded."""
    command = [require_program("skopeo"), "--insecure-policy", *arguments]
    return subprocess.run(command, capture_output=True, timeout=60, check=False).returncode == 0


def we_take(source: str, destination: str) -> bool:
    """Copy, and tell whether it succeeded."""
    try:
        copy_at_all(source, destination)
    except RegcopyError:
        return False
    return True


REFERENCES = [
    "",
    ":",
    ":app",
    ":app:1",
    ":docker.io/library/app:1",
    ":app:2",
    ":A",
    ":a:b:c",
    ":@",
    ":@0",
    ":@+0",
    ":@00",
    ":@-0",
    ":@-1",
    ":@1",
    ":@0x0",
    ":@ 0",
    ":@99999999999999999999",
    f":app@sha256:{'a' * 64}",
    f":app:1@sha256:{'a' * 64}",
]


@pytest.mark.parametrize("rest", REFERENCES)
def test_we_read_the_references_that_skopeo_reads(tmp_path: Path, rest: str) -> None:
    write_dir(IMAGE, tmp_path / "sample")
    copy_at_all(f"dir:{tmp_path}/sample", f"docker-archive:{tmp_path}/a.tar:app:1")
    name = f"docker-archive:{tmp_path}/a.tar{rest}"
    assert we_take(name, f"dir:{tmp_path}/ours") == skopeo_takes(
        "copy", name, f"dir:{tmp_path}/theirs"
    )


@pytest.mark.parametrize("rest", ["", ":app", ":app:1", ":@0", ":A", ":x/y/z:1"])
@pytest.mark.parametrize("before", [None, b"", b"x"], ids=["no file", "empty file", "a file"])
def test_we_write_where_skopeo_writes(tmp_path: Path, rest: str, before: bytes | None) -> None:
    write_dir(IMAGE, tmp_path / "sample")
    for who in ("ours", "theirs"):
        if before is not None:
            (tmp_path / f"{who}.tar").write_bytes(before)

    taken = we_take(f"dir:{tmp_path}/sample", f"docker-archive:{tmp_path}/ours.tar{rest}")

    theirs = f"docker-archive:{tmp_path}/theirs.tar{rest}"
    assert taken == skopeo_takes("copy", f"dir:{tmp_path}/sample", theirs)


def test_one_platform_of_an_index_is_the_archive_of_skopeo(tmp_path: Path) -> None:
    write_dir(multi_platform_image(), tmp_path / "sample")
    arm = ["--override-arch", "arm64", "--override-variant", "v8"]
    theirs = f"docker-archive:{tmp_path}/theirs.tar"
    skopeo(*arm, "copy", f"dir:{tmp_path}/sample", theirs)

    options = CopyOptions(platform=Platform("linux", "arm64", "v8"))
    copy(f"dir:{tmp_path}/sample", f"docker-archive:{tmp_path}/ours.tar", options=options)

    assert (tmp_path / "ours.tar").read_bytes() == (tmp_path / "theirs.tar").read_bytes()
