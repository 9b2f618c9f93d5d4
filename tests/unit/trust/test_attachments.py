"""Sigstore signatures in the registry itself, here in one that lives in memory."""

from __future__ import annotations

import json

import pytest

from regcopy.errors import LimitExceeded, SignatureInvalid, UsageError
from regcopy.model.digest import Digest
from regcopy.model.manifest import RawManifest
from regcopy.model.mediatypes import OCI_MANIFEST
from regcopy.testing.memory import MemoryReference, MemoryStore
from regcopy.testing.samples import multi_platform_image
from regcopy.transports import parse_reference
from regcopy.trust.attachments import read_attachments, write_attachments
from regcopy.trust.signatures import MAX_SIGNATURE_BYTES, SigstoreSignature
from tests.contexts import make_context

DIGEST = Digest.of(b"manifest")
TAG = f"sha256-{DIGEST.hex}.sig"
ONE, TWO = (SigstoreSignature("a/type", text, {"k": "v"}) for text in (b"one", b"two"))


@pytest.fixture
def image() -> MemoryReference:
    return MemoryStore().reference("app", "1")


def read(image: MemoryReference) -> tuple[SigstoreSignature, ...]:
    return read_attachments(image, DIGEST, make_context())


def write(image: MemoryReference, *signatures: SigstoreSignature) -> None:
    write_attachments(image, DIGEST, signatures, make_context("destination"))


def put(image: MemoryReference, document: object, media_type: str = OCI_MANIFEST) -> None:
    """Put something under the tag of the signatures."""
    raw = RawManifest(json.dumps(document).encode(), media_type)
    image.store.manifests.setdefault("app", {})[raw.digest] = raw
    image.store.tags["app", TAG] = raw.digest


def layers(*sizes: int) -> dict[str, object]:
    described = {"mediaType": "a/type", "digest": str(Digest.of(b"x"))}
    return {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {**described, "size": 1},
        "layers": [{**described, "size": size} for size in sizes],
    }


def test_there_may_be_none(image: MemoryReference) -> None:
    assert read(image) == ()


def test_what_is_written_is_read_again(image: MemoryReference) -> None:
    write(image, ONE)
    assert read(image) == (ONE,)
    assert ("app", TAG) in image.store.tags


def test_more_are_added_and_the_same_is_not(image: MemoryReference) -> None:
    write(image, ONE)
    write(image, ONE, TWO)
    assert read(image) == (ONE, TWO)
    manifests = len(image.store.manifests["app"])
    write(image, TWO)
    assert len(image.store.manifests["app"]) == manifests


def test_two_signatures_of_one_payload_are_two(image: MemoryReference) -> None:
    again = SigstoreSignature(ONE.media_type, ONE.payload, {"k": "other"})
    write(image, ONE, again)
    assert read(image) == (ONE, again)


def test_an_index_in_their_place_is_refused(image: MemoryReference) -> None:
    index = multi_platform_image().top
    put(image, json.loads(index.content), index.media_type)
    with pytest.raises(SignatureInvalid, match="no OCI image"):
        read(image)


@pytest.mark.parametrize(
    "sizes",
    [[1] * 129, [MAX_SIGNATURE_BYTES + 1], [MAX_SIGNATURE_BYTES] * 5],
    ids=["too many", "one too large", "too large together"],
)
def test_a_flood_is_refused_before_a_blob_is_read(image: MemoryReference, sizes: list[int]) -> None:
    put(image, layers(*sizes))
    with pytest.raises(LimitExceeded):
        read(image)
    assert image.store.called("open_blob") == []


def test_a_place_without_tags_has_none() -> None:
    with pytest.raises(UsageError, match="no sigstore attachments"):
        read_attachments(parse_reference("dir:x"), DIGEST, make_context())
