"""Registries that take a manifest and do not keep it, show it late, or refuse it."""

from __future__ import annotations

import pytest

from regcopy.errors import Refused, TransportError
from regcopy.model.digest import Digest
from regcopy.testing.samples import multi_platform_image, single_image
from regcopy.transports.base import Context
from tests.docker_tools import open_destination
from tests.fake_registry import Exchange, FakeRegistry, Fault
from tests.faults import change_headers, refuse, reply, reset

IMAGE = single_image()
TAG = "/manifests/1"


def commit(fake: FakeRegistry, context: Context, wanted: str | Digest = "1") -> None:
    """Write the manifest of IMAGE and commit it."""
    with open_destination(fake.host, "a/b", context, wanted) as destination:
        destination.put_manifest(IMAGE.top, top=True)
        destination.commit()


def current(fake: FakeRegistry, context: Context) -> Digest | None:
    """What a/b:1 stands for."""
    with open_destination(fake.host, "a/b", context) as destination:
        return destination.current_digest()


def test_what_was_written_is_looked_at_by_one_head(
    fake: FakeRegistry, destination_context: Context
) -> None:
    commit(fake, destination_context)
    assert [e.method for e in fake.seen] == ["PUT", "HEAD"]


def test_a_registry_that_says_yes_and_stores_nothing_is_found_out(
    fake: FakeRegistry, destination_context: Context
) -> None:
    fake.on("PUT", TAG, reply(201, b"", {"Docker-Content-Digest": str(IMAGE.digest)}))
    with pytest.raises(Refused, match="does not have it"):
        commit(fake, destination_context)
    assert len(fake.asked("HEAD")) > 1


def test_a_registry_that_keeps_the_old_manifest_is_found_out(
    fake: FakeRegistry, destination_context: Context
) -> None:
    old = single_image(seed="old")
    fake.hold(old, "a/b", "1")
    fake.on("PUT", TAG, reply(201))
    with pytest.raises(Refused, match=str(old.digest)):
        commit(fake, destination_context)


def test_a_registry_that_shows_the_tag_late_is_waited_for(
    fake: FakeRegistry, destination_context: Context
) -> None:
    fake.on("HEAD", TAG, *[refuse(404, "MANIFEST_UNKNOWN")] * 3)
    fake.on("GET", TAG, *[refuse(404, "MANIFEST_UNKNOWN")] * 2)
    commit(fake, destination_context)
    assert [e.status for e in fake.asked("HEAD")] == [404, 404, 404, 200]


def test_a_registry_that_shows_the_old_manifest_for_a_while_is_waited_for(
    fake: FakeRegistry, destination_context: Context
) -> None:
    old = str(single_image(seed="old").digest)
    fake.on("HEAD", TAG, change_headers(docker_content_digest=old))
    commit(fake, destination_context)
    assert len(fake.asked("HEAD")) == 2


@pytest.mark.parametrize(
    "fault", [change_headers(docker_content_digest=""), refuse(400), refuse(405, "UNSUPPORTED")]
)
def test_a_registry_whose_head_gives_no_digest_is_read_from(
    fake: FakeRegistry, destination_context: Context, fault: Fault
) -> None:
    fake.on("HEAD", TAG, fault, forever=True)
    commit(fake, destination_context)
    assert [e.method for e in fake.seen] == ["PUT", "HEAD", "GET"]
    assert current(fake, destination_context) == IMAGE.digest


@pytest.mark.parametrize("status", [403, 404])
def test_a_registry_that_shows_it_to_get_alone_is_read_from(
    fake: FakeRegistry, destination_context: Context, status: int
) -> None:
    fake.on("HEAD", TAG, refuse(status), forever=True)
    commit(fake, destination_context)
    assert [e.method for e in fake.seen] == ["PUT", "HEAD", "HEAD", "GET"]


def test_a_digest_by_another_algorithm_is_compared_too(
    fake: FakeRegistry, destination_context: Context
) -> None:
    by_sha512 = Digest.of(IMAGE.top.content, "sha512")
    fake.on("HEAD", TAG, change_headers(docker_content_digest=str(by_sha512)))
    commit(fake, destination_context)


def test_a_name_with_a_digest_is_written_and_looked_at_by_digest(
    fake: FakeRegistry, destination_context: Context
) -> None:
    commit(fake, destination_context, IMAGE.digest)
    assert {e.path for e in fake.seen} == {f"/v2/a/b/manifests/{IMAGE.digest}"}


@pytest.mark.parametrize(
    "fault", [refuse(503, "UNAVAILABLE"), refuse(429, "TOOMANYREQUESTS"), reset()]
)
@pytest.mark.parametrize("method", ["PUT", "HEAD"])
def test_a_fault_that_passes_is_not_noticed(
    fake: FakeRegistry, destination_context: Context, method: str, fault: Fault
) -> None:
    fake.on(method, TAG, fault, fault)
    commit(fake, destination_context)
    assert fake.manifests["a/b", "1"] == IMAGE.top


def test_a_registry_that_refuses_oci_manifests_gives_the_advice_to_convert(
    fake: FakeRegistry, destination_context: Context
) -> None:
    fake.on("PUT", TAG, refuse(415, "MANIFEST_INVALID"))
    with pytest.raises(TransportError) as caught:
        commit(fake, destination_context)
    assert "--format v2s2" in caught.value.hint


def test_children_are_written_by_digest_and_at_once(
    fake: FakeRegistry, destination_context: Context
) -> None:
    index = multi_platform_image()
    with open_destination(fake.host, "a/b", destination_context) as destination:
        for child in index.children:
            destination.put_manifest(child, top=False)
        assert [e.path for e in fake.seen] == [
            f"/v2/a/b/manifests/{child.digest}" for child in index.children
        ]
        destination.put_manifest(index.top, top=True)
    assert ("a/b", "1") not in fake.manifests


@pytest.mark.parametrize("status", [401, 403])
def test_a_repository_that_does_not_exist_yet_may_answer_denied(
    fake: FakeRegistry, destination_context: Context, status: int
) -> None:
    fake.on("HEAD", TAG, refuse(status))
    assert current(fake, destination_context) is None


def test_a_registry_that_is_down_is_no_empty_registry(
    fake: FakeRegistry, destination_context: Context
) -> None:
    fake.on("HEAD", TAG, refuse(503, "UNAVAILABLE"), forever=True)
    with pytest.raises(TransportError):
        current(fake, destination_context)


def test_a_head_that_says_there_is_something_which_a_get_does_not_find_is_nothing(
    fake: FakeRegistry, destination_context: Context
) -> None:
    def without_digest(exchange: Exchange) -> bool:
        exchange.answer(200, b"")
        return True

    fake.on("HEAD", TAG, without_digest)
    assert current(fake, destination_context) is None


def test_a_registry_that_misses_its_own_blobs_for_a_moment_is_asked_again(
    fake: FakeRegistry, destination_context: Context
) -> None:
    fake.on("PUT", TAG, *[refuse(400, "MANIFEST_BLOB_UNKNOWN")] * 2)
    commit(fake, destination_context)
    assert [e.status for e in fake.asked("PUT")] == [400, 400, 201]


def test_blobs_that_stay_missing_are_an_error(
    fake: FakeRegistry, destination_context: Context
) -> None:
    fake.on("PUT", TAG, refuse(400, "MANIFEST_BLOB_UNKNOWN"), forever=True)
    with pytest.raises(Refused, match="manifest_blob_unknown"):
        commit(fake, destination_context)
    assert len(fake.asked("PUT")) == 4
