"""Names of images in registries, as the transport `docker` takes them."""

from __future__ import annotations

import pytest

from regcopy.errors import InvalidReference
from regcopy.model.digest import Digest
from regcopy.model.reference import ImageName
from regcopy.transports import parse_reference
from regcopy.transports.abilities import DeletesImages, ListsTags, NamesManifests, TakesTags
from regcopy.transports.docker import TRANSPORT, DockerReference

DIGEST = f"sha256:{'a' * 64}"


def test_a_name_gets_the_tag_latest_and_prints_as_it_was_written() -> None:
    reference = TRANSPORT.parse("//busybox")
    assert isinstance(reference, DockerReference)
    assert reference.wanted == "latest"
    assert reference.registry == "docker.io"
    assert reference.repository == "library/busybox"
    assert str(reference) == "docker://busybox"


@pytest.mark.parametrize(
    ("text", "registry", "repository", "wanted"),
    [
        ("//localhost:5000/a/b:1", "localhost:5000", "a/b", "1"),
        ("//[::1]:5000/a:x", "[::1]:5000", "a", "x"),
        (f"//quay.io/a/b@{DIGEST}", "quay.io", "a/b", DIGEST),
        ("//index.docker.io/library/x:2", "docker.io", "library/x", "2"),
    ],
)
def test_parts_of_a_name(text: str, registry: str, repository: str, wanted: str) -> None:
    reference = parse_reference(f"docker:{text}")
    assert isinstance(reference, DockerReference)
    assert (reference.registry, reference.repository) == (registry, repository)
    assert reference.wanted == wanted
    assert str(reference) == f"docker:{text}"


@pytest.mark.parametrize(
    "text",
    ["busybox", "/busybox", "", "//", "//Busy", "//a:b:c", "//host/../x", "//a@sha256:../../x"],
)
def test_a_bad_name_is_refused_before_any_io(text: str) -> None:
    with pytest.raises(InvalidReference):
        TRANSPORT.parse(text)


def test_tag_and_digest_together_are_refused_as_skopeo_does() -> None:
    with pytest.raises(InvalidReference, match="both a tag and digest are currently not supported"):
        TRANSPORT.parse(f"//host.example/a:1@{DIGEST}")


def test_two_spellings_of_one_image_are_equal() -> None:
    assert TRANSPORT.parse("//busybox") == TRANSPORT.parse("//docker.io/library/busybox:latest")
    assert len({TRANSPORT.parse("//busybox"), TRANSPORT.parse("//busybox:latest")}) == 1


def test_a_reference_cannot_be_made_without_tag_and_digest() -> None:
    with pytest.raises(InvalidReference, match="neither tag nor digest"):
        DockerReference(ImageName("docker.io", "library/busybox"))


def test_policy_scopes_go_from_the_image_to_the_widest_domain() -> None:
    reference = TRANSPORT.parse("//registry.example.com:5000/a/b:1")
    assert reference.policy_identity == "registry.example.com:5000/a/b:1"
    assert list(reference.policy_namespaces) == [
        "registry.example.com:5000/a/b",
        "registry.example.com:5000/a",
        "registry.example.com:5000",
        "*.example.com",
        "*.com",
    ]


def test_the_policy_identity_of_a_digest_has_the_digest() -> None:
    reference = TRANSPORT.parse(f"//localhost/a@{DIGEST}")
    assert reference.policy_identity == f"localhost/a@{DIGEST}"
    assert list(reference.policy_namespaces) == ["localhost/a", "localhost"]


def test_a_reference_lists_and_deletes() -> None:
    reference = TRANSPORT.parse("//host.example/a:1")
    assert isinstance(reference, ListsTags)
    assert isinstance(reference, DeletesImages)
    assert reference.repository_name == "host.example/a"


def test_another_tag_is_in_the_same_repository() -> None:
    reference = TRANSPORT.parse("//host.example/a:1")
    assert isinstance(reference, TakesTags)
    assert str(reference.with_tag("2")) == "docker://host.example/a:2"
    with pytest.raises(InvalidReference):
        reference.with_tag("no tag")


def test_another_manifest_is_in_the_same_repository() -> None:
    reference = TRANSPORT.parse("//host.example/a:1")
    assert isinstance(reference, NamesManifests)
    named = reference.with_digest(Digest.of(b"x"))
    assert str(named) == f"docker://host.example/a@{Digest.of(b'x')}"


def test_a_digest_is_kept_as_a_value() -> None:
    reference = DockerReference(ImageName("h.example", "a", digest=Digest.of(b"x")))
    assert reference.digest == Digest.of(b"x")
    assert str(reference) == f"docker://h.example/a@{Digest.of(b'x')}"
