"""Conversion of indexes: entries that changed, entries that go, and what stays."""

from __future__ import annotations

import pytest

from regcopy.errors import ManifestInvalid
from regcopy.model.convert import (
    rewrite_image,
    rewrite_index,
)
from regcopy.model.digest import Digest
from regcopy.model.manifest import RawManifest
from regcopy.model.mediatypes import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    OCI_INDEX,
    OCI_LAYER,
    OCI_MANIFEST,
    Format,
)
from regcopy.testing.samples import SampleImage, multi_platform_image
from tests.manifests import (
    SUBJECT,
    descriptor,
    image,
    index,
    manifest,
    members,
    oci_image,
)


def converted_children(sample: SampleImage, to: Format) -> dict[Digest, RawManifest]:
    children: dict[Digest, RawManifest] = {}
    for child in sample.children:
        config = image(child).config
        assert config is not None
        rewritten = rewrite_image(child, to=to, config=sample.blobs[config.digest])
        children[child.digest] = rewritten.manifest
    return children


@pytest.mark.parametrize("family", ["oci", "v2s2"])
def test_an_index_of_the_wanted_family_stays_the_very_same(family: Format) -> None:
    top = multi_platform_image(family=family).top

    assert rewrite_index(top, to=family, children={}) is top
    assert rewrite_index(top, to=None, children={}) is top


def test_children_that_did_not_change_leave_the_index_alone() -> None:
    sample = multi_platform_image()
    same = {child.digest: child for child in sample.children}

    assert rewrite_index(sample.top, to=None, children=same) is sample.top


@pytest.mark.parametrize(
    ("family", "to", "media_type"), [("v2s2", "oci", OCI_INDEX), ("oci", "v2s2", DOCKER_LIST)]
)
def test_a_converted_index_names_the_converted_children_in_order(
    family: Format, to: Format, media_type: str
) -> None:
    sample = multi_platform_image(family=family)
    children = converted_children(sample, to)

    rewritten = index(rewrite_index(sample.top, to=to, children=children))

    assert rewritten.media_type == media_type
    assert rewritten.manifests == tuple(
        children[child.digest].descriptor() for child in sample.children
    )
    assert [entry.platform for entry in rewritten.manifests] == [
        entry.platform for entry in index(sample.top).manifests
    ]


def test_a_list_that_went_there_and_back_is_the_same_again() -> None:
    sample = multi_platform_image(family="v2s2")

    there = rewrite_index(sample.top, to="oci", children={})
    back = rewrite_index(there, to="v2s2", children={})

    assert index(back) == index(sample.top)


def test_several_entries_may_name_one_manifest_that_changed() -> None:
    before, after = oci_image(OCI_LAYER), oci_image()
    entry = descriptor(OCI_MANIFEST, before.content)
    platforms = [{"os": "linux", "architecture": name} for name in ("amd64", "arm64")]
    raw = manifest(OCI_INDEX, manifests=[{**entry, "platform": p} for p in platforms])

    rewritten = index(rewrite_index(raw, to=None, children={before.digest: after}))

    assert [entry.digest for entry in rewritten.manifests] == [after.digest, after.digest]
    assert [str(entry.platform) for entry in rewritten.manifests] == ["linux/amd64", "linux/arm64"]


def test_only_what_is_kept_stays_in_the_index() -> None:
    sample = multi_platform_image()
    kept = [sample.children[3].digest, sample.children[1].digest]

    rewritten = index(rewrite_index(sample.top, to=None, children={}, keep=kept))

    assert rewritten.manifests == (
        sample.children[1].descriptor(),
        sample.children[3].descriptor(),
    )


def test_keeping_everything_changes_nothing() -> None:
    sample = multi_platform_image()
    everything = {child.digest for child in sample.children}

    assert rewrite_index(sample.top, to=None, children={}, keep=everything) is sample.top


def test_all_that_oci_knows_outlives_a_cut_index() -> None:
    kept, dropped = b"kept", b"dropped"
    entry = descriptor(
        OCI_MANIFEST,
        kept,
        urls=["https://example.com/x"],
        annotations={"a": "b"},
        data="a2VwdA==",
        platform={"architecture": "a", "os": "w", "os.version": "10", "os.features": ["f"]},
        artifactType="x/y",
    )
    raw = manifest(
        OCI_INDEX,
        artifactType="app/x",
        manifests=[descriptor(OCI_MANIFEST, dropped), entry],
        subject=SUBJECT,
        annotations={"k": "v"},
    )

    rewritten = rewrite_index(raw, to=None, children={}, keep=[Digest.of(kept)])

    assert members(rewritten) == {**members(raw), "manifests": [entry]}


def test_an_entry_does_not_carry_a_copy_of_the_manifest_that_was() -> None:
    before, after = oci_image(OCI_LAYER), oci_image()
    raw = manifest(OCI_INDEX, manifests=[descriptor(OCI_MANIFEST, before.content, data="e30=")])

    rewritten = rewrite_index(raw, to=None, children={before.digest: after})

    assert b"data" not in rewritten.content


def test_dockers_features_survive_in_a_list_and_have_no_place_in_an_index() -> None:
    platform = {"architecture": "amd64", "os": "linux", "features": ["sse4"]}
    entries = [descriptor(DOCKER_MANIFEST, content, platform=platform) for content in (b"1", b"2")]
    raw = manifest(DOCKER_LIST, manifests=entries)

    cut = rewrite_index(raw, to=None, children={}, keep=[Digest.of(b"1")])
    converted = rewrite_index(raw, to="oci", children={})

    assert b'"platform":{"architecture":"amd64","os":"linux","features":["sse4"]}' in cut.content
    assert b"sse4" not in converted.content


def test_an_entry_without_platform_is_for_no_machine_in_dockers_list() -> None:
    raw = manifest(OCI_INDEX, manifests=[descriptor(OCI_MANIFEST, b"x")])

    rewritten = index(rewrite_index(raw, to="v2s2", children={}))

    assert str(rewritten.manifests[0].platform) == "unknown/unknown"


def test_an_entry_named_by_sha512_is_recognised_as_unchanged() -> None:
    child = oci_image()
    digest = Digest.of(child.content, "sha512")
    entry = {"mediaType": OCI_MANIFEST, "digest": str(digest), "size": child.size}
    raw = manifest(OCI_INDEX, manifests=[entry])

    assert rewrite_index(raw, to=None, children={digest: child}) is raw


def test_an_image_is_not_taken_for_an_index() -> None:
    with pytest.raises(TypeError):
        rewrite_index(oci_image(), to="v2s2", children={})


def test_a_broken_manifest_is_not_converted() -> None:
    with pytest.raises(ManifestInvalid):
        rewrite_image(RawManifest(b"{", OCI_MANIFEST), to="v2s2")
