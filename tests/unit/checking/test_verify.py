"""`verify`: an image that is whole, and every way of not being it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from regcopy.checking.verify import verify_image
from regcopy.model.descriptor import Descriptor
from regcopy.model.manifest import ImageManifest, parse_manifest
from regcopy.model.mediatypes import DOCKER_FOREIGN_GZIP
from regcopy.testing.samples import multi_platform_image, single_image, write_dir
from tests.command_line import run_cli
from tests.schema1 import gzipped, schema1_image

ALL_PARTS = 1 + 4 + 1 + 4 * 3


def blob_path(folder: Path, blob: Descriptor) -> Path:
    return folder / "one" / "blobs" / "sha256" / blob.digest.hex


def a_layer() -> Descriptor:
    parsed = parse_manifest(single_image().top)
    assert isinstance(parsed, ImageManifest)
    return parsed.layers[1]


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.usefixtures("images")
def test_every_part_of_an_index_is_looked_at_once(deep: bool) -> None:
    found = verify_image("oci:four:t", deep=deep)
    assert found.problems == ()
    assert len({part.digest for part in found.parts}) == len(found.parts) == ALL_PARTS
    assert {part.kind for part in found.parts} == {"index", "manifest", "config", "layer"}


def test_a_blob_that_was_changed_is_found(images: Path) -> None:
    path = blob_path(images, a_layer())
    path.write_bytes(bytes(path.stat().st_size))
    (problem,) = verify_image("oci:one:t", deep=True).problems
    assert problem.digest == a_layer().digest
    assert problem.problem.startswith("expected digest sha256:")


def test_what_is_not_read_may_be_changed(images: Path) -> None:
    path = blob_path(images, a_layer())
    path.write_bytes(bytes(path.stat().st_size))
    assert verify_image("oci:one:t").problems == ()


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("change", [-1, 1, 1000])
def test_a_blob_of_another_size_is_found(images: Path, deep: bool, change: int) -> None:
    path = blob_path(images, a_layer())
    content = path.read_bytes()
    path.write_bytes(content[:change] if change < 0 else content + bytes(change))
    (problem,) = verify_image("oci:one:t", deep=deep).problems
    assert problem.digest == a_layer().digest


@pytest.mark.parametrize("deep", [False, True])
def test_all_that_is_missing_is_told_and_not_just_the_first(images: Path, deep: bool) -> None:
    sample = multi_platform_image(shared_layers=1)
    gone = {sample.children[1].digest, sample.children[2].digest}
    for digest in gone:
        (images / "four" / "blobs" / "sha256" / digest.hex).unlink()
    found = verify_image("oci:four:t", deep=deep)
    assert {part.digest for part in found.problems} == gone


@pytest.mark.parametrize("is_there", [True, False])
def test_a_layer_with_an_address_of_its_own_need_not_be_here(images: Path, is_there: bool) -> None:
    folder = images / "docker"
    document = json.loads((folder / "manifest.json").read_bytes())
    layer = document["layers"][0]
    layer |= {"mediaType": DOCKER_FOREIGN_GZIP, "urls": ["https://example.com/layer"]}
    (folder / "manifest.json").write_text(json.dumps(document))
    if not is_there:
        (folder / layer["digest"].removeprefix("sha256:")).unlink()
    found = verify_image("dir:docker")
    assert found.problems == ()
    assert (layer["digest"] in {str(part.digest) for part in found.parts}) == is_there


def test_a_registry_is_verified_as_a_layout_is(images: Path, served: str) -> None:
    name = f"docker://{served}/team/app:1"
    assert run_cli("copy", "-q", "--all", "--dest-tls-verify=false", "oci:four:t", name).code == 0
    for flags in ([], ["--deep"]):
        ended = run_cli("verify", "--json", "--tls-verify=false", *flags, name)
        document = json.loads(ended.out)
        assert (ended.code, document["Whole"], len(document["Parts"])) == (0, True, ALL_PARTS)


def test_the_exit_code_tells_whole_broken_and_missing(images: Path) -> None:
    codes = [run_cli("verify", name).code for name in ("oci:one:t", "oci:gone:t")]
    blob_path(images, a_layer()).unlink()
    broken = run_cli("verify", "oci:one:t")
    assert [*codes, broken.code] == [0, 2, 1]
    assert "1 of 5 parts are missing or wrong" in broken.out


def test_several_images_are_checked_and_counted_and_none_stops_another(images: Path) -> None:
    blob_path(images, a_layer()).unlink()
    ended = run_cli("verify", "oci:one:t", "oci:gone:t", "oci:four:t", "oci:four:t")
    assert ended.code == 1
    assert "oci:four:t: " in ended.out
    assert ended.out.endswith(
        "\n3 images: 1 whole, 1 with parts that are missing or wrong, 1 not there\n"
    )
    (line,) = ended.log
    assert (line.level, "oci:gone:t" in line.message) == ("error", True)


def test_of_several_images_one_that_is_not_there_has_the_exit_code_for_that(images: Path) -> None:
    assert run_cli("verify", "oci:one:t", "oci:four:t").code == 0
    assert run_cli("verify", "oci:one:t", "oci:gone:t").code == 2


def test_the_destinations_of_a_list_are_checked(images: Path) -> None:
    path = images / "url.txt"
    path.write_text("oci:one:t dir:out-1\noci:four:t dir:out-2 all  # both\n")
    assert run_cli("verify", "--file", str(path)).code == 2
    assert run_cli("batch", str(path)).code == 0
    ended = run_cli("verify", "--deep", "--json", "--file", str(path))
    assert ended.code == 0
    documents = json.loads(f"[{ended.out.replace('}' + chr(10) + '{', '},{')}]")
    assert {document["Name"] for document in documents} == {"dir:out-1", "dir:out-2"}
    assert all(document["Whole"] and document["Deep"] for document in documents)


def test_a_bad_list_is_told_before_anything_is_checked(images: Path) -> None:
    (images / "url.txt").write_text("oci:one:t\n")
    ended = run_cli("verify", "--file", str(images / "url.txt"), "oci:one:t")
    assert (ended.code, ended.out) == (5, "")
    assert "line 1: one name" in ended.log[0].message


def test_something_must_be_named() -> None:
    assert "At least one argument expected" in run_cli("verify").fatal


@pytest.mark.parametrize("deep", [False, True])
def test_layers_of_schema_1_are_found_although_it_does_not_tell_their_sizes(
    tmp_path: Path, deep: bool
) -> None:
    image = schema1_image(gzipped(b"one", b"two"))
    write_dir(image, tmp_path / "old")
    assert verify_image(f"dir:{tmp_path}/old", deep=deep).problems == ()
    victim = next(iter(image.blobs))
    (tmp_path / "old" / victim.hex).unlink()
    (problem,) = verify_image(f"dir:{tmp_path}/old", deep=deep).problems
    assert problem.digest == victim
