"""How destinations are named: exactly as skopeo names them."""

from __future__ import annotations

import pytest

from regcopy.batch.sync.pattern import TagPattern
from regcopy.batch.sync.request import DestinationKind, SyncRequest, TagFilter, joined
from regcopy.errors import UsageError

DIGEST = f"sha256:{'a' * 64}"


@pytest.mark.parametrize(
    ("parts", "whole"),
    [
        (("a", "b"), "a/b"),
        (("a/", "/b/"), "a/b"),
        (("", "b"), "b"),
        (("a", ""), "a"),
        (("", ""), ""),
        (("/", "a"), "/a"),
        (("//a", "b"), "/a/b"),
        (("./a", "../b"), "b"),
        (("host:5000/x//y", "app:1"), "host:5000/x/y/app:1"),
    ],
)
def test_parts_are_joined_as_go_does(parts: tuple[str, ...], whole: str) -> None:
    assert joined(*parts) == whole


@pytest.mark.parametrize(
    ("kind", "destination", "name", "plain", "scoped"),
    [
        (
            "docker",
            "host/x",
            "quay.io/team/app:1",
            "docker://host/x/app:1",
            "docker://host/x/quay.io/team/app:1",
        ),
        (
            "docker",
            "host:5000/x/",
            f"quay.io/app@{DIGEST}",
            f"docker://host:5000/x/app@{DIGEST}",
            f"docker://host:5000/x/quay.io/app@{DIGEST}",
        ),
        (
            "dir",
            "/media/usb",
            "docker.io/library/busybox:1",
            "dir:/media/usb/busybox:1",
            "dir:/media/usb/docker.io/library/busybox:1",
        ),
        ("dir", ".", "q.io/a:1", "dir:a:1", "dir:q.io/a:1"),
        ("docker", "host", "/a/b:1", "docker://host/b:1", "docker://host/a/b:1"),
    ],
)
def test_a_destination_is_the_last_part_of_the_name_or_all_of_it(
    kind: DestinationKind, destination: str, name: str, plain: str, scoped: str
) -> None:
    assert SyncRequest("docker", kind, "", destination).destination_of(name) == plain
    whole = SyncRequest("docker", kind, "", destination, scoped=True)
    assert whole.destination_of(name) == scoped


def test_the_suffix_stands_behind_the_tag() -> None:
    request = SyncRequest("docker", "docker", "", "host", suffix="-mirror")
    assert request.destination_of("quay.io/app:1") == "docker://host/app:1-mirror"


def test_folders_are_not_synced_with_folders() -> None:
    with pytest.raises(UsageError, match="sync from 'dir' to 'dir' not implemented"):
        SyncRequest("dir", "dir", "a", "b")


@pytest.mark.parametrize("request_kinds", [("dir", "docker"), ("docker", "dir"), ("yaml", "dir")])
def test_only_tags_of_registries_are_deleted(request_kinds: tuple[str, str]) -> None:
    source, destination = request_kinds
    with pytest.raises(UsageError, match="only tags can be deleted"):
        SyncRequest(source, destination, "a", "b", delete=True)  # type: ignore[arg-type]


def test_a_filter_wants_one_of_some_expressions_and_none_of_others() -> None:
    both = TagFilter((TagPattern("^v1"), TagPattern("^v2")), (TagPattern("rc"), TagPattern("a$")))
    tags = ["v1", "v2.0", "v3", "v1-rc1", "v2a"]
    assert [tag for tag in tags if both.allows(tag)] == ["v1", "v2.0"]
    assert all(TagFilter().allows(tag) for tag in tags)


@pytest.mark.parametrize("ending", ["", ".sig", ".att", ".sbom"])
def test_tags_of_attachments_are_no_images_where_they_travel_with_them(ending: str) -> None:
    tag = f"sha256-{'a' * 64}{ending}"
    assert TagFilter().allows(tag)
    assert not TagFilter(attachments=False).allows(tag)


@pytest.mark.parametrize("tag", ["1.0", "sha256-abc", f"sha256-{'a' * 64}.tar", f"v{'a' * 64}"])
def test_other_tags_are_images_always(tag: str) -> None:
    assert TagFilter(attachments=False).allows(tag)
