"""Platforms: their text, and which others a machine can run."""

from __future__ import annotations

import os
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regcopy.errors import InvalidPlatform
from regcopy.model.platform import Platform
from tests.growth import TOO_FAST, growth


@pytest.mark.parametrize(
    ("text", "platform"),
    [
        ("linux/amd64", Platform("linux", "amd64")),
        ("linux/arm64/v8", Platform("linux", "arm64", "v8")),
        (" linux/s390x ", Platform("linux", "s390x")),
        ("Linux/X86_64", Platform("linux", "amd64")),
        ("linux/aarch64", Platform("linux", "arm64")),
    ],
)
def test_a_platform_is_parsed(text: str, platform: Platform) -> None:
    assert Platform.parse(text) == platform


@pytest.mark.parametrize(
    "text",
    ["", "linux", "/", "linux/", "/amd64", "linux/arm/v7/x", "linux//v7", "a b/c", "a/b\n/c"],
)
def test_what_is_no_platform_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(InvalidPlatform, match="invalid platform") as caught:
        Platform.parse(text)
    assert "linux/arm64/v8" in caught.value.hint


PARTS = st.from_regex(r"[a-z0-9]{1,10}", fullmatch=True)


@settings(deadline=None)
@given(PARTS, PARTS, PARTS | st.just(""))
def test_a_platform_prints_as_it_is_parsed(system: str, architecture: str, variant: str) -> None:
    platform = Platform.parse(str(Platform(system, architecture, variant)))

    assert Platform.parse(str(platform)) == platform


@pytest.mark.parametrize(
    ("wanted", "candidates"),
    [
        ("linux/amd64", ["linux/amd64"]),
        ("linux/amd64/v3", ["linux/amd64/v3", "linux/amd64"]),
        ("linux/arm64/v8", ["linux/arm64/v8", "linux/arm64"]),
        ("linux/arm64", ["linux/arm64", "linux/arm64/v8"]),
        ("linux/arm/v7", ["linux/arm/v7", "linux/arm/v6", "linux/arm/v5", "linux/arm"]),
        ("linux/arm/v9", ["linux/arm/v9", "linux/arm"]),
    ],
)
def test_a_machine_runs_its_variant_first_and_then_older_ones(
    wanted: str, candidates: list[str]
) -> None:
    assert [str(found) for found in Platform.parse(wanted).candidates()] == candidates


@pytest.mark.parametrize(
    ("machine", "platform"),
    [
        ("x86_64", "linux/amd64"),
        ("aarch64", "linux/arm64/v8"),
        ("armv7l", "linux/arm/v7"),
        ("s390x", "linux/s390x"),
        ("ppc64le", "linux/ppc64le"),
    ],
)
def test_this_machine_is_named_in_gos_words(
    machine: str, platform: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "uname", lambda: SimpleNamespace(machine=machine))
    monkeypatch.setattr("sys.platform", "linux")

    assert str(Platform.local()) == platform


@pytest.mark.parametrize("filler", ["/", "a", "a/", " "])
def test_a_long_text_is_refused_without_much_work(filler: str) -> None:
    def parse(text: str) -> None:
        with pytest.raises(InvalidPlatform):
            Platform.parse(text)

    assert growth(parse, lambda size: filler * (size // len(filler))) < TOO_FAST
