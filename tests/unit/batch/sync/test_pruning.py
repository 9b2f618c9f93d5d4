"""Deleting what the source has no more, and nothing that something needs."""

from __future__ import annotations

from pathlib import Path

import pytest

from regcopy.batch.sync import Stale, SyncRequest, TagFilter, TagPattern
from regcopy.errors import NotFound, RegcopyError
from regcopy.model.reference import ImageName
from regcopy.testing.samples import multi_platform_image, single_image
from tests.faults import refuse
from tests.unit.batch.sync.conftest import World

OLD = single_image(seed="old")


def going(world: World, source: str = "team/app", **changes: object) -> dict[str, str]:
    """Tags that are to go, each with what it is needed by."""
    stale = world.stale(world.request(source, delete=True, **changes))
    return {one.name.tag: one.needed_by for one in stale}


def test_a_tag_that_the_source_has_no_more_is_to_go(world: World) -> None:
    world.hold("1", "2")
    world.keep("x/app", **{"1": single_image(seed="1"), "old": OLD})
    (stale,) = world.stale(world.request(delete=True))
    name = ImageName.parse(f"{world.destination.host}/x/app:old")
    assert stale == Stale(name, OLD.digest)


def test_finding_it_changes_nothing(world: World) -> None:
    world.hold("1")
    world.keep("x/app", old=OLD)
    going(world)
    assert set(world.destination.counts()) <= {"GET", "HEAD"}


def test_where_nothing_is_to_go_one_question_is_enough(world: World) -> None:
    world.hold("1")
    world.keep("x/app", **{"1": OLD})
    assert going(world) == {}
    assert len(world.destination.seen) == 1


def test_a_tag_that_the_rules_would_not_copy_stays(world: World) -> None:
    world.hold("v1")
    world.keep("x/app", v1=single_image(), v0=OLD, own=single_image(seed="own"))
    assert going(world, tags=TagFilter((TagPattern("^v"),))) == {"v0": ""}


def test_a_tag_that_the_source_has_stays_although_it_is_not_copied(world: World) -> None:
    world.hold("v1", "rc")
    world.keep("x/app", rc=OLD)
    assert going(world, tags=TagFilter(exclude=(TagPattern("rc"),))) == {}


def test_with_a_suffix_only_tags_that_have_it_may_go(world: World) -> None:
    world.hold("1")
    world.keep("x/app", old=OLD, old_m=single_image(seed="m"), **{"1_m": single_image()})
    assert going(world, suffix="-m") == {"old-m": ""}


def test_a_tag_stays_whose_manifest_another_tag_needs(world: World) -> None:
    world.hold("1")
    world.keep("x/app", **{"1": OLD, "old": OLD})
    assert going(world) == {"old": "1"}


def test_a_tag_stays_whose_manifest_an_index_needs(world: World) -> None:
    index = multi_platform_image()
    world.hold("1")
    world.keep("x/app", **{"1": index})
    world.destination.manifests["x/app", "1-amd64"] = index.children[0]
    assert going(world) == {"1-amd64": "1"}


@pytest.mark.parametrize(("subject", "needed_by"), [(OLD, "1"), (single_image(seed="?"), "")])
def test_the_signature_of_an_image_stays_with_it(
    world: World, subject: object, needed_by: str
) -> None:
    world.hold("1")
    world.keep("x/app", **{"1": OLD})
    digest = getattr(subject, "digest", OLD.digest)
    tag = f"sha256-{digest.hex}.sig"
    world.destination.manifests["x/app", tag] = single_image(seed="signature").top
    assert going(world) == {tag: needed_by}


def test_nothing_is_to_go_where_something_cannot_be_read(world: World) -> None:
    world.hold("1")
    world.keep("x/app", old=OLD, **{"1": single_image(seed="1")})
    world.destination.on("HEAD", "manifests/1$", refuse(403), forever=True)
    with pytest.raises(NotFound, match="was listed, and is not shown"):
        going(world)
    world.destination.on("GET", "manifests", refuse(500), forever=True)
    with pytest.raises(RegcopyError):
        going(world)


def test_repositories_that_are_copied_by_single_tags_lose_nothing(
    world: World, tmp_path: Path
) -> None:
    path = tmp_path / "sync.yaml"
    path.write_text(f"{world.source.host}:\n  images: {{team/app: ['1']}}\n")
    world.keep("x/app", old=OLD)
    assert going(world, str(path), source_kind="yaml") == {}


def test_a_tag_of_one_source_is_not_taken_for_a_stale_one_of_another(
    world: World, tmp_path: Path
) -> None:
    world.hold("1", repository="a/app")
    world.hold("2", repository="b/app")
    world.keep("x/app", **{"1": OLD, "2": single_image(), "3": single_image(seed="3")})
    path = tmp_path / "sync.yaml"
    path.write_text(f"{world.source.host}:\n  images: {{a/app: [], b/app: []}}\n")
    assert going(world, str(path), source_kind="yaml") == {"3": ""}


def test_what_is_copied_by_itself_into_the_same_repository_stays(
    world: World, tmp_path: Path
) -> None:
    world.hold("1", repository="a/app")
    world.keep("x/app", **{"1": single_image(), "9": single_image(seed="9"), "old": OLD})
    path = tmp_path / "sync.yaml"
    path.write_text(f"{world.source.host}:\n  images: {{a/app: [], b/app: ['9']}}\n")
    assert going(world, str(path), source_kind="yaml") == {"old": ""}


def test_a_tag_stays_whose_manifest_is_copied_by_its_digest(world: World, tmp_path: Path) -> None:
    world.hold("1", repository="a/app")
    world.keep("x/app", **{"1": single_image(), "old": OLD})
    path = tmp_path / "sync.yaml"
    path.write_text(f"{world.source.host}:\n  images: {{a/app: [], b/app: ['{OLD.digest}']}}\n")
    assert going(world, str(path), source_kind="yaml") == {"old": str(OLD.digest)}


def test_deleting_a_tag_deletes_its_manifest_by_digest(world: World) -> None:
    world.hold("1")
    world.keep("x/app", old=OLD)
    request: SyncRequest = world.request(delete=True)
    (stale,) = world.stale(request)
    world.delete(stale, request)
    (deleted,) = world.destination.asked("DELETE")
    assert deleted.path == f"/v2/x/app/manifests/{OLD.digest}"
    world.delete(stale, request)  # that it is gone already is no error
