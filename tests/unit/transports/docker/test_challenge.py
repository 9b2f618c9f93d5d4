"""Challenges as registries write them, and as nobody should."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regcopy.transports.docker.challenge import Challenge, parse_challenges

BEARER = Challenge(
    "bearer",
    {"realm": "https://auth.docker.io/token", "service": "registry.docker.io"},
)
BEARER_TEXT = 'Bearer realm="https://auth.docker.io/token",service="registry.docker.io"'


@pytest.mark.parametrize(
    ("header", "challenges"),
    [
        ('Basic realm="Registry"', (Challenge("basic", {"realm": "Registry"}),)),
        ("Basic", (Challenge("basic", {}),)),
        ("BASIC REALM=x", (Challenge("basic", {"realm": "x"}),)),
        (BEARER_TEXT, (BEARER,)),
        (
            'Bearer realm = "https://auth.docker.io/token" ,  service=registry.docker.io',
            (BEARER,),
        ),
        (
            f'Basic realm="a", {BEARER_TEXT}, Negotiate',
            (Challenge("basic", {"realm": "a"}), BEARER, Challenge("negotiate", {})),
        ),
        (
            'Bearer scope="repository:a/b:pull,push"',
            (Challenge("bearer", {"scope": "repository:a/b:pull,push"}),),
        ),
        (r'Basic realm="say \"hi\", ok"', (Challenge("basic", {"realm": 'say "hi", ok'}),)),
        ('Basic realm="a", realm="b"', (Challenge("basic", {"realm": "a"}),)),
        (", ,Basic realm=a", (Challenge("basic", {"realm": "a"}),)),
        ('Basic realm="never ends', (Challenge("basic", {"realm": "never ends"}),)),
        ('Basic realm="ends in \\', (Challenge("basic", {"realm": "ends in "}),)),
        ("", ()),
        ('"quoted" Basic', ()),
        ("=", ()),
    ],
)
def test_challenges(header: str, challenges: tuple[Challenge, ...]) -> None:
    assert parse_challenges(header) == challenges


def test_a_huge_header_is_cut() -> None:
    (challenge,) = parse_challenges('Basic realm="' + "x" * 1_000_000)

    assert len(challenge.parameters["realm"]) < 17_000


@given(st.text(alphabet=' ,="\\abB\t\x00é'))
def test_no_text_is_too_strange(header: str) -> None:
    for challenge in parse_challenges(header):
        assert challenge.scheme == challenge.scheme.lower() != ""
