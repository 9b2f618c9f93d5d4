"""Which signed names are the image's."""

from __future__ import annotations

import pytest

from regcopy.model.reference import ImageName
from regcopy.trust.identity import (
    ExactReference,
    ExactRepository,
    IdentityMatch,
    MatchExact,
    MatchRepoDigestOrExact,
    MatchRepository,
    RemapIdentity,
    accepts_identity,
)

DIGEST = "sha256:" + "a" * 64
TAGGED, DIGESTED = "example.com/team/app:1", f"example.com/team/app@{DIGEST}"
REPOSITORY, OTHER_TAG = "example.com/team/app", "example.com/team/app:2"
OTHER = "example.com/team/other:1"


def accepts(match: IdentityMatch, image: str, signed: str) -> bool:
    return accepts_identity(match, ImageName.parse(image) if image else None, signed)


@pytest.mark.parametrize(
    ("match", "image", "good"),
    [
        (MatchExact(), TAGGED, {TAGGED}),
        (MatchExact(), DIGESTED, {DIGESTED}),
        (MatchRepoDigestOrExact(), TAGGED, {TAGGED}),
        (MatchRepoDigestOrExact(), DIGESTED, {TAGGED, OTHER_TAG, DIGESTED}),
        (MatchRepository(), TAGGED, {TAGGED, OTHER_TAG, DIGESTED, REPOSITORY}),
        (MatchRepository(), DIGESTED, {TAGGED, OTHER_TAG, DIGESTED, REPOSITORY}),
        (ExactReference(ImageName.parse(TAGGED)), OTHER, {TAGGED}),
        (ExactReference(ImageName.parse(TAGGED)), "", {TAGGED}),
        (
            ExactRepository(ImageName.parse(REPOSITORY)),
            "",
            {TAGGED, OTHER_TAG, DIGESTED, REPOSITORY},
        ),
        # Without a name of the image nothing can be like it.
        (MatchExact(), "", set()),
        (MatchRepoDigestOrExact(), "", set()),
        (MatchRepository(), "", set()),
        (RemapIdentity("a", "b"), "", set()),
    ],
)
def test_a_match(match: IdentityMatch, image: str, good: set[str]) -> None:
    names = (TAGGED, OTHER_TAG, DIGESTED, REPOSITORY, OTHER, "", "UPPER", "a b")
    assert {name for name in names if accepts(match, image, name)} == good


def test_the_short_and_the_full_form_of_a_name_are_one() -> None:
    assert accepts(MatchExact(), "docker.io/library/app:1", "app:1")


@pytest.mark.parametrize(
    ("prefix", "signed_prefix", "image", "signed", "good"),
    [
        ("m:5000/v", "v.example.com", "m:5000/v/a/b:1", "v.example.com/a/b:1", True),
        ("m:5000/v", "v.example.com", "m:5000/v/a/b:1", "m:5000/v/a/b:1", False),
        ("m:5000/v", "v.example.com", "m:5000/v/a/b:1", "v.example.com/a/b:2", False),
        ("m:5000/v", "v.example.com", f"m:5000/v/a@{DIGEST}", "v.example.com/a:7", True),
        ("m:5000", "v.example.com", "m:5000/a:1", "v.example.com/a:1", True),
        ("m:5000/a", "docker.io/library/b", "m:5000/a:1", "b:1", True),
        # A prefix ends where a part of the name ends.
        ("m:5000/v", "v.example.com", "m:5000/vv/a:1", "m:5000/vv/a:1", True),
        ("m:5000/v", "v.example.com", "m:5000/vv/a:1", "v.example.com/v/a:1", False),
        ("m:5000/other", "v.example.com", "m:5000/v/a:1", "m:5000/v/a:1", True),
        # What comes out must be a full name.
        ("m:5000/v", "v", "m:5000/v/a:1", "docker.io/v/a:1", False),
    ],
)
def test_a_remapped_name(
    prefix: str, signed_prefix: str, image: str, signed: str, good: bool
) -> None:
    assert accepts(RemapIdentity(prefix, signed_prefix), image, signed) is good
