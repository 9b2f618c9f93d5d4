"""The grammar of `ostree:`, and the branches that images have."""

from __future__ import annotations

import pytest

from regcopy.errors import InvalidReference
from regcopy.transports.ostree import TRANSPORT, OstreeReference

DIGEST = f"sha256:{'a' * 64}"


def parse(text: str) -> OstreeReference:
    reference = TRANSPORT.parse(text)
    assert isinstance(reference, OstreeReference)
    return reference


@pytest.mark.parametrize(
    ("text", "image", "repository", "branch"),
    [
        ("app", "app:latest", "/ostree/repo", "ociimage/app_3Alatest"),
        ("app:1", "app:1", "/ostree/repo", "ociimage/app_3A1"),
        ("host:5000/a_b/app:1@/r", "host:5000/a_b/app:1", "/r", ""),
        (f"app@{DIGEST}", f"app@{DIGEST}", "/ostree/repo", f"ociimage/app_40sha256_3A{'a' * 64}"),
        ("localhost/app.x-y:1@/a/b@c", "localhost/app.x-y:1", "/a/b@c", ""),
    ],
)
def test_an_image_has_a_repository_and_a_branch(
    text: str, image: str, repository: str, branch: str
) -> None:
    reference = parse(text)

    assert (reference.image, reference.repository) == (image, repository)
    assert str(reference) == f"ostree:{image}@{repository}"
    assert branch in ("", reference.branch)


def test_only_the_plainest_characters_stay_in_a_branch() -> None:
    assert parse("host:5000/a_b/app:1").branch == "ociimage/host_3A5000_2Fa_5Fb_2Fapp_3A1"


@pytest.mark.parametrize("text", ["", "App", "app:1@", "app@r", "app:1@/with:colon", "app:1@/\0"])
def test_what_is_no_reference_is_refused(text: str) -> None:
    with pytest.raises(InvalidReference):
        parse(text)


@pytest.mark.parametrize(
    ("tag", "image"),
    [("2", "host:5000/app:2"), ("other:3", "other:3"), ("other/app", "other/app:latest")],
)
def test_more_names_are_in_the_same_repository(tag: str, image: str) -> None:
    assert parse("host:5000/app:1@/r").with_tag(tag) == OstreeReference(image, "/r")


def test_policy_names_repository_and_image() -> None:
    reference = parse("host/a/app:1@/r")

    assert reference.policy_identity == "/r:host/a/app:1"
    assert reference.policy_namespaces == ("/r:host/a/app", "/r:host/a", "/r:host")
