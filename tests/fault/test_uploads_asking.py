"""Asking whether a blob is there, and mounting it, at registries that do not like to be asked."""

from __future__ import annotations

import dataclasses
import hashlib

import pytest

from regcopy.model.digest import Digest
from regcopy.transports.base import Context
from tests.conftest import Keep
from tests.contexts import make_context
from tests.docker_tools import (
    describe,
    open_destination,
    put,
    reference,
)
from tests.fake_registry import FakeRegistry
from tests.faults import change_headers, refuse

KIB = 1024
MIB = 1024 * KIB
CONTENT = hashlib.shake_128(b"blob").digest(3 * MIB + 5)


def upload(fake: FakeRegistry, context: Context, content: bytes = CONTENT) -> None:
    """Bring a blob to a/b, and see that it is there."""
    with open_destination(fake.host, "a/b", context) as destination:
        put(destination, content)
    assert fake.blobs["a/b", Digest.of(content)] == content


def methods(fake: FakeRegistry) -> list[str]:
    """Methods of all requests, in order."""
    return [exchange.method for exchange in fake.seen]


@pytest.mark.parametrize("status", [400, 404, 405, 422, 501])
def test_a_registry_that_refuses_to_mount_from_itself_is_asked_by_head_from_then_on(
    fake: FakeRegistry, destination_context: Context, status: int
) -> None:
    fake.on("POST", "mount=", refuse(status, "UNSUPPORTED"), forever=True)
    upload(fake, destination_context)
    assert methods(fake) == ["POST", "HEAD", "POST", "PUT"]
    fake.seen.clear()
    upload(fake, destination_context, b"another")
    assert methods(fake) == ["HEAD", "POST", "PUT"]


def test_a_registry_without_mounts_that_has_the_blob_is_sent_nothing(
    fake: FakeRegistry, destination_context: Context
) -> None:
    fake.hold_blob(CONTENT, "a/b")
    fake.on("POST", "mount=", refuse(405, "UNSUPPORTED"), forever=True)
    upload(fake, destination_context)
    assert methods(fake) == ["POST", "HEAD"]


def test_a_blob_of_another_size_is_not_the_one(fake: FakeRegistry, keep: Keep) -> None:
    fake.hold_blob(b"abc", "a/b")
    context = keep(make_context("destination", read_only=True))
    with open_destination(fake.host, "a/b", context) as destination:
        assert destination.find_blob(describe(b"abc"))
        assert not destination.find_blob(dataclasses.replace(describe(b"abc"), size=4))


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 500])
def test_a_mount_that_is_refused_becomes_an_upload(
    fake: FakeRegistry, destination_context: Context, status: int
) -> None:
    fake.hold_blob(CONTENT, "source")
    fake.on("POST", "from=source", refuse(status, "DENIED"), forever=True)
    with open_destination(fake.host, "a/b", destination_context) as destination:
        assert not destination.mount_blob(describe(CONTENT), reference(fake.host, "source"))
        put(destination, CONTENT)
    assert fake.blobs["a/b", Digest.of(CONTENT)] == CONTENT


def test_a_repository_that_nothing_may_be_mounted_from_is_asked_for_once(
    fake: FakeRegistry, destination_context: Context
) -> None:
    fake.on("POST", "from=source", refuse(403, "DENIED"), forever=True)
    with open_destination(fake.host, "a/b", destination_context) as destination:
        for content in (b"one", b"two"):
            assert not destination.mount_blob(describe(content), reference(fake.host, "source"))
    assert methods(fake) == ["POST"]


def test_a_mount_of_another_blob_is_not_believed(
    fake: FakeRegistry, destination_context: Context
) -> None:
    fake.hold_blob(CONTENT, "source")
    other = str(Digest.of(b"other"))
    fake.on("POST", "from=source", change_headers(docker_content_digest=other))
    with open_destination(fake.host, "a/b", destination_context) as destination:
        assert not destination.mount_blob(describe(CONTENT), reference(fake.host, "source"))
