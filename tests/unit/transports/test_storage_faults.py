"""Crashes, full disks and failing calls, at every place of a write (after ALICE, OSDI 2014)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from regcopy.errors import NotFound, StorageFailed
from regcopy.model.digest import Digest
from regcopy.testing.samples import SampleImage, multi_platform_image, single_image
from regcopy.transports import parse_reference
from regcopy.transports.abilities import DeletesImages
from regcopy.transports.base import ImageReference
from tests.contexts import make_context
from tests.hand_copy import read_image, write_image
from tests.storage_watch import StorageWatch, contents, fail_call

OLD = single_image(seed="old", layers=2)
NEW = multi_platform_image(seed="new", layers=1)

Place = Callable[[Path], ImageReference]
PLACES: dict[str, Place] = {
    "oci": lambda path: parse_reference(f"oci:{path}/new/layout:v1"),
    "dir": lambda path: parse_reference(f"dir:{path}/new/image"),
}


@pytest.fixture(params=PLACES)
def reference(request: pytest.FixtureRequest, tmp_path: Path) -> ImageReference:
    """An image in a place that does not exist."""
    return PLACES[request.param](tmp_path)


def state(reference: ImageReference) -> Digest | None:
    """Read all of an image, every byte verified; None where there is none."""
    try:
        reference.open_source(make_context()).close()
    except NotFound:
        return None
    return read_image(reference).digest  # a named image that is not whole is an error


def count_calls(reference: ImageReference, image: SampleImage) -> int:
    """Write an image, and count the calls that this takes."""
    with pytest.MonkeyPatch.context() as patch:
        watch = StorageWatch(patch)
        write_image(image, reference)
        return watch.count


@pytest.mark.parametrize("old", [None, OLD])
def test_a_stop_after_any_call_leaves_the_old_image_or_the_new_one(
    reference: ImageReference, monkeypatch: pytest.MonkeyPatch, old: SampleImage | None
) -> None:
    if old is not None:
        write_image(old, reference)
    states: list[Digest | None] = []
    StorageWatch(monkeypatch, after=lambda: states.append(state(reference)))

    write_image(NEW, reference)

    before = None if old is None else old.digest
    switched = states.index(NEW.digest)
    assert switched > 5
    assert states == [before] * switched + [NEW.digest] * (len(states) - switched)


def test_names_are_only_given_to_what_is_synced(
    reference: ImageReference, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = StorageWatch(monkeypatch)

    write_image(OLD, reference)
    write_image(NEW, reference)

    assert watch.faults == []
    assert watch.count > 50


@pytest.mark.parametrize("old", [None, OLD])
def test_a_fault_of_any_call_leaves_the_old_image_or_the_new_one(
    tmp_path: Path, reference: ImageReference, old: SampleImage | None
) -> None:
    for number in range(count_calls(reference, NEW)):
        place = tmp_path / str(number)
        target = PLACES[reference.transport](place)
        if old is not None:
            write_image(old, target)
        before = contents(place)

        with pytest.MonkeyPatch.context() as patch:
            StorageWatch(patch, before=fail_call(number))
            failed = fails(target)

        if state(target) == NEW.digest:
            assert read_image(target) == NEW
        else:
            assert failed
            assert contents(place) == before
        assert not any(name.endswith(".tmp") for name in contents(place))


def fails(target: ImageReference) -> bool:
    """Write the new image, and tell whether that failed."""
    try:
        write_image(NEW, target)
    except StorageFailed:
        return True
    return False


def test_a_stop_while_deleting_leaves_other_images_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, deleted = PLACES["oci"](tmp_path), parse_reference(f"oci:{tmp_path}/new/layout:v2")
    assert isinstance(deleted, DeletesImages)
    write_image(OLD, kept)
    write_image(NEW, deleted)
    states: list[Digest | None] = []
    found: list[bool] = []

    def look() -> None:
        states.append(state(kept))
        found.append(b'"v2"' in (tmp_path / "new" / "layout" / "index.json").read_bytes())

    StorageWatch(monkeypatch, after=look)
    deleted.delete_image(make_context("destination"))

    assert set(states) == {OLD.digest}
    assert found == sorted(found, reverse=True)
    assert (found[0], found[-1]) == (True, False)
