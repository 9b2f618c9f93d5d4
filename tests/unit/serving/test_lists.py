"""Lists: tags, repositories, referrers."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.manifest import RawManifest
from regcopy.model.mediatypes import OCI_INDEX, OCI_MANIFEST
from regcopy.testing.samples import SampleImage, single_image
from tests.registry_tools import Answered
from tests.served import Served, code_of

IMAGE = single_image(layers=1)


def push_tags(served: Served, tags: Sequence[str], repository: str = "app") -> None:
    for tag in tags:
        served.tools.push(IMAGE, repository, tag)


def listed(answered: Answered, key: str = "tags") -> list[str]:
    assert answered.status == 200
    return list(json.loads(answered.body)[key])


def test_tags_are_listed_in_lexical_order(served: Served) -> None:
    push_tags(served, ["b", "B", "a", "1.10", "1.9"])

    found = served.ask("GET", "app/tags/list")

    assert json.loads(found.body) == {"name": "app", "tags": ["1.10", "1.9", "B", "a", "b"]}
    assert "link" not in found.headers


def test_pages_lead_through_all_tags(served: Served) -> None:
    push_tags(served, ["a", "b", "c", "d", "e"])
    pages: list[list[str]] = []

    path = "/v2/app/tags/list?n=2"
    while path:
        found = served.follow("GET", path)
        pages.append(listed(found))
        path = found.headers.get("link", "").partition(">")[0].removeprefix("<")

    assert pages == [["a", "b"], ["c", "d"], ["e"]]


def test_the_last_page_has_no_link_although_it_is_full(served: Served) -> None:
    push_tags(served, ["a", "b"])

    assert "link" not in served.ask("GET", "app/tags/list?n=2").headers


def test_a_list_begins_after_a_tag_that_need_not_exist(served: Served) -> None:
    push_tags(served, ["a", "c", "d"])

    assert listed(served.ask("GET", "app/tags/list?last=b")) == ["c", "d"]


def test_no_tags_are_wanted_and_none_come(served: Served) -> None:
    push_tags(served, ["a"])

    found = served.ask("GET", "app/tags/list?n=0")

    assert listed(found) == []
    assert "link" not in found.headers


@pytest.mark.parametrize("count", ["-1", "x", "", "1" * 30, "%C2%B2"])
def test_a_count_that_is_no_number_is_refused(served: Served, count: str) -> None:
    push_tags(served, ["a"])

    assert served.ask("GET", f"app/tags/list?n={count}").status == 400


def test_an_unknown_repository_has_no_list(served: Served) -> None:
    found = served.ask("GET", "app/tags/list")

    assert (found.status, code_of(found)) == (404, "NAME_UNKNOWN")


def test_a_repository_of_untagged_manifests_has_an_empty_list(served: Served) -> None:
    served.tools.push(IMAGE, "app", str(IMAGE.digest))

    assert listed(served.ask("GET", "app/tags/list")) == []


def test_repositories_are_listed_by_pages(served: Served) -> None:
    for repository in ("b/x", "a", "c"):
        push_tags(served, ["1"], repository)

    first = served.ask("GET", "_catalog?n=2")

    assert listed(first, "repositories") == ["a", "b/x"]
    assert first.headers["link"] == '</v2/_catalog?n=2&last=b%2Fx>; rel="next"'
    assert listed(served.ask("GET", "_catalog?n=2&last=b%2Fx"), "repositories") == ["c"]


def artifact(subject: Descriptor, artifact_type: str = "", config_type: str = "a/config") -> bytes:
    config = {"mediaType": config_type, "digest": str(Digest.of(b"{}")), "size": 2}
    document: dict[str, object] = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": config,
        "layers": [],
        "subject": subject.to_json(),
        "annotations": {"org.example.note": "yes"},
    }
    if artifact_type:
        document["artifactType"] = artifact_type
    return json.dumps(document).encode()


@pytest.fixture
def subject(served: Served) -> Descriptor:
    """An image of `app`, which may be referred to; `{}` is there for configs."""
    served.tools.push(IMAGE, "app", "1.0")
    served.tools.push_blob(b"{}", "app")
    return IMAGE.top.descriptor()


def refer(served: Served, content: bytes, reference: str = "") -> Answered:
    path = f"app/manifests/{reference or Digest.of(content)}"
    return served.ask("PUT", path, content, {"Content-Type": OCI_MANIFEST})


def referrers(served: Served, subject: Digest, query: str = "") -> list[dict[str, object]]:
    found = served.ask("GET", f"app/referrers/{subject}{query}")
    assert (found.status, found.headers["content-type"]) == (200, OCI_INDEX)
    document = json.loads(found.body)
    assert (document["schemaVersion"], document["mediaType"]) == (2, OCI_INDEX)
    return list(document["manifests"])


def test_a_referrer_is_listed_with_type_and_annotations(
    served: Served, subject: Descriptor
) -> None:
    content = artifact(subject, "application/vnd.example.sbom+json")

    pushed = refer(served, content)

    assert pushed.headers["oci-subject"] == str(subject.digest)
    assert referrers(served, subject.digest) == [
        {
            "mediaType": OCI_MANIFEST,
            "digest": str(Digest.of(content)),
            "size": len(content),
            "annotations": {"org.example.note": "yes"},
            "artifactType": "application/vnd.example.sbom+json",
        }
    ]


def test_the_type_of_the_config_stands_in_for_the_artifact_type(
    served: Served, subject: Descriptor
) -> None:
    refer(served, artifact(subject, config_type="application/vnd.example.config"))

    [found] = referrers(served, subject.digest)

    assert found["artifactType"] == "application/vnd.example.config"


@pytest.mark.parametrize("plus", ["+", "%2B"])
def test_referrers_of_one_type_are_picked_out(
    served: Served, subject: Descriptor, plus: str
) -> None:
    refer(served, artifact(subject, "a/wanted+json"))
    refer(served, artifact(subject, "a/other"))
    query = f"?artifactType=a/wanted{plus}json"

    found = served.ask("GET", f"app/referrers/{subject.digest}{query}")

    assert found.headers["oci-filters-applied"] == "artifactType"
    assert [r["artifactType"] for r in referrers(served, subject.digest, query)] == [
        "a/wanted+json"
    ]


def test_a_subject_need_not_be_there(served: Served, subject: Descriptor) -> None:
    missing = Descriptor(OCI_MANIFEST, Digest.of(b"missing"), 7)

    assert refer(served, artifact(missing), "tagged").status == 201

    assert len(referrers(served, missing.digest)) == 1


def test_nobody_refers_to_what_nobody_knows(served: Served) -> None:
    assert referrers(served, Digest.of(b"unknown")) == []


def test_a_deleted_referrer_is_listed_no_more(served: Served, subject: Descriptor) -> None:
    content = artifact(subject, "a/b")
    refer(served, content, "signature")

    served.ask("DELETE", f"app/manifests/{Digest.of(content)}")

    assert referrers(served, subject.digest) == []


def test_an_index_may_refer_too(served: Served, subject: Descriptor) -> None:
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "artifactType": "a/index",
        "manifests": [],
        "subject": subject.to_json(),
    }
    manifest = RawManifest(json.dumps(document).encode(), OCI_INDEX)
    served.tools.push(SampleImage(manifest), "app", "list")

    [found] = referrers(served, subject.digest)

    assert (found["mediaType"], found["artifactType"]) == (OCI_INDEX, "a/index")
