"""Manifests and indexes: kinds, limits, and documents that could be read in two ways."""

from __future__ import annotations

import json

import pytest

from regcopy.errors import (
    DigestMismatch,
    ManifestInvalid,
    ManifestUnsupported,
    SizeMismatch,
)
from regcopy.model.descriptor import UNKNOWN_SIZE, Descriptor
from regcopy.model.digest import Digest
from regcopy.model.manifest import (
    ImageIndex,
    ImageManifest,
    RawManifest,
    media_type_of,
    parse_manifest,
)
from regcopy.model.mediatypes import (
    DOCKER_CONFIG,
    DOCKER_LAYER_GZIP,
    DOCKER_LIST,
    DOCKER_MANIFEST,
    DOCKER_SCHEMA1,
    DOCKER_SCHEMA1_SIGNED,
    OCI_ARTIFACT,
    OCI_INDEX,
    OCI_LAYER_GZIP,
    OCI_MANIFEST,
    Format,
)
from regcopy.model.platform import Platform
from regcopy.testing.samples import multi_platform_image, single_image
from tests.manifests import (
    DIGEST,
    ENTRY,
    LAYER,
    without,
)
from tests.manifests import image_document as image
from tests.manifests import index_document as index
from tests.manifests import parse_document as parse
from tests.schema1 import document as schema1_document
from tests.schema1 import history

# What is read.


@pytest.mark.parametrize("family", ["oci", "v2s2"])
def test_an_image_names_its_layers_in_order_and_its_config(family: Format) -> None:
    sample = single_image(layers=2, family=family)

    parsed = parse_manifest(sample.top)

    assert isinstance(parsed, ImageManifest)
    assert parsed.media_type == sample.top.media_type
    assert [blob.digest for blob in parsed.blobs] == list(sample.blobs)
    assert parsed.blobs[-1] == parsed.config


@pytest.mark.parametrize("family", ["oci", "v2s2"])
def test_an_index_names_its_manifests_in_order(family: Format) -> None:
    sample = multi_platform_image(family=family)

    parsed = parse_manifest(sample.top)

    assert isinstance(parsed, ImageIndex)
    assert parsed.manifests == tuple(child.descriptor() for child in sample.children)
    assert [str(entry.platform) for entry in parsed.manifests] == [
        "linux/amd64",
        "linux/arm64/v8",
        "linux/s390x",
        "linux/ppc64le",
    ]


def test_subject_annotations_and_artifact_type_are_read() -> None:
    more = {"subject": ENTRY, "annotations": {"a": "b"}, "artifactType": "x/y"}

    for document in (image(**more), index(**more)):
        parsed = parse(document)
        assert parsed.subject == Descriptor(OCI_MANIFEST, DIGEST, 1)
        assert parsed.annotations == {"a": "b"}
        assert parsed.artifact_type == "x/y"


def test_an_artifact_manifest_has_blobs_and_no_config() -> None:
    parsed = parse({"mediaType": OCI_ARTIFACT, "blobs": [LAYER], "artifactType": "x/y"})

    assert isinstance(parsed, ImageManifest)
    assert parsed.config is None
    assert parsed.blobs == (Descriptor(OCI_LAYER_GZIP, DIGEST, 1),)


def test_unknown_members_and_unknown_layer_types_are_carried_along() -> None:
    layer = {**LAYER, "mediaType": "application/vnd.example", "org.example": [1]}

    parsed = parse(image(layers=[layer], **{"org.example": {"Layers": 1}}))

    assert isinstance(parsed, ImageManifest)
    assert parsed.layers[0].media_type == "application/vnd.example"


# The kind is what the body says.


@pytest.mark.parametrize(
    ("document", "served_as", "kind"),
    [
        (image(), "", OCI_MANIFEST),
        (image(), "application/json", OCI_MANIFEST),
        (image(mediaType=DOCKER_MANIFEST), "text/plain", DOCKER_MANIFEST),
        (without(image(), "mediaType"), OCI_MANIFEST, OCI_MANIFEST),
        (without(image(), "mediaType"), DOCKER_MANIFEST, DOCKER_MANIFEST),
        (without(image(), "mediaType"), "", OCI_MANIFEST),
        (
            without(image(config={**LAYER, "mediaType": DOCKER_CONFIG}), "mediaType"),
            "",
            DOCKER_MANIFEST,
        ),
        (index(), "", OCI_INDEX),
        (without(index(), "mediaType"), "", OCI_INDEX),
        (without(index(manifests=[]), "mediaType"), "", OCI_INDEX),
        (
            without(index(manifests=[{**ENTRY, "mediaType": DOCKER_MANIFEST}]), "mediaType"),
            "",
            DOCKER_LIST,
        ),
    ],
)
def test_the_kind_is_what_the_body_says_or_else_how_it_was_served(
    document: dict[str, object], served_as: str, kind: str
) -> None:
    assert parse(document, served_as).media_type == kind


@pytest.mark.parametrize(
    ("document", "served_as"),
    [
        (image(), OCI_INDEX),
        (image(), DOCKER_MANIFEST),
        (index(), DOCKER_LIST),
        (image(mediaType=OCI_INDEX), ""),
        (index(mediaType=OCI_MANIFEST), ""),
        (image(mediaType=OCI_ARTIFACT), ""),
        (without(image(), "mediaType"), OCI_INDEX),
        ({**image(), **index()}, ""),
        (image(manifests=[]), ""),
        (image(manifests=None), ""),
        (image(fsLayers=[]), ""),
        (image(blobs=[]), ""),
        (index(config=LAYER), ""),
        (index(layers=[]), ""),
        ({}, ""),
        ({"schemaVersion": 2}, ""),
    ],
)
def test_a_document_with_two_meanings_or_none_is_refused(
    document: dict[str, object], served_as: str
) -> None:
    with pytest.raises(ManifestInvalid):
        parse(document, served_as)


@pytest.mark.parametrize(
    "document",
    [
        image(Layers=[]),
        image(mediatype=OCI_INDEX),
        image(layers=[{**LAYER, "Digest": str(DIGEST)}]),
        image(config={**LAYER, "SIZE": 2}),
        index(Manifests=[]),
        index(manifests=[{**ENTRY, "Platform": {}}]),
        index(manifests=[{**ENTRY, "platform": {"OS": "linux"}}]),
        image(subject={**ENTRY, "MediaType": ""}),
    ],
)
def test_a_key_that_some_programs_read_and_others_do_not_is_refused(
    document: dict[str, object],
) -> None:
    with pytest.raises(ManifestInvalid, match="by case only"):
        parse(document)


def test_a_key_that_stands_twice_is_refused() -> None:
    content = json.dumps(image()).replace('"layers"', '"layers": [], "layers"').encode()

    with pytest.raises(ManifestInvalid, match="twice"):
        parse_manifest(RawManifest(content, OCI_MANIFEST))


def test_a_file_says_itself_what_it_is() -> None:
    assert media_type_of(json.dumps(image()).encode()) == OCI_MANIFEST
    with pytest.raises(ManifestInvalid, match="neither layers nor manifests"):
        media_type_of(b"{}")
    with pytest.raises(ManifestInvalid, match="ambiguous"):
        media_type_of(json.dumps(image(manifests=[])).encode())


# What is broken.


@pytest.mark.parametrize(
    ("document", "place"),
    [
        (image(schemaVersion=1), '"schemaVersion" is not 2'),
        (image(schemaVersion="2"), '"schemaVersion" is not a whole number'),
        (without(image(), "schemaVersion"), '"schemaVersion"'),
        (image(config=None), '"config" is missing'),
        (image(config=[]), '"config" is not an object'),
        (image(layers={}), '"layers" is not an array'),
        (image(layers=[None]), r'"layers\[0\]" is not an object'),
        (image(layers=[LAYER, {}]), r'"layers\[1\].digest" is no digest'),
        (image(layers=[{**LAYER, "digest": "sha256:../../x"}]), r'"layers\[0\].digest"'),
        (image(layers=[{**LAYER, "digest": f"md5:{'0' * 32}"}]), r'"layers\[0\].digest"'),
        (image(layers=[{**LAYER, "size": -1}]), "is out of range"),
        (image(layers=[{**LAYER, "size": 2**63}]), "is out of range"),
        (image(layers=[{**LAYER, "size": 1.0}]), "is not a whole number"),
        (image(layers=[{**LAYER, "size": True}]), "is not a whole number"),
        (image(layers=[without(LAYER, "size")]), "is not a whole number"),
        (image(layers=[{**LAYER, "urls": "x"}]), "is not an array"),
        (image(annotations={"a": 1}), '"annotations.a" is not a string'),
        (image(mediaType=1), '"mediaType" is not a string'),
        (index(manifests=[{**ENTRY, "platform": "linux"}]), "is not an object"),
        (index(subject="x"), '"subject" is not an object'),
    ],
)
def test_a_broken_manifest_is_refused_with_the_place(
    document: dict[str, object], place: str
) -> None:
    with pytest.raises(ManifestInvalid, match=place):
        parse(document)


@pytest.mark.parametrize("media_type", [DOCKER_SCHEMA1, DOCKER_SCHEMA1_SIGNED, ""])
def test_schema_1_is_told_by_its_layers(media_type: str) -> None:
    unsigned = schema1_document([DIGEST, DIGEST], history(2))

    parsed = parse(unsigned, media_type)

    assert isinstance(parsed, ImageManifest)
    assert (parsed.media_type, parsed.config) == (media_type or DOCKER_SCHEMA1, None)
    assert parsed.layers == (Descriptor(DOCKER_LAYER_GZIP, DIGEST, UNKNOWN_SIZE),) * 2


@pytest.mark.parametrize("served_as", [OCI_MANIFEST, DOCKER_LIST])
def test_schema_1_that_was_served_as_something_else_is_refused(served_as: str) -> None:
    with pytest.raises(ManifestInvalid, match='has "fsLayers"'):
        parse(schema1_document([DIGEST], history(1)), served_as)


def test_schema_1_is_refused_under_a_type_that_says_nothing() -> None:
    # One reader goes by the content, and its digest is that of the payload; another is not.
    with pytest.raises(ManifestInvalid, match='schema 1 is given as "application/octet-stream"'):
        parse(schema1_document([DIGEST], history(1)), "application/octet-stream")


def test_what_was_served_as_schema_1_must_be_that() -> None:
    with pytest.raises(ManifestInvalid, match="was served as"):
        parse(image(), DOCKER_SCHEMA1_SIGNED)


def test_a_kind_that_nobody_knows_is_shown_safely() -> None:
    with pytest.raises(ManifestUnsupported) as caught:
        parse(image(mediaType="x/\x1b[2J"))
    assert str(caught.value) == 'unknown manifest type "x/\\x1b[2J"'


# The bytes.


def test_the_bytes_are_checked_against_digest_and_size() -> None:
    raw = RawManifest(b"{}", OCI_MANIFEST)

    raw.check(Digest.of(b"{}"), 2)
    raw.check(Digest.of(b"{}", "sha512"))
    with pytest.raises(DigestMismatch):
        raw.check(Digest.of(b"{ }"))
    with pytest.raises(DigestMismatch):
        raw.check(Digest.of(b"{ }", "sha512"))
    with pytest.raises(SizeMismatch, match="expected 3 bytes of manifest, got 2"):
        raw.check(Digest.of(b"{}"), 3)


def test_a_manifest_describes_itself() -> None:
    raw = RawManifest(b"{}", OCI_MANIFEST)

    assert raw.descriptor() == Descriptor(OCI_MANIFEST, Digest.of(b"{}"), 2)


# Which image of an index.


def choose(platforms: list[Platform | None], wanted: str, kind: str = OCI_INDEX) -> int:
    entries = [
        Descriptor(OCI_MANIFEST, Digest.of(b"%d" % n), 1, platform=platform)
        for n, platform in enumerate(platforms)
    ]
    chosen = ImageIndex(kind, tuple(entries), None, {}).choose(Platform.parse(wanted))
    return entries.index(chosen)


ARM = [Platform("linux", "arm", "v5"), Platform("linux", "arm", "v7"), Platform("linux", "amd64")]


@pytest.mark.parametrize(
    ("wanted", "position"),
    [("linux/amd64", 2), ("linux/arm/v7", 1), ("linux/arm/v6", 0), ("linux/arm", 1)],
)
def test_the_best_variant_is_chosen(wanted: str, position: int) -> None:
    assert choose([*ARM], wanted) == position


def test_of_two_that_fit_equally_the_first_is_chosen() -> None:
    assert choose([Platform("linux", "amd64")] * 2, "linux/amd64") == 0


def test_an_entry_without_platform_is_better_than_none() -> None:
    assert choose([None, *ARM], "linux/amd64") == 3
    assert choose([*ARM, None], "linux/s390x") == 3


def test_without_a_fitting_entry_the_message_says_what_there_is() -> None:
    with pytest.raises(ManifestUnsupported, match="for platform linux/s390x") as caught:
        choose([*ARM], "linux/s390x")
    assert "linux/arm/v5, linux/arm/v7, linux/amd64" in caught.value.hint
