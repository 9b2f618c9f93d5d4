"""Uploads in parts: resumed after a break, and learnt where large bodies are refused."""

from __future__ import annotations

import hashlib
import io

import pytest

from regcopy.auth.credential import Credential
from regcopy.errors import Refused
from regcopy.model.digest import Digest
from regcopy.streams.blob import Readable
from regcopy.transports.base import Context, SideOptions
from tests.conftest import Keep
from tests.contexts import make_context
from tests.docker_tools import (
    open_destination,
    opened_by,
    put,
)
from tests.fake_registry import Exchange, FakeRegistry, Fault
from tests.faults import change_headers, normally, refuse, reset

KIB = 1024
MIB = 1024 * KIB
CONTENT = hashlib.shake_128(b"blob").digest(3 * MIB + 5)
SESSION = "/blobs/uploads/[0-9a-f]"


@pytest.fixture
def chunked_context(keep: Keep) -> Context:
    """Uploads in parts of 1 MiB."""
    options = SideOptions(tls_verify=False, chunk_threshold_bytes=MIB)
    return keep(make_context("destination", options=options))


def upload(fake: FakeRegistry, context: Context, content: bytes = CONTENT) -> None:
    """Bring a blob to a/b, and see that it is there."""
    with open_destination(fake.host, "a/b", context) as destination:
        put(destination, content)
    assert fake.blobs["a/b", Digest.of(content)] == content


def methods(fake: FakeRegistry) -> list[str]:
    """Methods of all requests, in order."""
    return [exchange.method for exchange in fake.seen]


def test_a_part_that_breaks_goes_on_from_where_the_registry_is(
    fake: FakeRegistry, chunked_context: Context
) -> None:
    fake.on("PATCH", SESSION, normally, partly(600 * KIB))
    upload(fake, chunked_context)
    ranges = [e.headers["content-range"] for e in fake.asked("PATCH")]
    assert ranges[:2] == [f"0-{MIB - 1}", f"{MIB}-{2 * MIB - 1}"]
    assert ranges[2].startswith(f"{MIB + 600 * KIB}-")
    assert len(fake.asked("GET", "/blobs/uploads/")) == 1


def test_parts_begin_again_where_the_registry_has_lost_the_upload(
    fake: FakeRegistry, chunked_context: Context
) -> None:
    fake.on("PATCH", SESSION, normally, reset(after_body_bytes=10))
    fake.on("GET", SESSION, refuse(404, "BLOB_UPLOAD_UNKNOWN"))
    upload(fake, chunked_context)
    assert [e.headers["content-range"].partition("-")[0] for e in fake.asked("PATCH")] == [
        *("0", str(MIB)),
        *("0", str(MIB), str(2 * MIB), str(3 * MIB)),
    ]


def test_a_part_of_a_lost_upload_begins_again(fake: FakeRegistry, chunked_context: Context) -> None:
    fake.on("PATCH", SESSION, normally, refuse(416, "RANGE_INVALID"))
    upload(fake, chunked_context)
    assert methods(fake).count("POST") == 2


def test_a_registry_that_takes_less_than_it_was_sent_gets_the_rest(
    fake: FakeRegistry, chunked_context: Context
) -> None:
    def take_half(exchange: Exchange) -> bool:
        session = exchange.path.rpartition("/")[2]
        body = b"".join(exchange.body())
        fake.uploads[session] += body[: len(body) // 2]
        reached = len(fake.uploads[session]) - 1
        exchange.answer(202, b"", {"Location": exchange.path, "Range": f"0-{reached}"})
        return True

    fake.on("PATCH", SESSION, take_half)
    upload(fake, chunked_context)
    assert fake.asked("PATCH")[1].headers["content-range"].startswith(f"{MIB // 2}-")


@pytest.mark.parametrize("word", ["0-0", "", "nonsense", "0-99999999", "bytes=0-1048575"])
def test_a_registry_whose_range_makes_no_sense_is_not_asked_twice(
    fake: FakeRegistry, chunked_context: Context, word: str
) -> None:
    fake.on("PATCH", SESSION, change_headers(range=word))
    upload(fake, chunked_context)
    assert methods(fake) == ["POST", "PATCH", "PATCH", "PATCH", "PATCH", "PUT"]


def test_parts_are_no_smaller_than_the_registry_wants(
    fake: FakeRegistry, chunked_context: Context
) -> None:
    fake.min_chunk = 2 * MIB
    upload(fake, chunked_context)
    assert [e.body_bytes for e in fake.asked("PATCH")] == [2 * MIB, MIB + 5]


def test_a_part_that_is_answered_unauthorized_is_sent_again_with_the_credential(
    fake: FakeRegistry, keep: Keep
) -> None:
    options = SideOptions(tls_verify=False, chunk_threshold_bytes=MIB)
    secret = Credential("robot", "canary")
    context = keep(make_context("destination", options=options, credential=secret))
    challenge = refuse(401, "UNAUTHORIZED", WWW_Authenticate='Basic realm="registry"')
    fake.on("PATCH", SESSION, normally, challenge)
    upload(fake, context)
    ranges = [e.headers["content-range"] for e in fake.asked("PATCH")]
    assert ranges[1] == ranges[2] == f"{MIB}-{2 * MIB - 1}"


def test_a_last_put_that_fails_is_repeated_without_the_parts(
    fake: FakeRegistry, chunked_context: Context
) -> None:
    fake.on("PUT", SESSION, refuse(503, "UNAVAILABLE"))
    upload(fake, chunked_context)
    assert methods(fake) == ["POST", *["PATCH"] * 4, "PUT", "GET", "PUT"]


def test_a_stream_of_unknown_length_goes_on_from_where_the_registry_is(
    fake: FakeRegistry, destination_context: Context
) -> None:
    offsets: list[int] = []

    def opener(offset: int) -> Readable:
        offsets.append(offset)
        return io.BytesIO(CONTENT[offset:])

    fake.on("PATCH", SESSION, partly(MIB))
    with (
        open_destination(fake.host, "a/b", destination_context) as destination,
        opened_by(opener, None) as stream,
    ):
        assert destination.put_blob(stream).digest == Digest.of(CONTENT)
    assert fake.blobs["a/b", Digest.of(CONTENT)] == CONTENT
    assert offsets == [0, MIB]


def partly(taken: int) -> Fault:
    """Take so many bytes of a part, and break the connection."""

    def fault(exchange: Exchange) -> bool:
        upload = fake_upload(exchange)
        left = taken
        for block in exchange.body():
            upload += block[:left]
            left -= len(block[:left])
            if not left:
                break
        exchange.reset()
        return True

    return fault


def fake_upload(exchange: Exchange) -> bytearray:
    """The bytes that the upload of a request has so far."""
    return exchange.registry.uploads[exchange.path.rpartition("/")[2]]


def no_more_than(limit: int) -> Fault:
    """Refuse larger bodies."""

    def fault(exchange: Exchange) -> bool:
        if int(exchange.headers.get("content-length", "0")) <= limit:
            return False
        exchange.error(413, "SIZE_INVALID")
        return True

    return fault


def test_a_registry_that_refuses_a_large_put_gets_parts_from_then_on(
    fake: FakeRegistry, destination_context: Context
) -> None:
    fake.on("PUT", SESSION, no_more_than(MIB), forever=True)
    fake.on("PATCH", SESSION, no_more_than(MIB), forever=True)
    upload(fake, destination_context)
    fake.seen.clear()
    upload(fake, destination_context, CONTENT[1:])
    assert all(e.status == 202 for e in fake.asked("PATCH"))
    assert methods(fake)[-1] == "PUT"
    assert "PATCH" in methods(fake)
    assert len(fake.asked("PUT")) == 1


def test_small_blobs_stay_whole_after_a_large_one_was_refused(
    fake: FakeRegistry, destination_context: Context
) -> None:
    fake.on("PUT", SESSION, no_more_than(MIB), forever=True)
    upload(fake, destination_context)
    fake.seen.clear()
    upload(fake, destination_context, b"small")
    assert methods(fake) == ["POST", "PUT"]


def test_a_registry_that_refuses_every_size_ends_the_upload(
    fake: FakeRegistry, destination_context: Context
) -> None:
    for method in ("PUT", "PATCH"):
        fake.on(method, SESSION, no_more_than(10), forever=True)
    with pytest.raises(Refused) as caught:
        upload(fake, destination_context)
    assert caught.value.answer is not None
    assert caught.value.answer.status == 413
    assert len(fake.seen) < 40


def test_a_registry_that_wants_larger_parts_than_it_takes_ends_the_upload(
    fake: FakeRegistry, destination_context: Context
) -> None:
    fake.min_chunk = 2 * MIB
    for method in ("PUT", "PATCH"):
        fake.on(method, SESSION, no_more_than(MIB), forever=True)
    with pytest.raises(Refused):
        upload(fake, destination_context)
    assert len(fake.seen) < 10
