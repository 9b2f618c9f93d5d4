"""Manifests that are too large, damaged, or made to cost much."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regcopy.errors import (
    ContentError,
    LimitExceeded,
    ManifestInvalid,
)
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.manifest import (
    MAX_MANIFEST_BYTES,
    ImageIndex,
    ImageManifest,
    RawManifest,
    parse_manifest,
    unique,
)
from regcopy.model.mediatypes import (
    DOCKER_LIST,
    OCI_ARTIFACT,
    OCI_INDEX,
    OCI_MANIFEST,
)
from regcopy.testing.samples import single_image
from tests.growth import TOO_FAST, growth
from tests.manifests import (
    DIGEST,
    ENTRY,
    LAYER,
    without,
)
from tests.manifests import image_document as image
from tests.manifests import index_document as index
from tests.manifests import parse_document as parse


def test_a_manifest_over_4_mib_is_not_even_read() -> None:
    content = b"{" * (MAX_MANIFEST_BYTES + 1)

    with pytest.raises(LimitExceeded, match="over the limit"):
        parse_manifest(RawManifest(content, OCI_MANIFEST))


def test_a_manifest_of_4_mib_is_read() -> None:
    content = json.dumps(image()).encode()

    parse_manifest(RawManifest(content.ljust(MAX_MANIFEST_BYTES), OCI_MANIFEST))


@pytest.mark.parametrize(("entries", "fits"), [(1000, True), (1001, False), (50_000, False)])
def test_an_index_has_at_most_1000_entries(entries: int, fits: bool) -> None:
    entry = ENTRY if entries < 2000 else {}
    document = index(manifests=[entry] * entries)

    if fits:
        parse(document)
    else:
        with pytest.raises(LimitExceeded, match=f"{entries} manifests"):
            parse(document)


def test_an_image_has_at_most_10000_layers() -> None:
    with pytest.raises(LimitExceeded, match="10001 layers"):
        parse(image(layers=[{}] * 10_001))


def test_one_digest_has_one_size() -> None:
    other = Descriptor("x/y", DIGEST, 2)

    with pytest.raises(ManifestInvalid, match="as 1 and as 2 bytes"):
        unique([Descriptor("x/y", DIGEST, 1), other])


def test_each_digest_is_given_once_in_order_of_first_appearance() -> None:
    first, second = (Descriptor("x/y", Digest.of(content), 1) for content in (b"1", b"2"))

    assert unique([second, first, second]) == (second, first)


KEYS = st.sampled_from(
    ["schemaVersion", "mediaType", "config", "layers", "manifests", "blobs", "digest", "size"]
)
VALUES = st.recursive(
    st.none()
    | st.sampled_from([2, -1, True, "", str(DIGEST), OCI_MANIFEST, OCI_INDEX, OCI_ARTIFACT])
    | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=10,
)


@settings(deadline=None)
@given(st.dictionaries(KEYS, VALUES), st.sampled_from(["", OCI_MANIFEST, DOCKER_LIST, "x/y"]))
def test_any_document_is_a_manifest_or_refused(document: object, served_as: str) -> None:
    with suppress(ContentError):
        assert isinstance(parse(document, served_as), ImageManifest | ImageIndex)


@settings(deadline=None)
@given(st.integers(0, 2000), st.binary(min_size=1, max_size=3))
def test_a_damaged_manifest_is_a_manifest_or_refused(position: int, damage: bytes) -> None:
    content = single_image(layer_bytes=1).top.content
    position %= len(content)
    damaged = content[:position] + damage + content[position + len(damage) :]

    with suppress(ContentError):
        parse_manifest(RawManifest(damaged, OCI_MANIFEST))


@pytest.mark.parametrize(
    "make",
    [
        lambda size: index(manifests=[{}] * (size // 4)),
        lambda size: without(index(manifests=[{}] * (size // 4)), "mediaType"),
        lambda size: image(layers=[LAYER] * (size // 200)),
        lambda size: image(annotations={f"{n:08}": "" for n in range(size // 16)}),
        lambda size: image(**{f"K{n:08}": "" for n in range(size // 16)}),
        lambda size: image(layers=[{**LAYER, "digest": "sha256:" + "0" * size}]),
        lambda size: image(mediaType="a" * size),
        lambda size: image(layers=[{**LAYER, "urls": ["a"] * (size // 5)}]),
    ],
)
def test_a_large_manifest_costs_no_more_than_its_size(
    make: Callable[[int], dict[str, object]],
) -> None:
    def read(content: bytes) -> None:
        with suppress(ContentError):
            parse_manifest(RawManifest(content, ""))

    assert growth(read, lambda size: json.dumps(make(size)).encode()) < TOO_FAST
