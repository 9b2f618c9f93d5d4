"""Manifests that break on the way, or are not what they should be."""

from __future__ import annotations

import pytest

from regcopy.errors import DigestMismatch, LimitExceeded
from regcopy.model.digest import Digest
from regcopy.model.manifest import MAX_MANIFEST_BYTES, RawManifest
from regcopy.model.mediatypes import DOCKER_SCHEMA1, DOCKER_SCHEMA1_SIGNED, OCI_MANIFEST
from regcopy.testing.samples import multi_platform_image, single_image
from regcopy.transports.base import Context
from tests.docker_tools import open_source
from tests.fake_registry import FakeRegistry, Fault
from tests.faults import change_headers, cut_body, refuse, reply, reset
from tests.schema1 import gzipped, schema1_image

IMAGE = single_image()
SCHEMA1 = schema1_image(gzipped(b"layer"))
MANIFESTS = "/manifests/"


def get(fake: FakeRegistry, context: Context) -> RawManifest:
    """Read the manifest of IMAGE by its tag."""
    fake.hold(IMAGE, "a/b", "1")
    return open_source(fake.host, "a/b", context).get_manifest()


@pytest.mark.parametrize("fault", [cut_body(100), refuse(503, "UNAVAILABLE"), reset()])
def test_a_manifest_that_breaks_is_read_again(
    fake: FakeRegistry, source_context: Context, fault: Fault
) -> None:
    fake.on("GET", MANIFESTS, fault)
    assert get(fake, source_context) == IMAGE.top
    assert len(fake.asked("GET", MANIFESTS)) == 2


def test_a_manifest_that_is_not_what_its_digest_header_says_is_refused(
    fake: FakeRegistry, source_context: Context
) -> None:
    other = single_image(seed="other").digest
    fake.on("GET", MANIFESTS, change_headers(docker_content_digest=str(other)))
    with pytest.raises(DigestMismatch):
        get(fake, source_context)


def test_a_digest_header_that_is_no_digest_is_passed_over(
    fake: FakeRegistry, source_context: Context
) -> None:
    fake.on("GET", MANIFESTS, change_headers(docker_content_digest="sha256:../../x"))
    assert get(fake, source_context) == IMAGE.top


def test_a_child_that_is_not_the_one_asked_for_is_refused(
    fake: FakeRegistry, source_context: Context
) -> None:
    index = multi_platform_image()
    fake.hold(index, "a/b", "1")
    wanted, other = index.children[:2]
    fake.manifests["a/b", str(wanted.digest)] = other
    source = open_source(fake.host, "a/b", source_context)
    with pytest.raises(DigestMismatch):
        source.get_manifest(RawManifest(wanted.content, other.media_type).descriptor())


def test_a_top_manifest_that_is_not_the_digest_of_the_name_is_refused(
    fake: FakeRegistry, source_context: Context
) -> None:
    fake.manifests["a/b", str(IMAGE.digest)] = single_image(seed="other").top
    source = open_source(fake.host, "a/b", source_context, IMAGE.digest)
    with pytest.raises(DigestMismatch):
        source.get_manifest()


def test_a_manifest_over_four_mebibytes_is_refused(
    fake: FakeRegistry, source_context: Context
) -> None:
    fake.on("GET", MANIFESTS, reply(200, b" " * (MAX_MANIFEST_BYTES + 1)))
    with pytest.raises(LimitExceeded):
        get(fake, source_context)


@pytest.mark.parametrize("served", ["text/plain", "application/json; charset=utf-8", ""])
def test_a_registry_that_does_not_say_the_type_is_not_needed_for_it(
    fake: FakeRegistry, source_context: Context, served: str
) -> None:
    fake.on("GET", MANIFESTS, change_headers(content_type=served))
    assert get(fake, source_context).media_type == OCI_MANIFEST


def test_parameters_of_the_type_are_left_out(fake: FakeRegistry, source_context: Context) -> None:
    fake.on("GET", MANIFESTS, change_headers(content_type=f"{OCI_MANIFEST}; charset=utf-8"))
    assert get(fake, source_context).media_type == OCI_MANIFEST


def test_bytes_that_are_no_manifest_come_as_they_are(
    fake: FakeRegistry, source_context: Context
) -> None:
    fake.on("GET", MANIFESTS, reply(200, b"hello", {"Content-Type": "Text/Plain"}))
    assert get(fake, source_context) == RawManifest(b"hello", "text/plain")


def schema1_reply(digest: Digest, served: str = DOCKER_SCHEMA1_SIGNED) -> Fault:
    headers = {"Content-Type": served, "Docker-Content-Digest": str(digest)}
    return reply(200, SCHEMA1.top.content, headers)


@pytest.mark.parametrize("served", [DOCKER_SCHEMA1_SIGNED, DOCKER_SCHEMA1, "application/json"])
def test_the_digest_of_a_signed_schema_1_manifest_leaves_the_signatures_out(
    fake: FakeRegistry, source_context: Context, served: str
) -> None:
    fake.on("GET", MANIFESTS, schema1_reply(SCHEMA1.digest, served))

    assert get(fake, source_context).digest == SCHEMA1.digest


def test_a_signed_schema_1_manifest_that_has_another_digest_is_refused(
    fake: FakeRegistry, source_context: Context
) -> None:
    fake.on("GET", MANIFESTS, schema1_reply(Digest.of(SCHEMA1.top.content)))

    with pytest.raises(DigestMismatch):
        get(fake, source_context)


def test_all_types_are_asked_for_at_once(fake: FakeRegistry, source_context: Context) -> None:
    get(fake, source_context)
    accepted = fake.asked("GET", MANIFESTS)[0].headers["accept"]
    assert "image.index.v1+json" in accepted
    assert "manifest.list.v2+json" in accepted
