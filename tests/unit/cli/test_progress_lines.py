from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from regcopy.cli.progress_lines import Lines, LinesAndHeartbeat
from regcopy.cli.pulse import beating
from regcopy.copying.result import CopyResult
from regcopy.events import (
    BlobDone,
    BlobStarted,
    CopyStarted,
    Event,
    ManifestWritten,
    PlannedImage,
    Retrying,
    Role,
)
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from tests.command_line import Screens, make_screens


def digest(name: str) -> Digest:
    return Digest.of(name.encode())


def started(name: str, role: Role = "layer") -> BlobStarted:
    return BlobStarted(Descriptor("application/octet-stream", digest(name), 1), role)


def done(name: str) -> BlobDone:
    return BlobDone(started(name).blob, "layer", "copied")


def planned(name: str, *layers: str, config: str = "") -> PlannedImage:
    return PlannedImage(
        digest(name), tuple(map(digest, layers)), digest(config) if config else None
    )


def index_of(*images: PlannedImage, listed: int = 0) -> CopyStarted:
    return CopyStarted(len(images), listed or len(images), True, 9, 9, images)


ONE = CopyStarted(1, 1, False, 3, 3, (planned("image", "a", "b", config="c"),))


def lines_of(*events: Event) -> list[str]:
    """Lines, with names in the place of digests."""
    written: list[str] = []
    lines = Lines(written.append)
    for event in events:
        lines.notify(event)
    names = ("image", "i1", "i2", "i3", "a", "b", "c", "d", "e", "shared")
    for name in names:
        written = [line.replace(str(digest(name)), name) for line in written]
    return written


def test_the_lines_of_one_image_are_skopeos() -> None:
    assert lines_of(
        ONE, started("a"), started("b"), started("c", "config"), ManifestWritten(digest("m"), True)
    ) == [
        "Getting image source signatures",
        "Copying blob a",
        "Copying blob b",
        "Copying config c",
        "Writing manifest to image destination",
    ]


def test_signatures_that_travel_are_told_as_skopeo_tells_them() -> None:
    one = replace(ONE, signed=frozenset({digest("image")}))
    told = lines_of(one, started("a"), ManifestWritten(digest("m"), True, 1))
    assert told == [
        "Getting image source signatures",
        "Checking if image destination supports signatures",
        "Copying blob a",
        "Writing manifest to image destination",
        "Storing signatures",
    ]


def test_a_config_that_is_made_anew_is_told_before_the_manifest() -> None:
    image = CopyStarted(1, 1, False, 3, 3, (planned("image", "a"),))
    told = lines_of(image, started("a"), ManifestWritten(digest("m"), True, config=digest("c")))
    assert told[1:] == [
        "Copying blob a",
        "Copying config c",
        "Writing manifest to image destination",
    ]


def test_each_signature_that_is_made_is_told() -> None:
    alone = lines_of(ONE, ManifestWritten(digest("m"), True, 1, ("simple",)))
    assert alone[1:] == [
        "Writing manifest to image destination",
        "Creating signature: Signing image using simple signing",
        "Storing signatures",
    ]
    both = lines_of(ONE, ManifestWritten(digest("m"), True, 2, ("simple", "sigstore")))
    assert both[2:4] == [
        "Creating signature 1: Signing image using simple signing",
        "Creating signature 2: Signing image using a sigstore signature",
    ]


def test_signatures_of_an_index_and_of_its_images_are_told_apart() -> None:
    images = (planned("i1", "a"), planned("i2", "b"))
    index = replace(index_of(*images), signed=frozenset({digest("top"), digest("i2")}))
    told = lines_of(index, started("a"), started("b"), ManifestWritten(digest("m"), True, 1))
    checks = [number for number, line in enumerate(told) if line.startswith("Checking if image")]
    assert [told[number] for number in checks] == [
        "Checking if image list destination supports signatures",
        "Checking if image destination supports signatures",
    ]
    assert told[checks[1] - 2] == "Copying image i2 (2/2)"


def test_layers_are_told_in_the_order_in_which_they_start() -> None:
    assert lines_of(ONE, started("b"), started("a"))[1:] == ["Copying blob b", "Copying blob a"]


def test_the_config_comes_after_all_layers_also_where_it_starts_first() -> None:
    early = lines_of(ONE, started("c", "config"), started("a"))
    assert early[1:] == ["Copying blob a"]
    assert lines_of(ONE, started("c", "config"), started("a"), started("b"))[1:] == [
        "Copying blob a",
        "Copying blob b",
        "Copying config c",
    ]


def test_an_index_is_told_image_by_image() -> None:
    events: tuple[Event, ...] = (
        index_of(planned("i1", "a", config="b"), planned("i2", "c", config="d")),
        *(started("a"), started("b", "config"), started("c"), started("d", "config")),
        *(ManifestWritten(digest(name), False) for name in ("i1", "i2")),
        ManifestWritten(digest("index"), True),
    )
    assert lines_of(*events) == [
        "Getting image list signatures",
        "Copying 2 images generated from 2 images in list",
        "Copying image i1 (1/2)",
        "Getting image source signatures",
        "Copying blob a",
        "Copying config b",
        "Copying image i2 (2/2)",
        "Getting image source signatures",
        "Copying blob c",
        "Copying config d",
        "Writing manifest to image destination",
        "Writing manifest to image destination",
        "Writing manifest list to image destination",
        "Storing list signatures",
    ]


def test_blobs_of_a_later_image_wait_for_their_turn() -> None:
    index = index_of(planned("i1", "a", "b"), planned("i2", "c"))
    early = (index, started("c"), started("a"))
    assert lines_of(*early)[2:] == [
        "Copying image i1 (1/2)",
        "Getting image source signatures",
        "Copying blob a",
    ]
    assert lines_of(*early, started("b"))[5:] == [
        "Copying blob b",
        "Copying image i2 (2/2)",
        "Getting image source signatures",
        "Copying blob c",
    ]


def test_a_shared_blob_has_a_line_in_each_of_its_images() -> None:
    index = index_of(planned("i1", "shared"), planned("i2", "shared", "a"))
    lines = lines_of(index, started("shared"), started("a"))
    assert lines.count("Copying blob shared") == 2


def test_an_image_is_not_announced_before_one_of_its_blobs_is_under_way() -> None:
    index = index_of(planned("i1", "a"), planned("i2", "b"))
    assert "Copying image i2 (2/2)" not in lines_of(index, started("a"))


def test_an_index_alone_has_no_images() -> None:
    assert lines_of(index_of(listed=4), ManifestWritten(digest("index"), True)) == [
        "Getting image list signatures",
        "Copying 0 images generated from 4 images in list",
        "Writing manifest list to image destination",
        "Storing list signatures",
    ]


def test_without_a_plan_blobs_are_told_as_they_start() -> None:
    events = (CopyStarted(1, 1, False, 2, 2), started("a", "blob"), started("b", "config"))
    assert lines_of(*events)[1:] == ["Copying blob a", "Copying config b"]


@pytest.fixture
def screens() -> Screens:
    return make_screens()


Follow = Callable[..., None]


@pytest.fixture
def follow(screens: Screens) -> Follow:
    """Show some events, on standard error where the image takes standard output."""

    def show(*events: Event, to_stderr: bool = False) -> None:
        with beating(LinesAndHeartbeat(screens.console, to_stderr=to_stderr)) as progress:
            for event in events:
                progress.notify(event)
            progress.finish(CopyResult(digest("m"), digest("m"), ()))

    return show


def test_lines_go_to_standard_output(screens: Screens, follow: Follow) -> None:
    follow(ONE)
    assert screens.out.text == "Getting image source signatures\n"
    assert screens.err.text == ""


def test_lines_go_to_standard_error_where_the_image_takes_standard_output(
    screens: Screens, follow: Follow
) -> None:
    follow(ONE, to_stderr=True)
    assert screens.err.text == "Getting image source signatures\n"
    assert screens.out.text == ""


def test_a_repeated_request_is_a_warning(screens: Screens, follow: Follow) -> None:
    follow(Retrying("reset\x1b", 2, 5, 1.25))
    assert "level=warning" in screens.err.text
    assert r"attempt 2 of 5 failed: reset\x1b; trying again in 1.2 s" in screens.err.text


def test_a_copy_goes_on_where_nobody_reads_its_lines(
    screens: Screens, follow: Follow, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def broken(text: str) -> None:
        asked.append(text)
        raise BrokenPipeError

    monkeypatch.setattr(screens.console, "out", broken)
    follow(ONE, started("a"), done("a"))
    assert asked == ["Getting image source signatures\n"]
