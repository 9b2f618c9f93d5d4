"""Pushing, reading and deleting manifests."""

from __future__ import annotations

import json

import pytest

from regcopy.model.digest import Digest
from regcopy.model.manifest import RawManifest
from regcopy.model.mediatypes import DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from regcopy.testing.samples import SampleImage, multi_platform_image, single_image
from tests.registry_tools import Answered
from tests.schema1 import gzipped, schema1_image
from tests.served import Served, code_of

IMAGE = single_image()
INDEX = multi_platform_image(layers=1)


def put(served: Served, manifest: RawManifest, reference: str, repository: str = "app") -> Answered:
    headers = {"Content-Type": manifest.media_type}
    return served.ask("PUT", f"{repository}/manifests/{reference}", manifest.content, headers)


def push_blobs(served: Served, image: SampleImage, repository: str = "app") -> None:
    for content in image.blobs.values():
        served.tools.push_blob(content, repository)


@pytest.mark.parametrize("family", ["oci", "v2s2"])
@pytest.mark.parametrize("kind", ["image", "index"])
def test_an_image_comes_back_as_it_was_pushed(served: Served, family: str, kind: str) -> None:
    make = single_image if kind == "image" else multi_platform_image
    image = make(family="oci" if family == "oci" else "v2s2")

    served.tools.push(image, "team/app", "1.0")

    assert served.tools.holds(image, "team/app", "1.0")


def test_a_push_is_answered_with_digest_and_location(served: Served) -> None:
    push_blobs(served, IMAGE)

    done = put(served, IMAGE.top, "1.0")

    assert done.status == 201
    assert done.headers["location"] == f"/v2/app/manifests/{IMAGE.digest}"
    assert done.headers["docker-content-digest"] == str(IMAGE.digest)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("reference", ["1.0", str(IMAGE.digest)])
def test_a_manifest_is_found_by_tag_and_by_digest(
    served: Served, method: str, reference: str
) -> None:
    served.tools.push(IMAGE, "app", "1.0")

    found = served.ask(method, f"app/manifests/{reference}")

    assert found.status == 200
    assert found.headers["content-type"] == OCI_MANIFEST
    assert found.headers["docker-content-digest"] == str(IMAGE.digest)
    assert found.headers["content-length"] == str(IMAGE.top.size)
    assert found.body == (IMAGE.top.content if method == "GET" else b"")


@pytest.mark.parametrize("reference", ["nope", str(Digest.of(b"nope"))])
@pytest.mark.parametrize("repository", ["app", "empty"])
def test_a_manifest_that_nobody_pushed_is_not_there(
    served: Served, repository: str, reference: str
) -> None:
    served.tools.push(IMAGE, "app", "1.0")

    found = served.ask("GET", f"{repository}/manifests/{reference}")

    assert (found.status, code_of(found)) == (404, "MANIFEST_UNKNOWN")


def test_a_client_that_names_other_types_only_is_told_so(served: Served) -> None:
    served.tools.push(IMAGE, "app", "1.0")

    found = served.ask("GET", "app/manifests/1.0", headers={"Accept": DOCKER_MANIFEST})

    assert (found.status, code_of(found)) == (404, "MANIFEST_UNKNOWN")


@pytest.mark.parametrize("accept", ["*/*", f"{OCI_INDEX}, {OCI_MANIFEST};q=0.5", "text/html"])
def test_a_client_that_takes_the_type_or_names_no_type_of_ours_gets_it(
    served: Served, accept: str
) -> None:
    served.tools.push(IMAGE, "app", "1.0")

    assert served.ask("GET", "app/manifests/1.0", headers={"Accept": accept}).status == 200


def test_a_manifest_without_its_blobs_is_refused_with_their_digests(served: Served) -> None:
    missing, *there = IMAGE.blobs
    for digest in there:
        served.tools.push_blob(IMAGE.blobs[digest], "app")

    refused = put(served, IMAGE.top, "1.0")

    assert (refused.status, code_of(refused)) == (404, "MANIFEST_BLOB_UNKNOWN")
    assert [error["detail"]["digest"] for error in json.loads(refused.body)["errors"]] == [
        str(missing)
    ]
    assert served.index_names() == []


def test_blobs_of_another_repository_do_not_count(served: Served) -> None:
    push_blobs(served, IMAGE, "other")

    assert put(served, IMAGE.top, "1.0").status == 404


def test_an_index_without_its_manifests_is_refused(served: Served) -> None:
    push_blobs(served, INDEX)
    for child in INDEX.children[1:]:
        put(served, child, str(child.digest))

    refused = put(served, INDEX.top, "1.0")

    assert (refused.status, code_of(refused)) == (404, "MANIFEST_BLOB_UNKNOWN")


def test_an_index_of_nothing_is_an_index(served: Served) -> None:
    empty = RawManifest(b'{"schemaVersion":2,"manifests":[]}', OCI_INDEX)

    assert put(served, empty, "empty").status == 201
    assert served.tools.get_manifest("app", "empty") == empty


def test_an_index_may_name_blobs(served: Served) -> None:
    layer = served.tools.push_blob(b"layer", "app")
    entry = {"mediaType": "application/x.layer", "digest": str(layer), "size": 5}
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry]}
    cache = RawManifest(json.dumps(document).encode(), OCI_INDEX)

    assert put(served, cache, "cache", "other").status == 404
    assert put(served, cache, "cache").status == 201
    assert served.ask("DELETE", f"app/blobs/{layer}").status == 405


def test_an_index_that_calls_a_manifest_something_else_is_refused(served: Served) -> None:
    served.tools.push(IMAGE, "app", "1.0")
    entry = {**IMAGE.top.descriptor().to_json(), "mediaType": DOCKER_MANIFEST}
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry]}

    refused = put(served, RawManifest(json.dumps(document).encode(), OCI_INDEX), "list")

    assert (refused.status, code_of(refused)) == (400, "MANIFEST_INVALID")


def test_layers_that_may_not_be_distributed_need_not_be_there(served: Served) -> None:
    document = json.loads(IMAGE.top.content)
    document["layers"].append(
        {
            "mediaType": "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
            "digest": str(Digest.of(b"elsewhere")),
            "size": 9,
            "urls": ["https://store.example.com/layer"],
        }
    )
    push_blobs(served, IMAGE)

    assert put(served, RawManifest(json.dumps(document).encode(), OCI_MANIFEST), "1").status == 201


def test_a_size_that_is_not_the_blobs_is_refused(served: Served) -> None:
    document = json.loads(IMAGE.top.content)
    document["layers"][0]["size"] += 1
    push_blobs(served, IMAGE)

    refused = put(served, RawManifest(json.dumps(document).encode(), OCI_MANIFEST), "1")

    assert (refused.status, code_of(refused)) == (400, "SIZE_INVALID")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{",
        b'{"schemaVersion":2}',
        b'{"schemaVersion":2,"layers":[],"manifests":[]}',
        b'{"schemaVersion":2,"manifests":[{"mediaType":"x","digest":"sha256:../../x","size":1}]}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_manifest_is_refused(served: Served, content: bytes) -> None:
    refused = put(served, RawManifest(content, OCI_MANIFEST), "1.0")

    assert (refused.status, code_of(refused)) == (400, "MANIFEST_INVALID")
    assert served.index_names() == []


def test_schema_1_is_refused(served: Served) -> None:
    image = schema1_image(gzipped(b"layer"))
    push_blobs(served, image)

    refused = put(served, image.top, "1.0")

    assert (refused.status, code_of(refused)) == (400, "MANIFEST_INVALID")


def test_a_manifest_of_another_digest_is_refused(served: Served) -> None:
    push_blobs(served, IMAGE)

    refused = put(served, IMAGE.top, str(Digest.of(b"other")))

    assert (refused.status, code_of(refused)) == (400, "DIGEST_INVALID")


@pytest.mark.parametrize("reference", ["sha256:short", "-tag", "a" * 129, "..", "%2e%2e%2fx"])
def test_what_is_neither_tag_nor_digest_is_refused(served: Served, reference: str) -> None:
    push_blobs(served, IMAGE)

    assert put(served, IMAGE.top, reference).status in (400, 404)
    assert served.index_names() == []


def test_a_manifest_is_known_by_its_sha512_too(served: Served) -> None:
    push_blobs(served, IMAGE)
    digest = Digest.of(IMAGE.top.content, "sha512")

    assert put(served, IMAGE.top, str(digest)).status == 201
    found = served.ask("GET", f"app/manifests/{digest}")
    assert (found.body, found.headers["docker-content-digest"]) == (IMAGE.top.content, str(digest))


def test_a_manifest_of_four_mebibytes_is_taken_and_a_larger_one_is_not(served: Served) -> None:
    limit = 4 * 1024 * 1024
    start, end = b'{"schemaVersion":2,"manifests":[],"annotations":{"a":"', b'"}}'
    largest = start + b"x" * (limit - len(start) - len(end)) + end

    assert put(served, RawManifest(largest, OCI_INDEX), "1").status == 201
    refused = put(served, RawManifest(largest + b" ", OCI_INDEX), "2")

    assert (refused.status, code_of(refused)) == (413, "MANIFEST_INVALID")


def test_a_manifest_in_http_chunks_has_the_same_limit(served: Served) -> None:
    chunk = b"100000\r\n" + b" " * 0x100000 + b"\r\n"

    answer = served.raw(
        b"PUT /v2/app/manifests/1 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
        + chunk * 5
        + b"0\r\n\r\n"
    )

    assert answer.startswith(b"HTTP/1.1 413 ")


def test_a_damaged_manifest_is_not_handed_out(served: Served) -> None:
    served.tools.push(IMAGE, "app", "1.0")
    served.blob_path(IMAGE.digest).write_bytes(IMAGE.top.content.replace(b"2", b"3"))

    assert served.ask("GET", "app/manifests/1.0").status == 500


def test_a_damaged_manifest_that_is_pushed_again_is_whole_again(served: Served) -> None:
    served.tools.push(IMAGE, "app", "1.0")
    served.blob_path(IMAGE.digest).write_bytes(IMAGE.top.content.replace(b"2", b"3"))

    assert put(served, IMAGE.top, "1.0").status == 201
    assert served.tools.holds(IMAGE, "app", "1.0")


def test_a_tag_that_moves_leaves_its_manifest_behind(served: Served) -> None:
    served.tools.push(IMAGE, "app", "latest")

    served.tools.push(single_image(seed="new"), "app", "latest")

    assert served.tools.get_manifest("app", "latest") == single_image(seed="new").top
    assert served.tools.holds(IMAGE, "app", str(IMAGE.digest))


def test_a_deleted_tag_leaves_its_manifest_behind(served: Served) -> None:
    served.tools.push(IMAGE, "app", "1.0")

    assert served.ask("DELETE", "app/manifests/1.0").status == 202

    assert served.ask("GET", "app/manifests/1.0").status == 404
    assert served.tools.holds(IMAGE, "app", str(IMAGE.digest))


def test_a_deleted_manifest_takes_all_its_tags_along(served: Served) -> None:
    for tag in ("1.0", "latest"):
        served.tools.push(IMAGE, "app", tag)
    served.tools.push(IMAGE, "other", "1.0")

    assert served.ask("DELETE", f"app/manifests/{IMAGE.digest}").status == 202

    assert served.tools.tags("app") == []
    assert served.ask("GET", f"app/manifests/{IMAGE.digest}").status == 404
    assert served.tools.holds(IMAGE, "other", "1.0")


@pytest.mark.parametrize("reference", ["nope", str(Digest.of(b"nope"))])
def test_what_is_not_there_cannot_be_deleted(served: Served, reference: str) -> None:
    served.tools.push(IMAGE, "app", "1.0")

    refused = served.ask("DELETE", f"app/manifests/{reference}")

    assert (refused.status, code_of(refused)) == (404, "MANIFEST_UNKNOWN")


def test_a_manifest_that_an_index_names_cannot_be_deleted_before_it(served: Served) -> None:
    served.tools.push(INDEX, "app", "1.0")
    child = INDEX.children[0].digest

    assert served.ask("DELETE", f"app/manifests/{child}").status == 405
    assert served.tools.holds(INDEX, "app", "1.0")

    assert served.ask("DELETE", f"app/manifests/{INDEX.digest}").status == 202
    assert served.ask("GET", f"app/manifests/{child}").status == 404


def test_blobs_of_a_deleted_manifest_can_be_used_again(served: Served) -> None:
    served.tools.push(IMAGE, "app", "1.0")
    served.ask("DELETE", f"app/manifests/{IMAGE.digest}")

    assert put(served, IMAGE.top, "again").status == 201
