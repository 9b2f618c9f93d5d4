"""The grammar of `docker-archive:`, which is skopeo's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regcopy.errors import InvalidReference
from regcopy.model.reference import ImageName
from regcopy.transports import parse_reference
from regcopy.transports.docker_archive import DOCKER_TAR, TRANSPORT, DockerArchiveReference

DIGEST = f"sha256:{'a' * 64}"


@pytest.mark.parametrize(
    ("text", "path", "name", "position"),
    [
        ("a.tar", "a.tar", None, None),
        ("/tmp/a.tar", "/tmp/a.tar", None, None),
        ("-", "-", None, None),
        ("a.tar:busybox", "a.tar", "docker.io/library/busybox:latest", None),
        ("a.tar:busybox:1", "a.tar", "docker.io/library/busybox:1", None),
        ("a.tar:host:5000/x/y:1", "a.tar", "host:5000/x/y:1", None),
        ("a.tar:@0", "a.tar", None, 0),
        ("a.tar:@+7", "a.tar", None, 7),
        ("a.tar:@-0", "a.tar", None, 0),
    ],
)
def test_a_reference_is_taken_apart(
    text: str, path: str, name: str | None, position: int | None
) -> None:
    found = DockerArchiveReference(path, name and ImageName.parse(name), position)  # type: ignore[arg-type]
    assert TRANSPORT.parse(text) == found


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "docker-archive reference  isn't of the form <path>[:<reference>]"),
        (":busybox", "isn't of the form <path>[:<reference>]"),
        ("a\0b", "isn't of the form"),
        ("a.tar:", "docker-archive parsing reference: "),
        ("a.tar:A", "repository name must be lowercase"),
        ("a.tar:x:y:z", "docker-archive parsing reference: "),
        ("a.tar:@", "Invalid source index @: "),
        ("a.tar:@x", "Invalid source index @x: "),
        ("a.tar:@1x", "Invalid source index @1x: "),
        ("a.tar:@-1", "Invalid source index @-1: must not be negative"),
        ("a.tar:@99999999999999999999", "Invalid source index @99999999999999999999: "),
        (f"a.tar:x@{DIGEST}", f"does not include a tag: docker.io/library/x@{DIGEST}"),
        (
            f"a.tar:x:1@{DIGEST}",
            f"docker-archive doesn't support digest references: docker.io/library/x:1@{DIGEST}",
        ),
    ],
)
def test_what_is_no_reference_is_refused(text: str, problem: str) -> None:
    with pytest.raises(InvalidReference) as caught:
        TRANSPORT.parse(text)
    assert problem in caught.value.message


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("a:b", None, None), 'colon in path "a:b" is not supported'),
        (("a", ImageName.parse("x:1"), 0), "cannot use both a tag and a source index"),
        (("a", ImageName.parse("x"), None), "has no tag"),
        (("a", None, -1), "must not be negative"),
    ],
)
def test_a_reference_that_cannot_be_is_not_made(
    arguments: tuple[str, ImageName | None, int | None], problem: str
) -> None:
    with pytest.raises(InvalidReference, match=problem):
        DockerArchiveReference(*arguments)


@pytest.mark.parametrize("transport", ["docker-archive", "docker-tar"])
@pytest.mark.parametrize("rest", ["a.tar", "a.tar:docker.io/library/x:1", "a.tar:@3"])
def test_a_reference_prints_as_it_was_written(transport: str, rest: str) -> None:
    assert str(parse_reference(f"{transport}:{rest}")) == f"{transport}:{rest}"


def test_the_old_name_is_the_same_transport() -> None:
    assert DOCKER_TAR.name == "docker-tar"
    assert DOCKER_TAR.parse("a.tar:x").transport == "docker-tar"


def test_a_policy_knows_no_scope_of_it() -> None:
    reference = TRANSPORT.parse("a.tar:x")
    assert (reference.policy_identity, list(reference.policy_namespaces)) == ("", [])


@pytest.mark.parametrize(
    ("text", "tag", "name"),
    [
        ("a.tar:x:1", "2", "docker.io/library/x:2"),
        ("a.tar:x:1", "quay.io/y/z:2", "quay.io/y/z:2"),
        ("a.tar", "quay.io/y/z:2", "quay.io/y/z:2"),
        ("a.tar:x:1", "y:2", "docker.io/library/y:2"),
    ],
)
def test_an_additional_tag_is_a_whole_name_or_a_tag_of_the_same(
    text: str, tag: str, name: str
) -> None:
    assert DockerArchiveReference("a.tar").with_tag("x:1").path == "a.tar"
    reference = TRANSPORT.parse(text)
    assert isinstance(reference, DockerArchiveReference)
    assert str(reference.with_tag(tag).name) == name


@pytest.mark.parametrize("tag", ["", "y", f"y@{DIGEST}", f"y:1@{DIGEST}", "A:1", "y:1 2"])
def test_what_is_no_name_with_a_tag_is_no_additional_tag(tag: str) -> None:
    with pytest.raises(InvalidReference):
        DockerArchiveReference("a.tar").with_tag(tag)


@pytest.mark.parametrize(("text", "name"), [("a.tar:x:1", "docker.io/library/x"), ("a.tar", "")])
def test_the_repository_is_that_of_the_name(text: str, name: str) -> None:
    reference = TRANSPORT.parse(text)
    assert isinstance(reference, DockerArchiveReference)
    assert reference.repository_name == name


@given(st.text(max_size=40))
def test_any_text_is_a_reference_or_refused(text: str) -> None:
    try:
        reference = TRANSPORT.parse(text)
    except InvalidReference:
        return
    assert TRANSPORT.parse(str(reference).removeprefix("docker-archive:")) == reference
