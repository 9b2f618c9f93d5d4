"""Lists that are divided among machines."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regcopy.batch import (
    Estimate,
    Line,
    Part,
    Shard,
    SharedPlan,
    parse_list,
    part_by_hash,
    split_by_bytes,
)
from regcopy.config.environment import Environment
from regcopy.errors import ContentError, UsageError
from regcopy.model.digest import Digest

MIB = 1024 * 1024


def blob(name: str) -> Digest:
    return Digest.of(name.encode())


def estimates(images: Sequence[dict[str, int]]) -> list[Estimate]:
    return [
        Estimate(
            Line(number, f"oci:in:{number}", f"oci:out:{number}"),
            {blob(name): size for name, size in image.items()},
        )
        for number, image in enumerate(images, 1)
    ]


def numbers(parts: Sequence[Part]) -> list[list[int]]:
    return [[line.number for line in part.lines] for part in parts]


IMAGES = st.lists(
    st.dictionaries(st.sampled_from("abcdefghij"), st.integers(0, 50 * MIB), max_size=4),
    max_size=25,
)


@given(IMAGES, st.integers(1, 9))
def test_parts_are_disjoint_complete_and_the_same_every_time(
    images: list[dict[str, int]], count: int
) -> None:
    parts = split_by_bytes(estimates(images), count)
    found = [number for part in numbers(parts) for number in part]
    assert sorted(found) == list(range(1, len(images) + 1))
    assert parts == split_by_bytes(estimates(images), count)
    assert [str(part.shard) for part in parts] == [f"{n}/{count}" for n in range(1, count + 1)]


@given(IMAGES, st.integers(1, 9))
def test_a_part_has_the_bytes_of_its_blobs_each_counted_once(
    images: list[dict[str, int]], count: int
) -> None:
    sized = {name: size for image in images for name, size in image.items()}
    same = [{name: sized[name] for name in image} for image in images]
    for part in split_by_bytes(estimates(same), count):
        blobs = {name for line in part.lines for name in same[line.number - 1]}
        assert part.total_bytes == sum(sized[name] for name in blobs)


def test_images_that_share_layers_stay_together() -> None:
    images = [{f"base-{n % 4}": 100 * MIB, f"own-{n}": MIB} for n in range(40)]
    parts = split_by_bytes(estimates(images), 4)
    assert all(len({number % 4 for number in part}) == 1 for part in numbers(parts))


def test_one_large_family_is_divided_evenly() -> None:
    images = [{"base": 100 * MIB, f"own-{n}": 20 * MIB} for n in range(80)]
    sizes = [part.total_bytes for part in split_by_bytes(estimates(images), 8)]
    assert max(sizes) <= 1.25 * min(sizes)


def test_images_of_all_sizes_are_divided_evenly_by_bytes() -> None:
    images = [{f"own-{n}": (n % 37) * 10 * MIB} for n in range(400)]
    sizes = [part.total_bytes for part in split_by_bytes(estimates(images), 8)]
    assert max(sizes) <= 1.15 * min(sizes)


def test_images_of_no_size_are_divided_evenly_by_number() -> None:
    lengths = [len(part) for part in numbers(split_by_bytes(estimates([{}] * 80), 8))]
    assert max(lengths) - min(lengths) <= 2


def test_more_parts_than_lines_leave_some_empty() -> None:
    assert sorted(numbers(split_by_bytes(estimates([{"a": 1}]), 3))) == [[], [], [1]]


def test_parts_by_hash_are_disjoint_and_complete() -> None:
    lines = parse_list(f"oci:in:{n} oci:out:{n}" for n in range(500))
    parts = [part_by_hash(lines, Shard(number, 7)) for number in range(1, 8)]
    assert sorted(line.number for part in parts for line in part) == list(range(1, 501))
    assert all(len(part) > 40 for part in parts)


def test_the_hash_of_a_line_does_not_depend_on_other_lines() -> None:
    lines = parse_list(f"oci:in:{n} oci:out:{n}" for n in range(50))
    names = {str(line) for line in part_by_hash(lines, Shard(2, 3))}
    fewer = parse_list(str(line) for line in lines[10:])
    assert {str(line) for line in part_by_hash(fewer, Shard(2, 3))} <= names


@pytest.mark.parametrize(
    ("text", "variables", "shown"),
    [
        ("1/1", {}, "1/1"),
        ("3/8", {"JOB_COMPLETION_INDEX": "0"}, "3/8"),
        ("auto/8", {"JOB_COMPLETION_INDEX": "0"}, "1/8"),
        ("auto/8", {"JOB_COMPLETION_INDEX": "7"}, "8/8"),
    ],
)
def test_a_part_is_named_by_number_or_by_the_jobs_index(
    text: str, variables: dict[str, str], shown: str
) -> None:
    assert str(Shard.parse(text, Environment(variables))) == shown


@pytest.mark.parametrize(
    ("text", "variables"),
    [
        ("", {}),
        ("3", {}),
        ("0/8", {}),
        ("9/8", {}),
        ("1/0", {}),
        ("-1/8", {}),
        ("1/8/2", {}),
        ("1/20000", {}),
        ("auto/8", {}),
        ("auto/8", {"JOB_COMPLETION_INDEX": "x"}),
        ("auto/8", {"JOB_COMPLETION_INDEX": "8"}),
    ],
)
def test_parts_that_are_not_there_are_refused(text: str, variables: dict[str, str]) -> None:
    with pytest.raises(UsageError):
        Shard.parse(text, Environment(variables))


def plan_of(lines: Sequence[Line], count: int) -> SharedPlan:
    parts = split_by_bytes([Estimate(line, {blob(str(line)): 5}) for line in lines], count)
    return SharedPlan.of(lines, parts)


def read_plan(document: object) -> SharedPlan:
    return SharedPlan.read(io.BytesIO(json.dumps(document).encode()))


def test_a_plan_survives_its_file() -> None:
    lines = parse_list(f"oci:in:{n} oci:out:{n}" for n in range(20))
    plan = read_plan(plan_of(lines, 3).to_json())
    found = [plan.lines_of(lines, Shard(number, 3)) for number in (1, 2, 3)]
    assert sorted(line.number for part in found for line in part) == list(range(1, 21))
    assert plan.to_json()["bytes"] == 100


def test_a_plan_is_for_one_list() -> None:
    lines = parse_list(["oci:a:1 oci:b:1", "oci:a:2 oci:b:2"])
    plan = plan_of(lines, 2)
    with pytest.raises(UsageError, match="another list"):
        plan.lines_of(lines[:1], Shard(1, 2))
    with pytest.raises(UsageError, match="the plan has 2 parts, and not 3"):
        plan.lines_of(lines, Shard(1, 3))


@pytest.mark.parametrize(
    "document",
    [
        [],
        {},
        {"list": "x"},
        {"list": "x", "parts": [1]},
        {"list": "x", "parts": [{"lines": [1]}]},
        {"list": "x", "parts": [{"lines": ["1"], "bytes": 1}]},
    ],
)
def test_what_is_no_plan_is_refused(document: object) -> None:
    with pytest.raises(ContentError, match="is no plan"):
        read_plan(document)
