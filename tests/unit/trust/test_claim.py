"""What a payload says; the broken forms are in the matrix of signatures."""

from __future__ import annotations

from regcopy.model.digest import Digest
from regcopy.trust.claim import Claim, parse_claim

CLAIM = Claim(Digest.of(b"manifest"), "example.com/app:1")


def test_what_is_written_is_read_again() -> None:
    for kind in ("simple", "sigstore"):
        assert parse_claim(CLAIM.to_bytes(kind, creator="c", timestamp=1), kind) == CLAIM


def test_the_bytes_are_those_of_containers_image() -> None:
    written = CLAIM.to_bytes("simple", creator="someone 1.0", timestamp=1_700_000_000)
    assert written == (
        b'{"critical":{"identity":{"docker-reference":"example.com/app:1"},"image":'
        b'{"docker-manifest-digest":"' + str(CLAIM.digest).encode() + b'"},"type":'
        b'"atomic container signature"},"optional":{"creator":"someone 1.0",'
        b'"timestamp":1700000000}}'
    )


def test_a_time_may_be_written_with_a_point_where_it_is_whole() -> None:
    content = CLAIM.to_bytes("simple", creator="c", timestamp=5).replace(b":5}", b":5.0}")
    assert parse_claim(content, "simple") == CLAIM
