"""Writing to real registries; requests are counted from their access logs."""

from __future__ import annotations

import dataclasses
import hashlib
import io

import pytest

from regcopy.errors import DigestMismatch, TransportError, UsageError
from regcopy.model.digest import Digest
from regcopy.testing.samples import multi_platform_image, single_image
from regcopy.transports.abilities import (
    Abortable,
    HoldsImages,
    HoldsManifests,
    MountsBlobs,
)
from regcopy.transports.base import (
    Context,
    SideOptions,
)
from tests.conftest import Keep, StartRegistry
from tests.contexts import make_context
from tests.docker_tools import (
    describe,
    open_destination,
    opened_by,
    put,
    put_image,
    reference,
    stream_of,
)
from tests.registry_tools import RegistryTools
from tests.servers import Registry, RegistrySetup, count

MIB = 1024 * 1024


def test_an_index_with_all_its_images_arrives_whole(
    registry: Registry, tools: RegistryTools, repository: str, destination_context: Context
) -> None:
    image = multi_platform_image()
    with open_destination(registry.host, repository, destination_context) as destination:
        put_image(destination, image)
    assert tools.holds(image, repository, "1")


def test_relative_upload_locations_are_followed(
    second_registry: Registry, repository: str, destination_context: Context
) -> None:
    with open_destination(second_registry.host, repository, destination_context) as destination:
        put_image(destination, single_image())
    assert RegistryTools(second_registry.url).holds(single_image(), repository, "1")


def test_a_new_blob_costs_one_post_and_one_put(
    registry: Registry, repository: str, destination_context: Context
) -> None:
    with (
        registry.watch() as seen,
        open_destination(registry.host, repository, destination_context) as destination,
    ):
        put_image(destination, single_image())
    # Four blobs and one manifest, which is looked at afterwards.
    assert count(seen) == {"POST": 4, "PUT": 5, "HEAD": 1}


def test_a_blob_that_is_there_costs_one_post(
    registry: Registry, tools: RegistryTools, repository: str, destination_context: Context
) -> None:
    tools.push_blob(b"here", repository)
    with (
        registry.watch() as seen,
        open_destination(registry.host, repository, destination_context) as destination,
    ):
        assert destination.find_blob(describe(b"here"))
    assert [(r.method, r.status) for r in seen] == [("POST", 201)]


def test_a_mounted_blob_costs_one_post(
    registry: Registry, tools: RegistryTools, repository: str, destination_context: Context
) -> None:
    digest = tools.push_blob(b"elsewhere", f"{repository}-a")
    with (
        registry.watch() as seen,
        open_destination(registry.host, f"{repository}-b", destination_context) as destination,
    ):
        source = reference(registry.host, f"{repository}-a")
        assert destination.can_mount_from(source)
        assert destination.mount_blob(describe(b"elsewhere"), source)
    assert [(r.method, r.status) for r in seen] == [("POST", 201)]
    assert tools.get_blob(f"{repository}-b", digest) == b"elsewhere"


def test_a_mount_that_finds_nothing_becomes_the_upload(
    registry: Registry, tools: RegistryTools, repository: str, destination_context: Context
) -> None:
    with (
        registry.watch() as seen,
        open_destination(registry.host, repository, destination_context) as destination,
    ):
        other = reference(registry.host, f"{repository}-other")
        assert not destination.mount_blob(describe(b"new"), other)
        put(destination, b"new")
    assert [(r.method, r.status) for r in seen] == [("POST", 202), ("HEAD", 404), ("PUT", 201)]
    assert tools.get_blob(repository, Digest.of(b"new")) == b"new"


def test_only_another_repository_of_the_same_registry_can_be_mounted_from(
    registry: Registry, repository: str, destination_context: Context
) -> None:
    destination = open_destination(registry.host, repository, destination_context)
    assert not destination.can_mount_from(reference(registry.host, repository))
    assert not destination.can_mount_from(reference("other.example", f"{repository}-a"))


def test_a_dry_run_asks_by_head_and_begins_no_upload(
    registry: Registry, tools: RegistryTools, repository: str, keep: Keep
) -> None:
    tools.push_blob(b"here", repository)
    context = keep(make_context("destination", read_only=True))
    with (
        registry.watch() as seen,
        open_destination(registry.host, repository, context) as destination,
    ):
        assert destination.find_blob(describe(b"here"))
        assert not destination.find_blob(describe(b"not here"))
        assert not destination.can_mount_from(reference(registry.host, f"{repository}-a"))
    assert [r.method for r in seen] == ["HEAD", "HEAD"]


def test_the_current_digest_is_asked_by_one_head(
    registry: Registry, tools: RegistryTools, repository: str, destination_context: Context
) -> None:
    destination = open_destination(registry.host, repository, destination_context)
    assert destination.current_digest() is None
    tools.push(single_image(), repository, "1")
    with registry.watch() as seen:
        assert destination.current_digest() == single_image().digest
        assert destination.has_manifest(single_image().top.descriptor())
    assert count(seen) == {"HEAD": 2}


def test_the_name_changes_only_with_commit(
    registry: Registry, tools: RegistryTools, repository: str, destination_context: Context
) -> None:
    old, new = single_image(seed="old"), single_image(seed="new")
    tools.push(old, repository, "1")
    with open_destination(registry.host, repository, destination_context) as destination:
        for content in new.blobs.values():
            put(destination, content)
        destination.put_manifest(new.top, top=True)
    assert tools.get_manifest(repository, "1") == old.top


def test_additional_tags_name_the_same_manifest(
    registry: Registry, tools: RegistryTools, repository: str, destination_context: Context
) -> None:
    tools.push(single_image(), repository, "source")
    with open_destination(registry.host, repository, destination_context) as destination:
        destination.put_manifest(single_image().top, top=True)
        destination.commit(("2", "latest", "1"))
    assert sorted(tools.tags(repository)) == ["1", "2", "latest", "source"]


def test_a_tag_outside_the_grammar_is_refused_before_anything_is_written(
    registry: Registry, tools: RegistryTools, repository: str, destination_context: Context
) -> None:
    with open_destination(registry.host, repository, destination_context) as destination:
        destination.put_manifest(single_image().top, top=True)
        with pytest.raises(UsageError):
            destination.commit(("../x",))
    assert tools.tags(repository) == []


def test_a_reference_by_digest_takes_only_that_manifest(
    registry: Registry, tools: RegistryTools, repository: str, destination_context: Context
) -> None:
    image = single_image()
    wanted = image.digest
    with open_destination(registry.host, repository, destination_context, wanted) as destination:
        assert destination.capabilities.required_digest == wanted
        with pytest.raises(DigestMismatch):
            destination.put_manifest(single_image(seed="other").top, top=True)
        put_image(destination, image)
    assert tools.get_manifest(repository, str(wanted)) == image.top
    assert tools.tags(repository) == []


def test_an_empty_blob_is_a_blob(
    registry: Registry, tools: RegistryTools, repository: str, destination_context: Context
) -> None:
    with open_destination(registry.host, repository, destination_context) as destination:
        put(destination, b"")
    assert tools.get_blob(repository, Digest.of(b"")) == b""


@pytest.mark.parametrize("size", [0, 1, MIB, 3 * MIB + 1])
def test_a_blob_of_unknown_length_goes_by_patch(
    registry: Registry,
    tools: RegistryTools,
    repository: str,
    destination_context: Context,
    size: int,
) -> None:
    content = hashlib.shake_128(b"x").digest(size)
    with (
        open_destination(registry.host, repository, destination_context) as destination,
        stream_of(content, known=False) as stream,
    ):
        put_as = destination.put_blob(stream)
    assert put_as == describe(content)
    assert tools.get_blob(repository, put_as.digest) == content


def test_a_blob_over_the_threshold_goes_in_parts(
    registry: Registry, tools: RegistryTools, repository: str, keep: Keep
) -> None:
    content = hashlib.shake_128(b"x").digest(5 * MIB // 2)
    options = SideOptions(tls_verify=False, chunk_threshold_bytes=MIB)
    context = keep(make_context("destination", options=options))
    with (
        registry.watch() as seen,
        open_destination(registry.host, repository, context) as destination,
    ):
        put(destination, content)
    assert count(seen) == {"POST": 1, "PATCH": 3, "PUT": 1}
    assert tools.get_blob(repository, Digest.of(content)) == content


def test_sha512_blobs_are_taken(
    registry: Registry, tools: RegistryTools, repository: str, destination_context: Context
) -> None:
    content = b"hashed with more bits"
    blob = dataclasses.replace(describe(content), digest=Digest.of(content, "sha512"))
    with (
        open_destination(registry.host, repository, destination_context) as destination,
        stream_of(content, expected=blob) as stream,
    ):
        assert destination.put_blob(stream) == blob
    assert tools.get_blob(repository, blob.digest) == content


def test_wrong_bytes_are_never_completed_and_their_upload_is_cancelled(
    registry: Registry, tools: RegistryTools, repository: str, destination_context: Context
) -> None:
    right, wrong = b"a" * (3 * MIB), b"b" * (3 * MIB)
    blob = describe(right)
    with (
        registry.watch() as seen,
        open_destination(registry.host, repository, destination_context) as destination,
        opened_by(lambda offset: io.BytesIO(wrong[offset:]), blob) as stream,
    ):
        assert not destination.find_blob(blob)
        with pytest.raises(DigestMismatch):
            destination.put_blob(stream)
    # Its status is 204 or 404: the registry loses count of an upload whose connection broke.
    assert count(seen)["DELETE"] == 1
    assert tools.get_blob(repository, Digest.of(wrong)) is None


def test_uploads_that_were_begun_for_nothing_are_cancelled(
    registry: Registry, repository: str, destination_context: Context
) -> None:
    with registry.watch() as seen:
        with open_destination(registry.host, repository, destination_context) as destination:
            assert not destination.find_blob(describe(b"a"))
            assert not destination.find_blob(describe(b"b"))
        destination.close()
    assert [(r.method, r.status) for r in seen[2:]] == [("DELETE", 204)] * 2


def test_a_manifest_whose_blobs_are_missing_is_refused_and_the_tag_is_absent(
    registry: Registry, tools: RegistryTools, repository: str, destination_context: Context
) -> None:
    with open_destination(registry.host, repository, destination_context) as destination:
        destination.put_manifest(single_image().top, top=True)
        with pytest.raises(TransportError) as caught:
            destination.commit()
    assert caught.value.answer is not None
    assert "MANIFEST_BLOB_UNKNOWN" in caught.value.answer.codes
    assert tools.tags(repository) == []


def test_an_index_without_its_images_is_refused_with_advice(
    registry: Registry, repository: str, destination_context: Context
) -> None:
    with open_destination(registry.host, repository, destination_context) as destination:
        destination.put_manifest(multi_platform_image().top, top=True)
        with pytest.raises(TransportError) as caught:
            destination.commit()
    assert "--strip-removed-platforms" in caught.value.hint


def test_a_registry_that_is_read_only_refuses_in_one_line(
    start_registry: StartRegistry, repository: str, destination_context: Context
) -> None:
    registry = start_registry(RegistrySetup(read_only=True))
    with (
        open_destination(registry.host, repository, destination_context) as destination,
        pytest.raises(TransportError) as caught,
    ):
        put(destination, b"anything")
    assert caught.value.answer is not None
    assert caught.value.answer.status == 405


def test_it_has_the_abilities_that_the_engine_asks_for(
    registry: Registry, repository: str, destination_context: Context
) -> None:
    destination = open_destination(registry.host, repository, destination_context)
    assert isinstance(destination, HoldsImages)
    assert isinstance(destination, HoldsManifests)
    assert isinstance(destination, MountsBlobs)
    assert isinstance(destination, Abortable)
