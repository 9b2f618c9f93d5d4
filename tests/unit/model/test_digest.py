"""Digests: two algorithms, one spelling, and no way to hold an invalid one."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regcopy.errors import DigestMismatch, InvalidDigest
from regcopy.model.digest import Digest, new_hasher
from tests.growth import TOO_FAST, growth

HEX = "0123456789abcdef" * 4


@settings(deadline=None)
@given(st.binary(), st.sampled_from(["sha256", "sha512"]))
def test_a_digest_prints_as_it_is_parsed(content: bytes, algorithm: str) -> None:
    digest = Digest.of(content, algorithm)

    assert str(digest) == f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}"
    assert Digest.parse(str(digest)) == digest


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":",
        "sha256",
        "sha256:",
        HEX,
        f"sha256:{HEX[:-1]}",
        f"sha256:{HEX}0",
        f"sha256:{HEX.upper()}",
        f"SHA256:{HEX}",
        f"sha256: {HEX}",
        f" sha256:{HEX}",
        f"sha256:{HEX}\n",
        f"sha256:{HEX[:-1]}\n",
        f"sha256:{HEX[:-1]}g",
        f"sha256:{HEX[:-1]}٣",
        f"sha256:{HEX}:{HEX}",
        f"sha512:{HEX}",
        f"sha384:{HEX}{HEX[:32]}",
        f"md5:{HEX[:32]}",
        f"sha256+b64:{HEX}",
        "sha256:../../../../etc/passwd",
        f"sha256:../{HEX[3:]}",
        f"../sha256:{HEX}",
        f"sha256:{HEX[:32]}/{HEX[:31]}",
        f"sha256:{HEX[:-1]}\0",
    ],
)
def test_what_is_no_digest_is_refused(text: str) -> None:
    with pytest.raises(InvalidDigest, match="invalid digest"):
        Digest.parse(text)


@settings(deadline=None)
@given(st.text())
def test_any_text_is_a_digest_or_refused(text: str) -> None:
    try:
        digest = Digest.parse(text)
    except InvalidDigest:
        return
    assert str(digest) == text


def test_there_is_no_way_round_the_parser() -> None:
    with pytest.raises(InvalidDigest):
        Digest("sha256", "../../x")
    with pytest.raises(InvalidDigest):
        Digest("../x", HEX)


def test_a_refusal_is_one_short_line_however_long_the_text_is() -> None:
    with pytest.raises(InvalidDigest) as caught:
        Digest.parse("sha256:\x1b[2J\n" + "a" * 100_000)

    assert "\\x1b" in str(caught.value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300


def test_the_right_bytes_pass_and_others_do_not() -> None:
    digest = Digest.of(b"right")

    digest.check(b"right")
    with pytest.raises(DigestMismatch, match=f"expected digest {digest}") as caught:
        digest.check(b"wrong")
    assert (caught.value.expected, caught.value.actual) == (digest, Digest.of(b"wrong"))


def test_a_sha512_digest_checks_by_sha512() -> None:
    Digest.of(b"right", "sha512").check(b"right")


def test_an_unknown_algorithm_cannot_be_hashed_with() -> None:
    with pytest.raises(InvalidDigest, match='unknown digest algorithm "md5"'):
        new_hasher("md5")


@pytest.mark.parametrize("filler", ["a", ":", "sha256:", "٣"])
def test_a_long_text_is_refused_without_much_work(filler: str) -> None:
    def parse(text: str) -> None:
        with pytest.raises(InvalidDigest):
            Digest.parse(text)

    assert growth(parse, lambda size: "sha256:" + filler * (size // len(filler))) < TOO_FAST
