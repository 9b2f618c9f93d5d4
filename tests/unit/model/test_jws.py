"""A document that is signed in itself: what its signatures, and so its digest, are about."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regcopy.errors import DigestMismatch, LimitExceeded, ManifestInvalid
from regcopy.model.digest import Digest
from regcopy.model.jws import payload_of, payload_of_any, protected_header
from regcopy.model.manifest import RawManifest
from regcopy.model.mediatypes import DOCKER_SCHEMA1_SIGNED, OCI_MANIFEST
from tests.growth import TOO_FAST, growth
from tests.memory import peak_of
from tests.schema1 import base64url, signature, signed

UNSIGNED: dict[str, object] = {"schemaVersion": 1, "name": "app", "fsLayers": []}
PAYLOAD = json.dumps(UNSIGNED, indent=3).encode()
LENGTH = len(PAYLOAD) - 2


def with_signatures(signatures: object) -> bytes:
    return PAYLOAD[:LENGTH] + b',"signatures":' + json.dumps(signatures).encode() + b"\n}"


@pytest.mark.parametrize("count", [1, 2, 100])
def test_the_payload_is_the_text_before_it_was_signed(count: int) -> None:
    assert payload_of(signed(UNSIGNED, signatures=count)) == PAYLOAD


@given(
    st.dictionaries(
        st.text().filter(lambda name: name != "signatures"),
        st.none() | st.text() | st.integers(-5, 5) | st.lists(st.text()),
        min_size=1,
    )
)
def test_whatever_is_signed_comes_back(unsigned: dict[str, object]) -> None:
    assert payload_of(signed(unsigned)) == json.dumps(unsigned, indent=3).encode()


@pytest.mark.parametrize("content", [PAYLOAD, with_signatures(None)])
def test_all_of_it_is_the_payload_where_nobody_signed(content: bytes) -> None:
    assert payload_of(content) == content


def test_the_digest_of_a_signed_manifest_is_that_of_its_payload() -> None:
    raw = RawManifest(signed(UNSIGNED), DOCKER_SCHEMA1_SIGNED)

    assert raw.digest == Digest.of(PAYLOAD)
    raw.check(Digest.of(PAYLOAD, "sha512"), len(raw.content))
    with pytest.raises(DigestMismatch):
        raw.check(Digest.of(raw.content))


def test_other_manifests_may_have_a_member_of_that_name() -> None:
    content = signed(UNSIGNED)

    assert RawManifest(content, OCI_MANIFEST).digest == Digest.of(content)


@pytest.mark.parametrize(
    ("signatures", "why"),
    [
        ([], '"signatures" is empty'),
        ({}, '"signatures" is not an array'),
        ([1], r'"signatures\[0\]" is not an object'),
        ([{}], "protected header is not valid JSON"),
        ([{"protected": "!"}], r'"signatures\[0\].protected" is not base64url'),
        ([{"protected": "a"}], "is not base64url"),
        ([{"protected": "é"}], "is not base64url"),
        ([{"Protected": ""}], "by case only"),
        ([{"protected": base64url(b"[]")}], "protected header is not a JSON object"),
        ([signature(LENGTH, FormatLength=1)], "by case only"),
        ([signature(10**9)], "is beyond the end"),
        ([signature(-1)], "is out of range"),
        ([signature(LENGTH, formatLength="1")], "is not a whole number"),
        ([signature(LENGTH, formatLength=None)], "is not a whole number"),
        ([signature(LENGTH, formatTail="?")], "is not base64url"),
        ([signature(LENGTH), signature(LENGTH, b"}")], "do not agree"),
        ([signature(LENGTH - 1)], "signed text is not valid JSON"),
        ([signature(0, b"{}")], "are about another text"),
        ([signature(LENGTH, b', "more": 1}')], "are about another text"),
        ([signature(0, PAYLOAD.replace(b"1", b"true"))], "are about another text"),
        ([signature(0, PAYLOAD.replace(b"app", b"other"))], "are about another text"),
    ],
)
def test_signatures_that_make_no_sense_are_refused(signatures: object, why: str) -> None:
    with pytest.raises(ManifestInvalid, match=why):
        payload_of(with_signatures(signatures))


def test_a_name_that_is_written_in_another_way_is_the_same_name() -> None:
    hidden = with_signatures([signature(0, b"{}")]).replace(b'"signatures"', b'"\\u0073ignatures"')

    with pytest.raises(ManifestInvalid, match="another text"):
        payload_of(hidden)


def test_more_signatures_than_anybody_makes_are_refused() -> None:
    with pytest.raises(LimitExceeded, match="101 signatures"):
        payload_of(signed(UNSIGNED, signatures=101))


def test_texts_that_a_hundred_signatures_name_are_not_held_together() -> None:
    text = json.dumps({"schemaVersion": 1, "name": "x" * 500_000}).encode()[:-1]
    signatures = [signature(len(text) - number, b"}") for number in range(100)]
    content = text + b',"signatures":' + json.dumps(signatures).encode() + b"}"

    def refused() -> None:
        with pytest.raises(ManifestInvalid, match="do not agree"):
            payload_of(content)

    assert peak_of(refused) < 10 * len(content)


@pytest.mark.parametrize(("before", "after"), [(b'{"a":', b"1}"), (b'{"a":1', b"}"), (b"{", b" ")])
def test_blanks_in_a_text_to_sign_are_read_over_once(before: bytes, after: bytes) -> None:
    def sign(text: bytes) -> None:
        with suppress(ValueError):
            protected_header(text, "")

    assert growth(sign, lambda size: before + b" " * (size // 32) + after) < TOO_FAST


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff signatures", b'{"signatures": [', b'{"schemaVersion": 2, "signatures": [1]}'],
)
def test_any_other_file_is_its_own_payload(content: bytes) -> None:
    assert payload_of_any(content) == content


def test_a_signed_file_is_known_by_its_version() -> None:
    assert payload_of_any(signed(UNSIGNED)) == PAYLOAD
