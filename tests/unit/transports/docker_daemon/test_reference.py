"""The grammar of `docker-daemon:`, with skopeo's words for what is none."""

from __future__ import annotations

import pytest

from regcopy.errors import InvalidReference
from regcopy.transports.abilities import NamesRepository
from regcopy.transports.docker_daemon import TRANSPORT, DaemonReference
from tests.contexts import make_context

ID = f"sha256:{'a' * 64}"


@pytest.mark.parametrize(
    ("text", "asked_for"),
    [
        ("app:1", "app:1"),
        ("docker.io/library/app:1", "app:1"),
        ("user/app:1", "user/app:1"),
        ("host:5000/user/app:1", "host:5000/user/app:1"),
        ("localhost/app:1", "localhost/app:1"),
        (f"app@{ID}", f"app@{ID}"),
        (ID, ID),
    ],
)
def test_names_are_asked_for_in_their_short_form(text: str, asked_for: str) -> None:
    reference = TRANSPORT.parse(text)

    assert isinstance(reference, DaemonReference)
    assert reference.wanted == asked_for
    assert str(reference) == f"docker-daemon:{asked_for}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "invalid reference"),
        ("app", "docker-daemon: reference app has neither a tag nor a digest"),
        ("App:1", "must be lowercase"),
        (f"app:1@{ID}", "references with both a tag and digest are currently not supported"),
        ("sha256:abc", "The sha256 repository name is reserved"),
        (f"sha512:{'a' * 128}", "only digest algorithm sha256 accepted"),
        (f"docker.io/library/{ID}", "The sha256 repository name is reserved"),
    ],
)
def test_what_is_no_reference_is_refused(text: str, message: str) -> None:
    with pytest.raises(InvalidReference, match=message):
        TRANSPORT.parse(text)


@pytest.mark.parametrize("text", [ID, f"app@{ID}"])
def test_only_a_name_with_a_tag_can_be_written(text: str) -> None:
    with pytest.raises(InvalidReference, match="a destination must be a name:tag"):
        TRANSPORT.parse(text).open_destination(make_context("destination"))


@pytest.mark.parametrize(
    ("tag", "name"), [("2", "docker-daemon:host/app:2"), ("other:3", "docker-daemon:other:3")]
)
def test_more_names_are_tags_or_whole_names(tag: str, name: str) -> None:
    reference = TRANSPORT.parse("host/app:1")

    assert isinstance(reference, DaemonReference)
    assert str(reference.with_tag(tag)) == name


def test_policy_knows_no_scope_of_it() -> None:
    reference = TRANSPORT.parse("app:1")

    assert (reference.policy_identity, tuple(reference.policy_namespaces)) == ("", ())


@pytest.mark.parametrize(("text", "name"), [("app:1", "docker.io/library/app"), (ID, "")])
def test_a_repository_is_named_unless_there_is_only_an_id(text: str, name: str) -> None:
    reference = TRANSPORT.parse(text)

    assert isinstance(reference, NamesRepository)
    assert reference.repository_name == name
