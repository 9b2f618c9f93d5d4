"""Descriptors: what is read of them, and how they are written."""

from __future__ import annotations

from regcopy.model._json import JsonObject, dump_object
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.platform import Platform

DIGEST = Digest.of(b"x")
FULL = Descriptor(
    "x/y",
    DIGEST,
    5,
    platform=Platform("linux", "arm64", "v8"),
    annotations={"b": "2", "a": "1"},
    urls=("https://example.com/x",),
    artifact_type="a/b",
)


def test_a_descriptor_is_written_in_the_specifications_order() -> None:
    assert dump_object(FULL.to_json()).decode() == (
        f'{{"mediaType":"x/y","digest":"{DIGEST}","size":5,"urls":["https://example.com/x"],'
        '"annotations":{"a":"1","b":"2"},'
        '"platform":{"architecture":"arm64","os":"linux","variant":"v8"},"artifactType":"a/b"}'
    )


def test_what_is_empty_is_not_written() -> None:
    assert list(Descriptor("x/y", DIGEST, 0).to_json()) == ["mediaType", "digest", "size"]


def test_what_is_written_is_read_again() -> None:
    again = Descriptor.from_json(JsonObject(FULL.to_json()))

    assert again == FULL
    assert (again.platform, again.annotations) == (FULL.platform, FULL.annotations)
    assert (again.urls, again.artifact_type) == (FULL.urls, FULL.artifact_type)


def test_the_identity_is_type_digest_and_size() -> None:
    plain = Descriptor("x/y", DIGEST, 5)

    assert plain == FULL
    assert hash(plain) == hash(FULL)
    assert plain != Descriptor("x/z", DIGEST, 5)
    assert plain != Descriptor("x/y", DIGEST, 6)
    assert plain != Descriptor("x/y", Digest.of(b"y"), 5)
