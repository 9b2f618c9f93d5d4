"""What somebody logs in to."""

from __future__ import annotations

import pytest

from regcopy.auth.login_key import LoginKey
from regcopy.errors import InvalidReference


@pytest.mark.parametrize(
    ("text", "key", "registry"),
    [
        ("quay.io", "quay.io", "quay.io"),
        ("localhost:5000", "localhost:5000", "localhost:5000"),
        ("[2001:db8::1]:5000", "[2001:db8::1]:5000", "[2001:db8::1]:5000"),
        ("registry", "registry", "registry"),
        ("quay.io/team", "quay.io/team", "quay.io"),
        ("quay.io/team/app", "quay.io/team/app", "quay.io"),
        ("docker.io/team", "docker.io/team", "docker.io"),
        ("https://quay.io", "quay.io", "quay.io"),
        ("https://index.docker.io/v1/", "index.docker.io", "index.docker.io"),
        ("http://localhost:5000/v2/", "localhost:5000", "localhost:5000"),
    ],
)
def test_a_registry_or_a_part_of_one_is_named(text: str, key: str, registry: str) -> None:
    parsed = LoginKey.parse(text)
    assert (str(parsed), parsed.registry) == (key, registry)


def test_a_part_of_a_registry_has_a_path() -> None:
    key = LoginKey.parse("quay.io/team/app")
    assert (key.is_namespaced, key.repository) == (True, "team/app")
    assert not LoginKey.parse("quay.io").is_namespaced


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", '"" names no registry'),
        ("https://", "names no registry"),
        ("https://[::1", "names no registry"),
        ("a b", "names no registry"),
        ("quay.io@x", "names no registry"),
        ("quay.io:port", "names no registry"),
        (f"{'a' * 256}", "names no registry"),
        ("a\x1b[2J", '"a\\x1b[2J" names no registry'),
        ("team/app", '"team" names no registry'),
        ("quay.io/Team", "invalid reference format: repository name must be lowercase"),
        ("quay.io/team//app", 'parse reference from "quay.io/team//app": invalid reference format'),
        ("quay.io/", "invalid reference format"),
        ("quay.io/team:1", 'reference "quay.io/team:1" contains tag or digest'),
        (f"quay.io/team@sha256:{'0' * 64}", "contains tag or digest"),
    ],
)
def test_what_names_no_registry_is_refused(text: str, problem: str) -> None:
    with pytest.raises(InvalidReference) as told:
        LoginKey.parse(text)
    assert problem in told.value.message
