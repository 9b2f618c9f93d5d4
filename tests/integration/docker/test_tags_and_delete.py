"""Listing tags of real registries, and deleting from them."""

from __future__ import annotations

import pytest

from regcopy.errors import NotFound, TransportError
from regcopy.testing.samples import single_image
from regcopy.transports.base import Context
from regcopy.transports.docker import TRANSPORT, DockerReference
from regcopy.transports.docker.tags import list_tags
from tests.conftest import StartRegistry
from tests.docker_tools import reference
from tests.registry_tools import RegistryTools
from tests.servers import Registry, RegistrySetup


def test_all_tags_of_a_repository_are_listed(
    registry: Registry, tools: RegistryTools, repository: str, source_context: Context
) -> None:
    for tag in ("b", "a", "v1.0_x-2"):
        tools.push(single_image(), repository, tag)
    named = TRANSPORT.parse(f"//{registry.host}/{repository}")
    assert isinstance(named, DockerReference)
    assert sorted(named.list_tags(source_context)) == ["a", "b", "v1.0_x-2"]


def test_tags_of_no_repository_are_not_found(
    registry: Registry, repository: str, source_context: Context
) -> None:
    with pytest.raises(NotFound):
        list(list_tags(reference(registry.host, repository), source_context))


def test_deleting_a_tag_deletes_its_manifest_and_every_tag_of_it(
    registry: Registry, tools: RegistryTools, repository: str, destination_context: Context
) -> None:
    image = single_image()
    tools.push(image, repository, "1")
    tools.push(image, repository, "2")
    reference(registry.host, repository).delete_image(destination_context)
    assert tools.get_manifest(repository, "2") is None
    assert tools.get_manifest(repository, str(image.digest)) is None


def test_deleting_by_digest_is_one_request(
    registry: Registry, tools: RegistryTools, repository: str, destination_context: Context
) -> None:
    tools.push(single_image(), repository, "1")
    with registry.watch() as seen:
        named = reference(registry.host, repository, single_image().digest)
        named.delete_image(destination_context)
    assert [(r.method, r.status) for r in seen] == [("DELETE", 202)]


def test_deleting_what_is_not_there_is_not_found(
    registry: Registry, repository: str, destination_context: Context
) -> None:
    with pytest.raises(NotFound, match=f"delete {registry.host}/{repository}:1.*unknown"):
        reference(registry.host, repository).delete_image(destination_context)


def test_a_registry_without_deletion_says_so(
    start_registry: StartRegistry, repository: str, destination_context: Context
) -> None:
    registry = start_registry(RegistrySetup(deletes=False))
    RegistryTools(registry.url).push(single_image(), repository, "1")
    with pytest.raises(TransportError) as caught:
        reference(registry.host, repository).delete_image(destination_context)
    assert "deletion is turned off" in caught.value.hint
