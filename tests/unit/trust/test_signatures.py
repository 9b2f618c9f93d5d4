"""Signatures as they are stored."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regcopy.errors import LimitExceeded, SignatureInvalid
from regcopy.trust.signatures import (
    MAX_SIGNATURE_BYTES,
    MAX_SIGNATURES,
    SigstoreSignature,
    SimpleSignature,
    limited,
    parse_all,
    parse_signature,
)

SIGSTORE = SigstoreSignature("a/type", b"\0payload", {"b": "2", "a": "1"})


def test_a_sigstore_signature_is_written_as_containers_image_does() -> None:
    assert SIGSTORE.to_bytes() == (
        b'\0sigstore-json\n{"mimeType":"a/type","payload":"AHBheWxvYWQ=",'
        b'"annotations":{"a":"1","b":"2"}}'
    )
    assert parse_signature(SIGSTORE.to_bytes()) == SIGSTORE


@pytest.mark.parametrize("first", [0xA3, 0xC8, 0x90, 0xC4, 0x88, 0xC2])
def test_an_openpgp_message_is_a_simple_signature(first: int) -> None:
    content = bytes([first, 1, 2])
    signature = parse_signature(content)
    assert signature == SimpleSignature(content)
    assert signature.to_bytes() == content


def test_a_simple_signature_may_have_a_header() -> None:
    assert parse_signature(b"\0simple-signing\n\xa3x") == SimpleSignature(b"\xa3x")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"-----BEGIN PGP MESSAGE-----",
        b"\x99public key",
        b"\0",
        b"\0unknown-format\n{}",
        b"\0sigstore-json",
        b"\0sigstore-json\n",
        b"\0sigstore-json\n[]",
        b'\0sigstore-json\n{"payload":"!"}',
        b'\0sigstore-json\n{"payload":1}',
        b'\0sigstore-json\n{"annotations":{"a":1}}',
        b'\0sigstore-json\n{"mimeType":"a","mimeType":"b"}',
    ],
)
def test_another_form_is_refused(content: bytes) -> None:
    with pytest.raises(SignatureInvalid):
        parse_signature(content)


@given(st.binary(max_size=40))
def test_any_bytes_are_a_signature_or_refused(content: bytes) -> None:
    for prefix in (b"", b"\0", b"\0sigstore-json\n"):
        try:
            parse_signature(prefix + content)
        except SignatureInvalid:
            continue


def test_as_many_as_are_allowed_pass() -> None:
    assert len(parse_all([b"\xa3x"] * MAX_SIGNATURES)) == MAX_SIGNATURES


def test_one_more_is_refused_without_reading_on() -> None:
    asked = 0

    def endless() -> Iterator[bytes]:
        nonlocal asked
        for _ in itertools.count():
            asked += 1
            yield b"\xa3x"

    with pytest.raises(LimitExceeded, match="more than 128 signatures"):
        parse_all(endless())
    assert asked == MAX_SIGNATURES + 1


def test_one_that_is_too_large_is_refused() -> None:
    with pytest.raises(LimitExceeded, match="4194304 bytes"):
        list(limited([b"x" * (MAX_SIGNATURE_BYTES + 1)]))


def test_all_together_must_not_be_too_large() -> None:
    large = b"x" * MAX_SIGNATURE_BYTES
    with pytest.raises(LimitExceeded, match="together"):
        list(limited([large] * 5))
