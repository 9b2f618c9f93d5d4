"""Real clients against the embedded registry, and real readers of its layout."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from regcopy import api as regcopy
from regcopy.api import Access
from regcopy.config.environment import Environment
from regcopy.copying.options import CopyOptions, Instances
from regcopy.model.digest import Digest
from regcopy.model.mediatypes import Format
from regcopy.testing.samples import SampleImage, multi_platform_image, single_image, write_layout
from regcopy.transports.base import SideOptions
from tests.programs import run_program, skopeo
from tests.served import Served, serving

IMAGE = single_image()
INDEX = multi_platform_image(shared_layers=1)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """An empty registry."""
    with serving(tmp_path / "layout") as served:
        yield served


def push(served: Served, image: SampleImage, name: str, folder: Path) -> None:
    write_layout(image, folder, "it")
    skopeo(
        "copy", "--all", "--preserve-digests", "--dest-tls-verify=false", f"oci:{folder}:it",
        f"docker://{served.address}/{name}",
    )  # fmt: skip


@pytest.mark.parametrize("image", [IMAGE, INDEX], ids=["image", "index"])
def test_skopeo_pushes(served: Served, tmp_path: Path, image: SampleImage) -> None:
    push(served, image, "team/app:1.0", tmp_path / "source")

    assert served.tools.holds(image, "team/app", "1.0")
    assert served.index_names() == ["team/app:1.0"]


@pytest.mark.parametrize("image", [IMAGE, INDEX], ids=["image", "index"])
def test_skopeo_pulls(served: Served, tmp_path: Path, image: SampleImage) -> None:
    served.tools.push(image, "team/app", "1.0")

    skopeo(
        "copy", "--all", "--preserve-digests", "--src-tls-verify=false",
        f"docker://{served.address}/team/app:1.0", f"dir:{tmp_path / 'pulled'}",
    )  # fmt: skip

    assert Digest.of((tmp_path / "pulled" / "manifest.json").read_bytes()) == image.digest
    for digest, content in image.blobs.items():
        assert (tmp_path / "pulled" / digest.hex).read_bytes() == content


@pytest.mark.parametrize("family", ["oci", "v2s2"])
def test_skopeo_promotes_inside_the_registry(served: Served, family: Format) -> None:
    image = multi_platform_image(family=family)
    served.tools.push(image, "dev/app", "1.0")

    skopeo(
        "copy", "--all", "--preserve-digests", "--src-tls-verify=false", "--dest-tls-verify=false",
        f"docker://{served.address}/dev/app:1.0", f"docker://{served.address}/prod/app:1.0",
    )  # fmt: skip

    assert served.tools.holds(image, "prod/app", "1.0")


def test_skopeo_inspects_and_lists(served: Served) -> None:
    served.tools.push(IMAGE, "team/app", "1.0")
    served.tools.push(IMAGE, "team/app", "2.0")

    found = json.loads(
        skopeo("inspect", "--tls-verify=false", f"docker://{served.address}/team/app:1.0")
    )

    assert found["Digest"] == str(IMAGE.digest)
    assert found["RepoTags"] == ["1.0", "2.0"]


def test_skopeo_deletes(served: Served) -> None:
    served.tools.push(IMAGE, "team/app", "1.0")

    skopeo("delete", "--tls-verify=false", f"docker://{served.address}/team/app:1.0")

    assert served.tools.get_manifest("team/app", str(IMAGE.digest)) is None


def test_skopeo_reads_the_layout_while_it_is_served(served: Served, tmp_path: Path) -> None:
    served.tools.push(INDEX, "team/app", "1.0")

    skopeo(
        "copy", "--all", "--preserve-digests", f"oci:{served.root}:team/app:1.0",
        f"dir:{tmp_path / 'read'}",
    )  # fmt: skip

    assert Digest.of((tmp_path / "read" / "manifest.json").read_bytes()) == INDEX.digest


def test_skopeo_reads_a_manifest_without_a_tag_by_its_name_in_the_layout(served: Served) -> None:
    served.tools.push(IMAGE, "team/app", str(IMAGE.digest))

    raw = skopeo("inspect", "--raw", f"oci:{served.root}:team/app@{IMAGE.digest}")

    assert raw == IMAGE.top.content


def test_what_skopeo_writes_into_the_layout_is_served(served: Served, tmp_path: Path) -> None:
    served.tools.push(INDEX, "team/app", "1.0")
    write_layout(IMAGE, tmp_path / "source", "it")

    skopeo("copy", f"oci:{tmp_path / 'source'}:it", f"oci:{served.root}:team/app:2.0")

    assert served.tools.holds(IMAGE, "team/app", "2.0")
    assert served.tools.holds(INDEX, "team/app", "1.0")


def test_what_regcopy_writes_into_the_layout_is_served(served: Served) -> None:
    served.tools.push(INDEX, "team/app", "1.0")

    regcopy.copy(
        f"docker://{served.address}/team/app:1.0",
        f"oci:{served.root}:other/app:2.0",
        options=CopyOptions(instances=Instances("all")),
        source_access=Access(anonymous=True, options=SideOptions(tls_verify=False)),
        environment=Environment({}),
    )

    assert served.tools.holds(INDEX, "other/app", "2.0")
    assert served.index_names() == ["team/app:1.0", "other/app:2.0"]


def test_umoci_reads_the_layout(served: Served) -> None:
    served.tools.push(IMAGE, "team/app", "1.0")
    served.tools.push(single_image(seed="new"), "team/app", "1.0")

    names = run_program("umoci", "ls", "--layout", str(served.root)).decode().split()
    image = f"{served.root}:team/app@{IMAGE.digest}"
    found = json.loads(run_program("umoci", "stat", "--json", "--image", image))

    assert sorted(names) == ["team/app:1.0", f"team/app@{IMAGE.digest}"]
    assert len(found["history"]) == 3
