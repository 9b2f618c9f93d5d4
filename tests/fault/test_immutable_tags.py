"""Registries whose tags cannot be written twice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pytest

from regcopy.testing.samples import multi_platform_image
from tests.command_line import Ended, run_cli
from tests.fake_registry import Exchange, FakeRegistry, Fault

IMAGE: Final = multi_platform_image()
OTHER: Final = multi_platform_image(seed="other")
PLAIN: Final = ("--src-tls-verify=false", "--dest-tls-verify=false")


def immutable(status: int, code: str) -> Fault:
    """Refuse to write a tag that is there, even with what it stands for."""

    def fault(exchange: Exchange) -> bool:
        repository, _, tag = exchange.path.removeprefix("/v2/").partition("/manifests/")
        if (repository, tag) not in exchange.registry.manifests:
            return False
        exchange.error(status, code)
        return True

    return fault


@pytest.fixture(params=[(400, "TAG_INVALID"), (403, "DENIED"), (409, "TAG_INVALID")])
def target(request: pytest.FixtureRequest) -> Iterator[FakeRegistry]:
    """A registry that has the image, and takes no tag twice."""
    with FakeRegistry() as running:
        running.on("PUT", "/manifests/[^s]", immutable(*request.param), forever=True)
        yield running


def copy(source: FakeRegistry, target: FakeRegistry, tag: str = "1") -> Ended:
    names = (f"docker://{source.host}/in:{tag}", f"docker://{target.host}/out:1")
    return run_cli("copy", "--all", *PLAIN, *names)


def test_an_unchanged_image_is_copied_again_without_writing(
    fake: FakeRegistry, target: FakeRegistry
) -> None:
    fake.hold(IMAGE, "in", "1")
    assert copy(fake, target).code == 0
    target.seen.clear()
    ended = copy(fake, target)
    assert (ended.code, ended.err) == (0, "")
    assert {each.method for each in target.seen} == {"HEAD"}


def test_the_images_of_an_index_get_no_tag(fake: FakeRegistry, target: FakeRegistry) -> None:
    fake.hold(IMAGE, "in", "1")
    assert copy(fake, target).code == 0
    names = [each.path.rpartition("/")[2] for each in target.asked("PUT", "/manifests/")]
    assert names[-1] == "1"
    assert set(names[:-1]) == {str(child.digest) for child in IMAGE.children}


def test_another_image_under_the_tag_is_refused_and_says_what_is_there(
    fake: FakeRegistry, target: FakeRegistry
) -> None:
    fake.hold(IMAGE, "in", "1")
    fake.hold(OTHER, "in", "2")
    copy(fake, target)
    ended = copy(fake, target, "2")
    assert ended.code == 1
    assert len(ended.log) == 1
    assert "writing manifest 1 to" in ended.fatal
    assert f"1 is {IMAGE.digest} there, and the registry may not let tags change" in ended.hint
    assert target.manifests["out", "1"] == IMAGE.top
    assert len(target.asked("PUT", "/manifests/1")) == 2
