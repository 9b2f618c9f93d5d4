"""Reading from real registries."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from regcopy.auth.credential import Credential
from regcopy.errors import NotFound, SizeMismatch, Unauthorized
from regcopy.model.digest import Digest
from regcopy.model.mediatypes import Format
from regcopy.testing.samples import multi_platform_image, single_image
from regcopy.transports.base import Context, SideOptions
from tests.conftest import PASSWORD, USER, Keep
from tests.contexts import make_context
from tests.docker_tools import describe, open_source, read_all
from tests.registry_tools import RegistryTools
from tests.servers import Registry
from tests.token_server import TokenServer


@pytest.mark.parametrize("family", ["oci", "v2s2"])
def test_manifests_and_blobs_are_the_bytes_that_were_pushed(
    registry: Registry,
    tools: RegistryTools,
    repository: str,
    source_context: Context,
    family: Format,
) -> None:
    image = multi_platform_image(family=family)
    tools.push(image, repository, "1")
    source = open_source(registry.host, repository, source_context)
    assert source.get_manifest() == image.top
    for child in image.children:
        assert source.get_manifest(child.descriptor()) == child
    for content in image.blobs.values():
        assert read_all(source.open_blob(describe(content))) == content


def test_an_image_is_read_by_its_digest(
    registry: Registry, tools: RegistryTools, repository: str, source_context: Context
) -> None:
    tools.push(single_image(), repository, "1")
    source = open_source(registry.host, repository, source_context, single_image().digest)
    assert source.get_manifest() == single_image().top


def test_one_image_costs_one_request_for_each_manifest_and_blob(
    registry: Registry, tools: RegistryTools, repository: str, source_context: Context
) -> None:
    image = single_image()
    tools.push(image, repository, "1")
    with registry.watch() as seen:
        source = open_source(registry.host, repository, source_context)
        source.get_manifest()
        source.get_manifest()
        for content in image.blobs.values():
            read_all(source.open_blob(describe(content)))
    assert [r.method for r in seen] == ["GET"] * 5


def test_a_tag_that_moves_is_resolved_once(
    registry: Registry, tools: RegistryTools, repository: str, source_context: Context
) -> None:
    tools.push(single_image(seed="old"), repository, "1")
    source = open_source(registry.host, repository, source_context)
    source.get_manifest()
    tools.push(single_image(seed="new"), repository, "1")
    assert source.get_manifest() == single_image(seed="old").top


def test_a_blob_is_opened_in_the_middle(
    registry: Registry, tools: RegistryTools, repository: str, source_context: Context
) -> None:
    content = bytes(range(256)) * 100
    tools.push_blob(content, repository)
    source = open_source(registry.host, repository, source_context)
    with registry.watch() as seen:
        assert read_all(source.open_blob(describe(content), offset=1000)) == content[1000:]
    assert [r.status for r in seen] == [206]


def test_nothing_is_asked_for_behind_the_last_byte(
    registry: Registry, repository: str, source_context: Context
) -> None:
    source = open_source(registry.host, repository, source_context)
    with registry.watch() as seen:
        assert read_all(source.open_blob(describe(b"abc"), offset=3)) == b""
    assert seen == []


def test_a_missing_image_and_a_missing_blob_are_not_found(
    registry: Registry, repository: str, source_context: Context
) -> None:
    source = open_source(registry.host, repository, source_context)
    with pytest.raises(NotFound, match="manifest unknown"):
        source.get_manifest()
    with pytest.raises(NotFound, match=str(Digest.of(b"missing"))):
        source.open_blob(describe(b"missing"))


def test_a_manifest_of_another_size_than_its_entry_says_is_refused(
    registry: Registry, tools: RegistryTools, repository: str, source_context: Context
) -> None:
    image = single_image()
    tools.push(image, repository, "1")
    entry = dataclasses.replace(image.top.descriptor(), size=image.top.size + 1)
    with pytest.raises(SizeMismatch):
        open_source(registry.host, repository, source_context).get_manifest(entry)


def test_sha512_digests_are_asked_for_and_checked(
    registry: Registry, tools: RegistryTools, repository: str, source_context: Context
) -> None:
    content = b"hashed with more bits"
    blob = dataclasses.replace(describe(content), digest=Digest.of(content, "sha512"))
    tools.push_blob(content, repository, algorithm="sha512")
    source = open_source(registry.host, repository, source_context)
    assert read_all(source.open_blob(blob)) == content


def test_a_registry_with_tls_is_read_through_its_certificate(
    tls_registry: Registry, repository: str, keep: Keep, tmp_path: Path
) -> None:
    tls = tls_registry.setup.tls
    assert tls is not None
    tools = RegistryTools(tls_registry.url, tls=tls.client_context())
    tools.push(single_image(), repository, "1")
    options = SideOptions(cert_dir=str(tls.write_certs_d(tmp_path / "certs")))
    context = keep(make_context("source", options=options))
    assert open_source(tls_registry.host, repository, context).get_manifest() == single_image().top


def test_a_password_opens_a_registry_and_no_password_does_not(
    basic_registry: Registry, repository: str, keep: Keep
) -> None:
    anonymous = keep(make_context("source"))
    with pytest.raises(Unauthorized):
        open_source(basic_registry.host, repository, anonymous).get_manifest()
    known = keep(make_context("source", credential=Credential(USER, PASSWORD)))
    with pytest.raises(NotFound):
        open_source(basic_registry.host, repository, known).get_manifest()


def test_one_anonymous_token_serves_manifest_and_blobs(
    token_registry: Registry,
    token_server: TokenServer,
    token_tools: RegistryTools,
    repository: str,
    source_context: Context,
) -> None:
    image = single_image()
    token_tools.push(image, repository, "1")
    before = len(token_server.asked)
    source = open_source(token_registry.host, repository, source_context)
    assert source.get_manifest() == image.top
    for content in image.blobs.values():
        assert read_all(source.open_blob(describe(content))) == content
    assert [a.scopes for a in token_server.asked[before:]] == [(f"repository:{repository}:pull",)]
