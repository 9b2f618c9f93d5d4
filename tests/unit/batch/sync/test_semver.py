"""Versions and constraints, by the tables of the library that skopeo uses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regcopy.batch.sync.semver import Constraint, Version
from regcopy.errors import UsageError


@pytest.mark.parametrize(
    ("tag", "version"),
    [
        ("1.2.3", Version(1, 2, 3)),
        ("v1.2.3", Version(1, 2, 3)),
        ("1", Version(1)),
        ("1.2", Version(1, 2)),
        ("1.2.3-beta.1", Version(1, 2, 3, "beta.1")),
        ("1.2-5", Version(1, 2, 0, "5")),
        ("1.2.3+meta", Version(1, 2, 3)),
        ("01.02.3", Version(1, 2, 3)),
        ("18446744073709551616.0.0", None),
        ("1.2.3-01", None),
        ("1.2.3.4", None),
        ("1.2.x", None),
        ("latest", None),
        ("V1.2", None),
        ("1.2_3", None),
        ("", None),
        ("1" * 2000, None),
    ],
)
def test_a_tag_is_a_version_or_none(tag: str, version: Version | None) -> None:
    assert Version.parse(tag) == version


def test_the_order_of_versions() -> None:
    # semver.org, items 11.3 and 11.4
    texts = ["1.0.0-1", "1.0.0-10", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta"]
    texts += ["1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "1.0.1"]
    texts += ["1.1.0", "1.10.0", "2.0.0", "10.0.0"]
    versions = [Version.parse(text) for text in texts]
    assert sorted(version for version in reversed(versions) if version) == versions


@pytest.mark.parametrize(
    ("constraint", "allowed", "others"),
    [
        ("", ["1.2.3", "0.0.1"], ["1.2.3-beta", "latest"]),
        ("*", ["1", "4.5.6"], ["1.2.3-alpha.1"]),
        ("=2.0.0", ["2.0.0", "v2", "2.0.0+x"], ["2.0.1", "1.2.3"]),
        ("2.0", ["2.0.0", "2.0.1"], ["2.1.0"]),
        ("4.1.x", ["4.1.3"], ["4.2.0", "4.1.0-rc"]),
        ("1.x", ["1.4", "1.0.0"], ["2.0", "0.9"]),
        ("1.X.*", ["1.4"], ["2.0"]),
        ("!=4.1", ["5.1.0", "4.2.0"], ["4.1.0", "4.1.9"]),
        ("!=4.x", ["5.1.0"], ["4.1.0", "5.0.0-rc"]),
        ("!=1.2.3", ["1.2.4", "1.2.4-beta"], ["1.2.3"]),
        ("!=*", ["1.0.0", "0.1.0"], ["0.0.0"]),
        (">1.1", ["4.1.0", "1.2.0"], ["1.1.0", "1.1.5"]),
        (">11", ["12.0.0"], ["11.1.0", "11.0.0"]),
        (">1.1.0", ["1.1.1"], ["1.1.0"]),
        (">*", ["0.0.1", "3.0.0"], ["0.0.0"]),
        ("<1.1", ["0.1.0", "1.0.9"], ["1.1.0", "1.1.1"]),
        ("<1.x", ["0.1.1"], ["1.1.1", "2.0.0"]),
        (">=1.1", ["4.1.0", "1.1.0"], ["0.0.9"]),
        ("=>1.1", ["1.1.0"], ["1.0.9"]),
        ("<=1.1", ["0.1.0", "1.1.0", "1.1.1"], ["1.2.0"]),
        ("<=2.x", ["2.9.9"], ["3.0.0"]),
        ("=<1.1.0", ["1.1.0"], ["1.1.1"]),
        (">= 3.12.0", ["3.12.0", "4.0.0"], ["3.11.9", "3.13.0-rc1"]),
        (">=1.1, <2, !=1.2.3", ["1.1.1", "1.2.4"], ["1.2.3", "2.0.0"]),
        (">=1.1 <2", ["1.5"], ["2.0"]),
        ("<1 || >3", ["0.5", "4.0"], ["2.0", "3.5"]),
        ("1.1 - 2", ["1.1.1", "2.3.4"], ["3.0.0", "1.0.9"]),
        ("1.1.1 - 2.0 || 4", ["1.1.1", "4.5"], ["1.1.0", "3.0"]),
        ("^1.1", ["1.1.1", "1.9"], ["2.0.0", "1.0.9"]),
        ("^1.x", ["1.1.1"], ["2.1.1", "1.1.1-beta1"]),
        ("^0.2.3", ["0.2.3", "0.2.9"], ["0.3.0", "0.2.2"]),
        ("^0.2", ["0.2.0", "0.2.9"], ["0.3.0"]),
        ("^0.0.3", ["0.0.3"], ["0.0.4", "0.1.3"]),
        ("^0.0", ["0.0.9"], ["0.1.0", "1.0.0"]),
        ("^0", ["0.9.9"], ["1.0.0"]),
        ("^1.1.2-alpha", ["1.2.1-beta.1", "1.1.2"], ["1.1.2-aaa", "2.0.0"]),
        ("~1.2.3", ["1.2.3", "1.2.9"], ["1.3.0", "1.2.2"]),
        ("~1.2", ["1.2.0", "1.2.9"], ["1.3.0"]),
        ("~>1", ["1.9.9"], ["2.0.0"]),
        ("~*", ["2.1.1"], ["1.0.0-rc"]),
        ("~0.0.0", ["1.5.0"], []),
        (">=1.2.3-0", ["1.2.3-beta", "1.3.0-rc"], ["1.2.2"]),
    ],
)
def test_what_a_constraint_allows(constraint: str, allowed: list[str], others: list[str]) -> None:
    parsed = Constraint.parse(constraint)
    assert [tag for tag in (*allowed, *others) if parsed.allows(tag)] == allowed


@pytest.mark.parametrize(
    "text",
    [
        "foo",
        ">=1<2",
        "1..2",
        "|| 1",
        "1 ||",
        "~>",
        "1.2.3.4",
        "^",
        ">=1.2-01",
        " ",
        "1,,2",
        "9" * 2000,
    ],
)
def test_what_is_no_constraint_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="improper constraint"):
        Constraint.parse(text)


@given(st.text(alphabet="01.xv*<>=!~^|, -a", max_size=30), st.text("012.-av", max_size=10))
def test_any_text_is_a_constraint_or_refused(text: str, tag: str) -> None:
    try:
        constraint = Constraint.parse(text)
    except UsageError:
        return
    assert constraint.allows(tag) in (True, False)
