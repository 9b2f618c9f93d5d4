"""Lists of referrers: what is added to them, and what they are called."""

from __future__ import annotations

import json

import pytest

from regcopy.errors import LimitExceeded, ManifestInvalid
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.manifest import MAX_INDEX_ENTRIES, RawManifest, parse_manifest
from regcopy.model.mediatypes import OCI_INDEX, OCI_MANIFEST
from regcopy.model.referrers import (
    cosign_tags,
    described_referrer,
    referrers_tag,
    with_referrers,
)
from regcopy.testing.samples import multi_platform_image, single_image
from tests.manifests import members
from tests.referrers import entry_of, index_of, referrer

IMAGE = single_image().top
NOTE = referrer(IMAGE, "note")


def described(raw: RawManifest) -> Descriptor:
    return described_referrer(raw.descriptor(), parse_manifest(raw))


def test_a_referrer_is_described_with_its_type_and_annotations() -> None:
    assert described(NOTE.top).to_json() == entry_of(NOTE)


def test_without_an_artifact_type_the_type_of_the_config_counts() -> None:
    document = {k: v for k, v in members(NOTE.top).items() if k != "artifactType"}
    raw = RawManifest(json.dumps(document).encode(), OCI_MANIFEST)
    assert described(raw).artifact_type == "application/vnd.oci.empty.v1+json"


def test_an_index_without_an_artifact_type_has_none() -> None:
    assert described(multi_platform_image().top).artifact_type == ""


def test_a_list_that_is_not_there_begins_with_what_is_added() -> None:
    made = with_referrers(None, [described(NOTE.top)])
    assert made is not None
    assert made.media_type == OCI_INDEX
    assert members(made) == members(index_of([entry_of(NOTE)]))


def test_a_list_that_has_all_of_them_stays_as_it_is() -> None:
    assert with_referrers(index_of([entry_of(NOTE)]), [described(NOTE.top)]) is None


def test_entries_of_others_stay_with_members_that_mean_nothing_here() -> None:
    other = {**entry_of(referrer(IMAGE, "other")), "data": "e30=", "x": 1}
    made = with_referrers(index_of([other], annotations={"a": "b"}), [described(NOTE.top)])
    assert made is not None
    wanted = members(index_of([other, entry_of(NOTE)], annotations={"a": "b"}))
    assert members(made) == wanted


def test_an_image_under_the_tag_is_not_overwritten() -> None:
    with pytest.raises(ManifestInvalid, match="no list of referrers"):
        with_referrers(IMAGE, [described(NOTE.top)])


def test_a_list_does_not_grow_beyond_what_can_be_read() -> None:
    kept = [Descriptor(OCI_MANIFEST, Digest.of(b"%d" % n), n) for n in range(MAX_INDEX_ENTRIES)]
    full = index_of([one.to_json() for one in kept])
    with pytest.raises(LimitExceeded, match=f"{MAX_INDEX_ENTRIES + 1} entries"):
        with_referrers(full, [described(NOTE.top)])


def test_a_long_digest_is_cut_so_that_it_is_a_tag() -> None:
    digest = Digest.of(b"x", "sha512")
    assert referrers_tag(digest) == f"sha512-{digest.hex[:64]}"


def test_cosign_has_three_tags() -> None:
    digest = Digest.of(b"x")
    endings = ("sig", "att", "sbom")
    assert cosign_tags(digest) == tuple(f"sha256-{digest.hex}.{one}" for one in endings)
