"""What refers to an image travels with it, between registries that list referrers and others."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from regcopy.testing.samples import FOUR_PLATFORMS, SampleImage, multi_platform_image, single_image
from tests.command_line import Ended, run_cli
from tests.referrers import Shelf, entry_of, index_of, referrer, tag_of
from tests.registry_tools import RegistryTools
from tests.served import Served, serving
from tests.servers import Registry

PLAIN = ("--src-tls-verify=false", "--dest-tls-verify=false")
IMAGE = single_image(seed="referred")


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Served]:
    """The embedded registry, which lists referrers."""
    with serving(tmp_path / "served") as served:
        yield served


@pytest.fixture
def both(embedded: Served, repository: str) -> tuple[Shelf, Shelf]:
    """Two repositories of a registry that lists referrers."""
    return Shelf(embedded.tools, "from/app", True), Shelf(embedded.tools, "to/app", True)


@pytest.fixture
def neither(registry: Registry, second_registry: Registry, repository: str) -> tuple[Shelf, Shelf]:
    """Repositories of two registries that do not."""
    return (
        Shelf(RegistryTools(registry.url), f"{repository}/from", False),
        Shelf(RegistryTools(second_registry.url), f"{repository}/to", False),
    )


@pytest.fixture(params=["lists lists", "lists tag", "tag lists", "tag tag"])
def shelves(
    request: pytest.FixtureRequest, both: tuple[Shelf, Shelf], neither: tuple[Shelf, Shelf]
) -> tuple[Shelf, Shelf]:
    """A source and a destination, of each kind with each."""
    source, destination = str(request.param).split()
    return (both if source == "lists" else neither)[0], (
        both if destination == "lists" else neither
    )[1]


def copy(source: Shelf, destination: Shelf, *flags: str) -> Ended:
    names = f"{source.name}:1", f"{destination.name}:1"
    return run_cli("copy", "--referrers", *PLAIN, *flags, *names)


def pushed(shelf: Shelf, image: SampleImage = IMAGE) -> SampleImage:
    shelf.tools.push(image, shelf.repository, "1")
    return image


def test_six_referrers_of_an_index_and_its_images_arrive_and_are_listed(
    shelves: tuple[Shelf, Shelf],
) -> None:
    source, destination = shelves
    image = pushed(source, multi_platform_image(platforms=FOUR_PLATFORMS[:2]))
    artifacts = {
        manifest.digest: source.refer(manifest, "signature", "sbom") for manifest in image.manifests
    }
    ended = copy(source, destination, "--all")
    assert ended.code == 0, ended.err
    assert ended.log[-1].message == "referrers that were copied, too: 6"
    assert destination.tools.holds(image, destination.repository, "1")
    for subject, about in artifacts.items():
        assert all(destination.holds(artifact) for artifact in about)
        listed = sorted(destination.listed(subject), key=lambda entry: str(entry["digest"]))
        wanted = sorted(map(entry_of, about), key=lambda entry: str(entry["digest"]))
        assert listed == wanted


def test_a_second_copy_writes_nothing(
    both: tuple[Shelf, Shelf], neither: tuple[Shelf, Shelf], second_registry: Registry
) -> None:
    source, destination = both[0], neither[1]
    source.refer(pushed(source).top, "signature")
    assert copy(source, destination).code == 0
    with second_registry.watch() as seen:
        again = copy(source, destination)
    assert "Skipping: image already present at destination" in again.out
    assert {request.method for request in seen} == {"HEAD", "GET"}


def test_a_new_referrer_of_an_image_that_is_there_is_copied(shelves: tuple[Shelf, Shelf]) -> None:
    source, destination = shelves
    (first,) = source.refer(pushed(source).top, "signature")
    assert copy(source, destination).code == 0
    (second,) = source.refer(IMAGE.top, "sbom")
    ended = copy(source, destination)
    assert ended.log[-1].message == "referrers that were copied, too: 1"
    assert destination.digests(IMAGE.digest) == {str(first.digest), str(second.digest)}


def test_referrers_that_only_the_destination_has_stay(neither: tuple[Shelf, Shelf]) -> None:
    source, destination = neither
    tag = tag_of(IMAGE.digest)
    own = referrer(IMAGE.top, "own")
    destination.tools.push(own, destination.repository, str(own.digest))
    kept = {**entry_of(own), "x-note": "kept"}
    index = index_of([kept], annotations={"by": "somebody"})
    destination.tools.push_manifest(index, destination.repository, tag)
    (artifact,) = source.refer(pushed(source).top, "signature")
    assert copy(source, destination).code == 0
    merged = destination.tools.get_manifest(destination.repository, tag)
    assert merged is not None
    document = json.loads(merged.content)
    assert document["manifests"] == [kept, entry_of(artifact)]
    assert document["annotations"] == {"by": "somebody"}


def test_a_signature_of_an_sbom_travels_with_the_sbom(shelves: tuple[Shelf, Shelf]) -> None:
    source, destination = shelves
    (sbom,) = source.refer(pushed(source).top, "sbom")
    (signature,) = source.refer(sbom.top, "signature")
    assert copy(source, destination).code == 0
    assert destination.holds(signature)
    assert destination.digests(sbom.digest) == {str(signature.digest)}


def test_only_the_chosen_image_has_its_referrers_copied(both: tuple[Shelf, Shelf]) -> None:
    source, destination = both
    image = pushed(source, multi_platform_image(platforms=FOUR_PLATFORMS[:2]))
    (amd64,) = source.refer(image.children[0], "signature")
    (arm64,) = source.refer(image.children[1], "signature")
    (index,) = source.refer(image.top, "signature")
    ended = run_cli(
        "--override-arch=amd64",
        *("copy", "--referrers", *PLAIN, f"{source.name}:1", f"{destination.name}:1"),
    )
    assert ended.code == 0, ended.err
    assert [destination.holds(one) for one in (amd64, arm64, index)] == [True, False, False]


@pytest.mark.parametrize("ending", [".sig", ".att", ".sbom"])
def test_tags_of_cosign_travel_too(shelves: tuple[Shelf, Shelf], ending: str) -> None:
    source, destination = shelves
    pushed(source)
    artifact = referrer(None, "cosign")
    tag = tag_of(IMAGE.digest, ending)
    source.tools.push(artifact, source.repository, tag)
    assert copy(source, destination).code == 0
    assert destination.tools.holds(artifact, destination.repository, tag)


def test_an_image_without_its_referrer_is_not_shown(
    embedded: Served, both: tuple[Shelf, Shelf]
) -> None:
    source, destination = both
    (artifact,) = source.refer(pushed(source).top, "signature")
    (broken,) = (d for d, content in artifact.blobs.items() if content.startswith(b"signature"))
    embedded.blob_path(broken).unlink()
    ended = copy(source, destination)
    assert ended.code == 1
    assert f"referrer {artifact.digest} of {IMAGE.digest}: " in ended.fatal
    assert destination.tools.tags(destination.repository) == []


def test_a_referrer_that_is_listed_and_not_there_is_no_missing_image(
    neither: tuple[Shelf, Shelf],
) -> None:
    source, destination = neither
    pushed(source)
    gone = referrer(IMAGE.top, "gone")
    index = index_of([entry_of(gone)])
    # A registry checks what an index names, but only when it takes it.
    source.tools.push(gone, source.repository, "gone")
    source.tools.push_manifest(index, source.repository, tag_of(IMAGE.digest))
    assert run_cli("delete", "--tls-verify=false", f"{source.name}:gone").code == 0
    ended = copy(source, destination)
    assert ended.code == 1
    assert f"referrer {gone.digest} of {IMAGE.digest}: " in ended.fatal
    assert destination.tools.tags(destination.repository) == []


def test_a_manifest_that_names_no_subject_is_no_referrer(neither: tuple[Shelf, Shelf]) -> None:
    source, destination = neither
    pushed(source)
    stranger = single_image(seed="stranger")
    source.tools.push(stranger, source.repository, str(stranger.digest))
    index = index_of([stranger.top.descriptor().to_json()])
    source.tools.push_manifest(index, source.repository, tag_of(IMAGE.digest))
    assert copy(source, destination).code == 0
    assert destination.digests(IMAGE.digest) == set()
    assert not destination.holds(stranger)


def test_a_dry_run_counts_referrers_and_copies_none(both: tuple[Shelf, Shelf]) -> None:
    source, destination = both
    source.refer(pushed(source).top, "signature", "sbom")
    assert run_cli("copy", *PLAIN, f"{source.name}:1", f"{destination.name}:1").code == 0
    ended = copy(source, destination, "--dry-run")
    assert "Referrers           2 to copy\n" in ended.out
    assert "has this image already, and not all that refers to it" in ended.out
    assert destination.listed(IMAGE.digest) == []


@pytest.mark.parametrize("flag", ["--format=v2s2", "--platform=linux/amd64"])
def test_what_would_change_digests_is_refused(both: tuple[Shelf, Shelf], flag: str) -> None:
    source, destination = both
    pushed(source, multi_platform_image(platforms=FOUR_PLATFORMS[:2]))
    ended = copy(source, destination, flag)
    assert ended.code == 1
    assert "bytes would have to change" in ended.fatal
    assert "--referrers" in ended.hint
    assert destination.tools.tags(destination.repository) == []


@pytest.mark.parametrize(
    "place", ["dir:{0}/x", "oci:{0}/x:1", "oci-archive:{0}/x.tar", "atomic:127.0.0.1:1/a/b:1"]
)
def test_a_place_without_referrers_is_refused_before_anything_moves(
    both: tuple[Shelf, Shelf], tmp_path: Path, place: str
) -> None:
    source, _ = both
    pushed(source)
    name = place.format(tmp_path)
    for names in ((f"{source.name}:1", name), (name, f"{source.name}:1")):
        ended = run_cli("copy", "--referrers", *PLAIN, *names)
        assert ended.code == 1
        assert "--referrers needs a registry on both sides" in ended.fatal
    assert not list(tmp_path.glob("x*"))


def test_a_line_of_a_list_asks_for_its_referrers(
    shelves: tuple[Shelf, Shelf], tmp_path: Path
) -> None:
    source, destination = shelves
    (artifact,) = source.refer(pushed(source).top, "signature")
    words = "referrers=true src-tls-verify=false dest-tls-verify=false"
    (tmp_path / "url.txt").write_text(f"{source.name}:1 {destination.name}:1 {words}\n")
    report = tmp_path / "report.jsonl"
    ended = run_cli("batch", "--report", str(report), str(tmp_path / "url.txt"))
    assert ended.code == 0, ended.err
    assert json.loads(report.read_text())["referrers"] == 1
    assert destination.digests(IMAGE.digest) == {str(artifact.digest)}


def test_a_sync_takes_tags_of_attachments_for_no_images(
    neither: tuple[Shelf, Shelf], second_registry: Registry
) -> None:
    source, destination = neither
    (artifact,) = source.refer(pushed(source).top, "signature")
    source.tools.push(referrer(None, "x"), source.repository, tag_of(IMAGE.digest, ".sig"))
    flags = ("-s", "docker", "-d", "docker", "--referrers", "--delete", *PLAIN)
    where = f"{second_registry.host}/{destination.repository}"
    for _ in range(2):
        ended = run_cli("sync", *flags, source.name.removeprefix("docker://"), where)
        assert ended.code == 0, ended.err
    copied = Shelf(destination.tools, f"{destination.repository}/from", False)
    assert copied.digests(IMAGE.digest) == {str(artifact.digest)}
    tags = sorted(copied.tools.tags(copied.repository))
    assert tags == ["1", tag_of(IMAGE.digest), tag_of(IMAGE.digest, ".sig")]


def test_a_sync_of_folders_knows_no_referrers(tmp_path: Path) -> None:
    ended = run_cli("sync", "--referrers", "-s", "docker", "-d", "dir", "h/a", str(tmp_path))
    assert ended.code == 1
    assert "--referrers needs a registry on both sides" in ended.fatal
