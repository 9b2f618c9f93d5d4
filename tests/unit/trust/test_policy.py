"""Which requirements an image has."""

from __future__ import annotations

from pathlib import Path

import pytest

from regcopy.transports import parse_reference
from regcopy.trust.policy import ACCEPT_ANYTHING, AcceptAnything, Policy, Reject, Requirements

YES: Requirements = (AcceptAnything(),)
NO: Requirements = (Reject(),)


def accepted(image: str, transport: str, scopes: dict[str, Requirements]) -> bool:
    policy = Policy(NO, {transport: scopes})
    return policy.requirements_for(parse_reference(image)) == YES


@pytest.mark.parametrize(
    ("scope", "image", "matches"),
    [
        ("docker.io/library/app:1", "docker://app:1", True),
        ("docker.io/library/app:1", "docker://app:2", False),
        ("app:1", "docker://app:1", False),
        ("docker.io/library/app", "docker://app:2", True),
        ("docker.io/library", "docker://app", True),
        ("docker.io", "docker://app", True),
        ("docker", "docker://app", False),
        ("docker.io/libr", "docker://app", False),
        ("r.example.com:5000", "docker://r.example.com:5000/app", True),
        ("r.example.com", "docker://r.example.com:5000/app", False),
        ("*.example.com", "docker://r.example.com:5000/app", True),
        ("*.example.com", "docker://a.r.example.com/app", True),
        ("*.example.com", "docker://example.com/app", False),
        ("*.com", "docker://r.example.com/app", True),
        ("r.*.com", "docker://r.example.com/app", False),
        ("", "docker://app", True),
    ],
)
def test_a_scope_of_registries(scope: str, image: str, matches: bool) -> None:
    assert accepted(image, "docker", {scope: YES}) is matches


def test_the_narrowest_scope_alone_counts() -> None:
    scopes = {"": YES, "example.com": NO, "example.com/team": YES, "example.com/team/app": NO}
    assert not accepted("docker://example.com/team/app", "docker", scopes)
    assert accepted("docker://example.com/team/other", "docker", scopes)
    assert not accepted("docker://example.com/other", "docker", scopes)
    assert accepted("docker://example.org/app", "docker", scopes)


def test_scopes_of_one_transport_mean_nothing_to_another(tmp_path: Path) -> None:
    assert accepted(f"dir:{tmp_path}", "dir", {str(tmp_path): YES})
    assert not accepted(f"oci:{tmp_path}", "dir", {str(tmp_path): YES})


def test_a_link_to_a_folder_has_the_scope_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    assert accepted(f"dir:{tmp_path / 'link'}", "dir", {str(tmp_path / "real"): YES})
    assert not accepted(f"dir:{tmp_path / 'link'}", "dir", {str(tmp_path / "link"): YES})


def test_without_a_policy_every_image_is_accepted() -> None:
    assert ACCEPT_ANYTHING.requirements_for(parse_reference("docker://app")) == YES
