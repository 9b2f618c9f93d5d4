"""Reading and deleting blobs."""

from __future__ import annotations

import pytest

from regcopy.model.digest import Digest
from regcopy.testing.samples import single_image, write_layout
from tests.served import Served, code_of

CONTENT = bytes(range(256)) * 8
DIGEST = Digest.of(CONTENT)
LARGE = bytes(range(256)) * 4096


@pytest.fixture(autouse=True)
def pushed(served: Served) -> None:
    """The repository `app` has the blob."""
    served.tools.push_blob(CONTENT, "app")


def test_a_blob_comes_back_as_it_was_pushed(served: Served) -> None:
    found = served.ask("GET", f"app/blobs/{DIGEST}")

    assert (found.status, found.body) == (200, CONTENT)
    assert found.headers["docker-content-digest"] == str(DIGEST)
    assert found.headers["content-length"] == "2048"
    assert found.headers["accept-ranges"] == "bytes"


def test_a_large_blob_comes_back_as_it_was_pushed(served: Served) -> None:
    digest = served.tools.push_blob(LARGE, "app")

    assert served.tools.get_blob("app", digest) == LARGE


def test_head_tells_the_size_and_sends_nothing(served: Served) -> None:
    found = served.ask("HEAD", f"app/blobs/{DIGEST}")

    assert (found.status, found.body) == (200, b"")
    assert found.headers["content-length"] == "2048"


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
def test_a_blob_of_another_repository_is_not_there(served: Served, method: str) -> None:
    assert served.ask(method, f"other/blobs/{DIGEST}").status == 404


def test_a_blob_that_nobody_pushed_is_not_there(served: Served) -> None:
    found = served.ask("GET", f"app/blobs/{Digest.of(b'missing')}")

    assert (found.status, code_of(found)) == (404, "BLOB_UNKNOWN")


@pytest.mark.parametrize(
    ("wanted", "place"),
    [
        ("bytes=500-1499", "bytes 500-1499/2048"),
        ("bytes=500-", "bytes 500-2047/2048"),
        ("bytes=-500", "bytes 1548-2047/2048"),
        ("bytes=2000-5000", "bytes 2000-2047/2048"),
        ("bytes=-5000", "bytes 0-2047/2048"),
        ("bytes=0-0", "bytes 0-0/2048"),
    ],
)
def test_a_range_is_what_was_asked_for(served: Served, wanted: str, place: str) -> None:
    first, last = place.removeprefix("bytes ").removesuffix("/2048").split("-")

    found = served.ask("GET", f"app/blobs/{DIGEST}", headers={"Range": wanted})

    assert (found.status, found.headers["content-range"]) == (206, place)
    assert found.body == CONTENT[int(first) : int(last) + 1]


def test_a_range_of_a_large_blob_is_what_was_asked_for(served: Served) -> None:
    digest = served.tools.push_blob(LARGE, "app")

    found = served.ask("GET", f"app/blobs/{digest}", headers={"Range": "bytes=1000-900000"})

    assert found.body == LARGE[1000:900001]


@pytest.mark.parametrize("wanted", ["bytes=2048-", "bytes=5000-10000", "bytes=500-0", "bytes=-0"])
def test_a_range_outside_the_blob_is_refused_with_its_size(served: Served, wanted: str) -> None:
    found = served.ask("GET", f"app/blobs/{DIGEST}", headers={"Range": wanted})

    assert (found.status, found.headers["content-range"]) == (416, "bytes */2048")


@pytest.mark.parametrize("wanted", ["bytes=0-1,5-6", "lines=1-2", "bytes=-", "bytes=a-b", "junk"])
def test_what_is_no_single_range_of_bytes_is_left_aside(served: Served, wanted: str) -> None:
    found = served.ask("GET", f"app/blobs/{DIGEST}", headers={"Range": wanted})

    assert (found.status, found.body) == (200, CONTENT)


def test_a_deleted_blob_is_gone_with_its_file(served: Served) -> None:
    deleted = served.ask("DELETE", f"app/blobs/{DIGEST}")

    assert deleted.status == 202
    assert served.ask("HEAD", f"app/blobs/{DIGEST}").status == 404
    assert not served.blob_path(DIGEST).exists()


def test_a_blob_that_another_repository_has_stays_there(served: Served) -> None:
    served.tools.push_blob(CONTENT, "other")

    served.ask("DELETE", f"app/blobs/{DIGEST}")

    assert served.tools.get_blob("app", DIGEST) is None
    assert served.tools.get_blob("other", DIGEST) == CONTENT


def test_a_blob_that_a_manifest_needs_cannot_be_deleted(served: Served) -> None:
    image = single_image()
    served.tools.push(image, "app", "1")

    refused = served.ask("DELETE", f"app/blobs/{next(iter(image.blobs))}")

    assert (refused.status, code_of(refused)) == (405, "UNSUPPORTED")
    assert served.tools.holds(image, "app", "1")


def test_a_manifest_that_was_pushed_as_a_blob_too_keeps_its_file(served: Served) -> None:
    image = single_image()
    served.tools.push(image, "app", "1")
    served.tools.push_blob(image.top.content, "app")

    assert served.ask("DELETE", f"app/blobs/{image.digest}").status == 202
    assert served.tools.holds(image, "app", "1")


def test_a_blob_that_an_image_of_no_repository_needs_keeps_its_file(served: Served) -> None:
    image = single_image()
    write_layout(image, served.root, "no name of a repository")
    layer, content = next(iter(image.blobs.items()))
    served.tools.push_blob(content, "app")

    deleted = served.ask("DELETE", f"app/blobs/{layer}")

    assert deleted.status == 202
    assert served.blob_path(layer).read_bytes() == content


def test_a_symbolic_link_in_the_place_of_a_blob_is_not_followed(served: Served) -> None:
    path = served.blob_path(DIGEST)
    secret = path.with_name("secret")
    path.rename(secret)
    path.symlink_to(secret)

    assert served.ask("GET", f"app/blobs/{DIGEST}").status in (404, 500)
