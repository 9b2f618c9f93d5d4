"""Ways to push a blob (distribution-spec, "Pushing blobs")."""

from __future__ import annotations

import errno
import os

import pytest

from regcopy.model.digest import Digest
from tests.served import BINARY, Served, code_of

CONTENT = bytes(range(256)) * 40
DIGEST = Digest.of(CONTENT)


def stored(served: Served, digest: Digest = DIGEST) -> bytes:
    return served.blob_path(digest).read_bytes()


def test_a_blob_is_pushed_by_post_and_put(served: Served) -> None:
    location = served.begin("team/app")

    done = served.follow("PUT", f"{location}?digest={DIGEST}", CONTENT)

    assert done.status == 201
    assert done.headers["location"] == f"/v2/team/app/blobs/{DIGEST}"
    assert done.headers["docker-content-digest"] == str(DIGEST)
    assert stored(served) == CONTENT


def test_a_blob_is_pushed_by_one_post(served: Served) -> None:
    done = served.ask("POST", f"app/blobs/uploads/?digest={DIGEST}", CONTENT, BINARY)

    assert done.status == 201
    assert stored(served) == CONTENT


def test_a_post_with_a_digest_and_no_body_begins_an_upload(served: Served) -> None:
    begun = served.ask("POST", f"app/blobs/uploads/?digest={DIGEST}", b"")

    assert begun.status == 202
    assert (
        served.follow("PUT", f"{begun.headers['location']}?digest={DIGEST}", CONTENT).status == 201
    )


def test_a_begun_upload_has_no_file_yet(served: Served) -> None:
    served.begin("app")

    assert list((served.root / "blobs").iterdir()) == []


def test_chunks_are_put_together(served: Served) -> None:
    location = served.begin("app")

    first = served.follow("PATCH", location, CONTENT[:1024], content_range="0-1023")
    second = served.follow("PATCH", location, CONTENT[1024:5000], content_range="1024-4999")
    done = served.follow(
        "PUT", f"{location}?digest={DIGEST}", CONTENT[5000:], content_range="5000-10239"
    )

    assert (first.status, first.headers["range"]) == (202, "0-1023")
    assert (second.status, second.headers["range"]) == (202, "0-4999")
    assert done.status == 201
    assert stored(served) == CONTENT


def test_the_last_request_may_have_no_body(served: Served) -> None:
    location = served.begin("app")
    served.follow("PATCH", location, CONTENT)

    assert served.follow("PUT", f"{location}?digest={DIGEST}").status == 201
    assert stored(served) == CONTENT


def test_a_body_in_http_chunks_needs_no_length(served: Served) -> None:
    location = served.begin("app")
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (CONTENT[:7], CONTENT[7:]))

    answer = served.raw(
        b"PATCH %s HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" % location.encode()
        + chunks
        + b"0\r\nTrailer: x\r\n\r\n"
    )

    assert answer.startswith(b"HTTP/1.1 202 ")
    assert b"Range: 0-10239\r\n" in answer
    assert served.follow("PUT", f"{location}?digest={DIGEST}").status == 201


@pytest.mark.parametrize("place", ["1025-2048", "0-1023", "x", "bytes 1024-2047/*", "-5", ""])
def test_a_chunk_in_the_wrong_place_is_refused_with_the_right_one(
    served: Served, place: str
) -> None:
    location = served.begin("app")
    served.follow("PATCH", location, CONTENT[:1024], content_range="0-1023")

    refused = served.follow("PATCH", location, CONTENT[1024:2048], content_range=place)

    assert refused.status == 416
    assert refused.headers["range"] == "0-1023"
    assert refused.headers["location"] == location


def test_the_last_chunk_in_the_wrong_place_is_refused(served: Served) -> None:
    location = served.begin("app")

    refused = served.follow("PUT", f"{location}?digest={DIGEST}", CONTENT, content_range="5-10244")

    assert refused.status == 416


def test_a_chunk_of_another_length_than_its_place_is_refused(served: Served) -> None:
    location = served.begin("app")

    refused = served.follow("PATCH", location, CONTENT[:10], content_range="0-10")

    assert (refused.status, code_of(refused)) == (400, "SIZE_INVALID")


def test_an_upload_tells_how_much_has_come(served: Served) -> None:
    location = served.begin("app")
    served.follow("PATCH", location, CONTENT[:1024])

    found = served.follow("GET", location)

    assert (found.status, found.body) == (204, b"")
    assert found.headers["range"] == "0-1023"
    assert found.headers["location"] == location


def test_a_chunk_that_breaks_midway_is_continued_where_it_broke(served: Served) -> None:
    location = served.begin("app")
    head = b"PATCH %s HTTP/1.1\r\nHost: x\r\nContent-Length: 10240\r\n\r\n" % location.encode()

    assert served.raw(head + CONTENT[:3000]) == b""

    assert served.follow("GET", location).headers["range"] == "0-2999"
    done = served.follow(
        "PUT", f"{location}?digest={DIGEST}", CONTENT[3000:], content_range="3000-10239"
    )
    assert done.status == 201
    assert stored(served) == CONTENT


def test_a_put_that_breaks_midway_is_continued_where_it_broke(served: Served) -> None:
    location = served.begin("app")
    head = b"PUT %s?digest=%s HTTP/1.1\r\nHost: x\r\nContent-Length: 10240\r\n\r\n"

    served.raw(head % (location.encode(), str(DIGEST).encode()) + CONTENT[:3000])

    assert served.follow("GET", location).headers["range"] == "0-2999"


def test_other_content_than_was_promised_is_refused_and_gone(served: Served) -> None:
    location = served.begin("app")

    refused = served.follow("PUT", f"{location}?digest={DIGEST}", CONTENT[1:])

    assert (refused.status, code_of(refused)) == (400, "DIGEST_INVALID")
    assert served.follow("GET", location).status == 404
    assert [path for path in (served.root / "blobs").rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    "digest", ["", "sha256:../../x", "sha256:abc", "md5:" + "0" * 32, "sha256:" + "A" * 64]
)
def test_what_is_no_digest_is_refused(served: Served, digest: str) -> None:
    location = served.begin("app")

    refused = served.follow("PUT", f"{location}?digest={digest}", CONTENT)

    assert (refused.status, code_of(refused)) == (400, "DIGEST_INVALID")


@pytest.mark.parametrize("first", [0, 100])
def test_sha512_is_as_good(served: Served, first: int) -> None:
    digest = Digest.of(CONTENT, "sha512")
    location = served.begin("app")
    if first:
        served.follow("PATCH", location, CONTENT[:first])

    done = served.follow("PUT", f"{location}?digest={digest}", CONTENT[first:])

    assert done.status == 201
    assert stored(served, digest) == CONTENT


def test_an_empty_blob_is_a_blob(served: Served) -> None:
    digest = Digest.of(b"")

    done = served.follow("PUT", f"{served.begin('app')}?digest={digest}", b"")

    assert done.status == 201
    assert served.ask("GET", f"app/blobs/{digest}").status == 200


def test_a_cancelled_upload_leaves_nothing(served: Served) -> None:
    location = served.begin("app")
    served.follow("PATCH", location, CONTENT)

    cancelled = served.follow("DELETE", location)

    assert cancelled.status == 204
    assert served.follow("GET", location).status == 404
    assert list((served.root / "blobs").iterdir()) == []


def test_an_upload_belongs_to_its_repository(served: Served) -> None:
    location = served.begin("app").replace("/app/", "/other/")

    found = served.follow("PATCH", location, CONTENT)

    assert (found.status, code_of(found)) == (404, "BLOB_UPLOAD_UNKNOWN")


def test_a_blob_is_mounted_from_another_repository(served: Served) -> None:
    served.tools.push_blob(CONTENT, "from/here")

    mounted = served.ask("POST", f"to/there/blobs/uploads/?mount={DIGEST}&from=from/here", b"")

    assert mounted.status == 201
    assert mounted.headers["location"] == f"/v2/to/there/blobs/{DIGEST}"
    assert served.tools.get_blob("to/there", DIGEST) == CONTENT


def test_a_mount_without_origin_takes_the_blob_from_anywhere(served: Served) -> None:
    served.tools.push_blob(CONTENT, "somewhere")

    assert served.ask("POST", f"app/blobs/uploads/?mount={DIGEST}", b"").status == 201


@pytest.mark.parametrize(
    "query",
    [
        f"mount={DIGEST}&from=other",
        f"mount={DIGEST}&from=app",
        f"mount={DIGEST}&from=NO//NAME",
        "mount=nonsense&from=somewhere",
        f"mount={DIGEST}",
    ],
)
def test_a_mount_of_what_is_not_there_begins_an_upload(served: Served, query: str) -> None:
    served.tools.push_blob(b"something else", "somewhere")

    begun = served.ask("POST", f"app/blobs/uploads/?{query}", b"")

    assert begun.status == 202
    assert (
        served.follow("PUT", f"{begun.headers['location']}?digest={DIGEST}", CONTENT).status == 201
    )


def test_a_mount_from_the_repository_itself_asks_whether_a_blob_is_there(served: Served) -> None:
    question = f"app/blobs/uploads/?mount={DIGEST}&from=app"

    before = served.ask("POST", question, b"").status
    served.tools.push_blob(CONTENT, "app")
    after = served.ask("POST", question, b"").status

    assert (before, after) == (202, 201)


def test_a_blob_that_is_pushed_again_is_replaced(served: Served) -> None:
    served.tools.push_blob(CONTENT, "app")
    served.blob_path(DIGEST).write_bytes(b"damaged")

    served.tools.push_blob(CONTENT, "app")

    assert stored(served) == CONTENT


def test_a_disk_that_is_full_ends_the_upload(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(fd: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    location = served.begin("app")
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        refused = served.follow("PUT", f"{location}?digest={DIGEST}", CONTENT)

    assert refused.status == 500
    assert b"No space left" in refused.body
    assert served.follow("GET", location).status == 404
    assert list((served.root / "blobs").iterdir()) == []


def test_the_upload_that_waited_longest_ends_where_there_are_too_many(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("regcopy.serving.uploads.MAX_UPLOADS", 2)
    first, second = served.begin("app"), served.begin("app")
    served.follow("GET", first)

    third = served.begin("app")

    assert [served.follow("GET", place).status for place in (first, second, third)] == [
        204,
        404,
        204,
    ]


def test_an_upload_that_nobody_touches_ends(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("regcopy.serving.uploads.IDLE_SECONDS", 0.0)
    monkeypatch.setattr("regcopy.serving.uploads.SWEEP_SECONDS", 0.0)
    location = served.begin("app")
    served.follow("PATCH", location, CONTENT)

    served.begin("app")

    assert served.follow("GET", location).status == 404
    assert list((served.root / "blobs").iterdir()) == []
