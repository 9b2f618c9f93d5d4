"""What is measured: each case is an image or a list, a place to copy it to, and a distance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from benchmarks import images, list_images

# What is at the destination before the copy:
# "new": nothing, the registry was started for this run;
# "again": the same image, copied by the same program a moment ago;
# "promotion": the source itself, and the copy goes to another repository of it.
Destination = Literal["new", "again", "promotion"]
Place = Literal["registry", "docker-archive", "oci", "dir"]

ROUND_TRIP: Final = 0.050


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of copy between registries.

    Attributes:
        name: for `--only`.
        title: for the table.
        push: puts the image into the source.
        destination: what is there before.
        round_trip: seconds between the program and both registries.
    """

    name: str
    title: str
    push: images.Push
    destination: Destination = "new"
    round_trip: float = 0.0


@dataclass(frozen=True, slots=True)
class FileCase:
    """A copy of the compressible image from or to a file or folder.

    Attributes:
        name: for `--only`.
        title: for the table.
    """

    name: str
    title: str
    source: Place
    destination: Place


@dataclass(frozen=True, slots=True)
class ListCase:
    """One kind of list.

    Attributes:
        name: for `--only`.
        title: for the table.
        push: puts the images into the source.
        is_there: all of them are at the destination before.
        round_trip: seconds between the program and both registries.
        most_runs: it takes peers minutes, so it is not run more often.
    """

    name: str
    title: str
    push: list_images.PushList
    is_there: bool = False
    round_trip: float = 0.0
    most_runs: int | None = None


AnyCase = Case | FileCase | ListCase

CASES: Final = (
    Case("small", "small: 4 layers × 1 MiB", images.small),
    Case("three-layers", "3 layers × 1 MiB", images.three_layers),
    Case("big", "big: 6 layers × 128 MiB", images.big),
    Case("platforms", "4 platforms, 12 layers × 1 MiB", images.four_platforms),
    Case("again", "3 layers, all there already", images.three_layers, "again"),
    Case(
        "promotion", "4 platforms, within one registry", images.four_platforms, "promotion"
    ),
    Case("small-far", "small, 50 ms round trip", images.small, round_trip=ROUND_TRIP),
    Case(
        "platforms-far",
        "4 platforms, 50 ms round trip",
        images.four_platforms,
        round_trip=ROUND_TRIP,
    ),
)  # fmt: skip

FILE_CASES: Final = (
    FileCase("to-archive", "registry → docker-archive", "registry", "docker-archive"),
    FileCase("from-archive", "docker-archive → registry", "docker-archive", "registry"),
    FileCase("to-oci", "registry → oci", "registry", "oci"),
    FileCase("to-dir", "registry → dir", "registry", "dir"),
)

LIST_CASES: Final = (
    ListCase("list", "60 images", list_images.sixty),
    ListCase(
        "list-far",
        "60 images, 50 ms round trip",
        list_images.sixty,
        round_trip=ROUND_TRIP,
        most_runs=1,
    ),
    ListCase(
        "list-again",
        "1,000 tags, all there already",
        list_images.thousand,
        is_there=True,
        most_runs=1,
    ),
)

START_UP: Final = "start-up"


def case_names() -> list[str]:
    """Names of all cases, start-up included, in the order of the tables."""
    return [*(case.name for case in (*CASES, *FILE_CASES, *LIST_CASES)), START_UP]
