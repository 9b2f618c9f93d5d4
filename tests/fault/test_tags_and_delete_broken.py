"""Lists of tags that do not end, lead elsewhere, or are broken; deletions that fail."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from contextlib import suppress

import pytest

from regcopy.errors import (
    ConnectionFailed,
    LimitExceeded,
    NotFound,
    Refused,
    RegcopyError,
    TransportError,
)
from regcopy.testing.samples import single_image
from regcopy.transports.base import Context
from regcopy.transports.docker import tags as tags_module
from tests.docker_tools import reference
from tests.fake_registry import Exchange, FakeRegistry, Fault
from tests.faults import cut_body, refuse, reply, reset

LIST = "/v2/a/b/tags/list"


def page(names: Sequence[str], next_link: str = "") -> Fault:
    """Answer with a page of tags, and a link to the next."""
    body = json.dumps({"name": "a/b", "tags": names}).encode()
    return reply(200, body, {"Link": f'<{next_link}>; rel="next"'} if next_link else {})


def list_tags(fake: FakeRegistry, context: Context) -> list[str]:
    """List the tags of a/b."""
    return list(tags_module.list_tags(reference(fake.host, "a/b"), context))


def test_pages_are_followed_to_the_last(fake: FakeRegistry, source_context: Context) -> None:
    fake.on(
        "GET",
        LIST,
        page(["a", "b"], f"{LIST}?last=b"),
        page(["c"], f"http://{fake.host}{LIST}?last=c"),
        page(["d"]),
    )
    assert list_tags(fake, source_context) == ["a", "b", "c", "d"]


def test_a_tag_at_the_seam_of_two_pages_is_given_once(
    fake: FakeRegistry, source_context: Context
) -> None:
    fake.on("GET", LIST, page(["a", "b"], f"{LIST}?last=b"), page(["b", "c"]))
    assert list_tags(fake, source_context) == ["a", "b", "c"]


def test_tags_are_given_before_the_next_page_is_asked_for(
    fake: FakeRegistry, source_context: Context
) -> None:
    fake.on("GET", LIST, page(["a"], f"{LIST}?last=a"), page(["b"]))
    listed = tags_module.list_tags(reference(fake.host, "a/b"), source_context)
    assert next(listed) == "a"
    assert len(fake.seen) == 1


def test_a_list_that_points_to_itself_is_refused(
    fake: FakeRegistry, source_context: Context
) -> None:
    fake.on("GET", LIST, page(["a"], LIST), forever=True)
    with pytest.raises(Refused, match="circle"):
        list_tags(fake, source_context)
    assert len(fake.seen) == 1


def test_a_list_without_end_is_given_up(
    fake: FakeRegistry, source_context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = itertools.count()

    def endless(exchange: Exchange) -> bool:
        return page([], f"{LIST}?last={next(numbers)}")(exchange)

    monkeypatch.setattr(tags_module, "MAX_PAGES", 5)
    fake.on("GET", LIST, endless, forever=True)
    with pytest.raises(LimitExceeded, match="more than 5 pages"):
        list_tags(fake, source_context)
    assert len(fake.seen) == 5


def test_too_many_tags_are_given_up(
    fake: FakeRegistry, source_context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tags_module, "MAX_TAGS", 2)
    fake.on("GET", LIST, page(["a", "b", "c"]))
    with pytest.raises(LimitExceeded, match="more than 2 tags"):
        list_tags(fake, source_context)


@pytest.mark.parametrize(
    "link", ["http://other.example/v2/a/b/tags/list", "https://{host}/x", "//other.example/x"]
)
def test_a_next_page_on_another_server_is_refused(
    fake: FakeRegistry, source_context: Context, link: str
) -> None:
    fake.on("GET", LIST, page(["a"], link.format(host=fake.host)))
    with pytest.raises(Refused, match="another server"):
        list_tags(fake, source_context)


def test_a_path_that_looks_like_another_server_is_asked_of_the_registry_itself(
    fake: FakeRegistry, source_context: Context
) -> None:
    with FakeRegistry() as other:
        fake.on("GET", LIST, page(["a"], f"http://{fake.host}//{other.host}{LIST}"))
        with suppress(NotFound):
            list_tags(fake, source_context)

        assert other.seen == []


def test_a_page_that_is_too_large_is_refused(fake: FakeRegistry, source_context: Context) -> None:
    fake.on("GET", LIST, reply(200, b" " * (4 * 1024 * 1024 + 1)))
    with pytest.raises(LimitExceeded):
        list_tags(fake, source_context)


@pytest.mark.parametrize("fault", [cut_body(5), refuse(503, "UNAVAILABLE"), reset()])
def test_a_page_that_breaks_is_asked_for_again(
    fake: FakeRegistry, source_context: Context, fault: Fault
) -> None:
    fake.hold(single_image(), "a/b", "1")
    fake.on("GET", LIST, fault)
    assert list_tags(fake, source_context) == ["1"]


def test_a_list_of_what_cannot_be_tags_is_refused(
    fake: FakeRegistry, source_context: Context
) -> None:
    fake.on("GET", LIST, page(["ok", "\x1b]0;owned\x07"]))
    with pytest.raises(RegcopyError) as caught:
        list_tags(fake, source_context)
    assert str(caught.value).isprintable()


def test_a_deletion_that_breaks_is_repeated(
    fake: FakeRegistry, destination_context: Context
) -> None:
    fake.hold(single_image(), "a/b", "1")
    fake.on("DELETE", "/manifests/", refuse(503, "UNAVAILABLE"), reset())
    reference(fake.host, "a/b").delete_image(destination_context)
    assert fake.manifests == {}


def test_a_deletion_whose_answer_was_lost_is_done(
    fake: FakeRegistry, destination_context: Context
) -> None:
    def delete_and_break(exchange: Exchange) -> bool:
        fake.manifests.clear()
        exchange.reset()
        return True

    fake.hold(single_image(), "a/b", "1")
    fake.on("DELETE", "/manifests/", delete_and_break)
    reference(fake.host, "a/b").delete_image(destination_context)


@pytest.mark.parametrize("status", [403, 404, 405])
def test_a_tag_is_deleted_through_the_digest_of_its_manifest_where_head_is_not_there(
    fake: FakeRegistry, destination_context: Context, status: int
) -> None:
    image = single_image()
    fake.hold(image, "a/b", "1")
    fake.on("HEAD", "/manifests/", refuse(status, "UNSUPPORTED"))
    reference(fake.host, "a/b").delete_image(destination_context)
    assert fake.asked("DELETE")[0].path.endswith(str(image.digest))


def test_a_registry_that_refuses_deletion_says_why(
    fake: FakeRegistry, destination_context: Context
) -> None:
    fake.hold(single_image(), "a/b", "1")
    fake.on("DELETE", "/manifests/", refuse(405, "UNSUPPORTED"))
    with pytest.raises(TransportError) as caught:
        reference(fake.host, "a/b").delete_image(destination_context)
    assert "turned off" in caught.value.hint


def test_a_connection_that_never_stands_is_told(
    fake: FakeRegistry, destination_context: Context
) -> None:
    fake.on("HEAD", "/manifests/", reset(), forever=True)
    with pytest.raises(ConnectionFailed):
        reference(fake.host, "a/b").delete_image(destination_context)


def test_what_is_not_there_is_not_found(fake: FakeRegistry, destination_context: Context) -> None:
    with pytest.raises(NotFound):
        reference(fake.host, "a/b", single_image().digest).delete_image(destination_context)
