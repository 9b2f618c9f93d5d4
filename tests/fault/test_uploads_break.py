"""Uploads that break, are refused, or get lost."""

from __future__ import annotations

import dataclasses
import hashlib
import io
from collections.abc import Callable

import pytest

from regcopy.auth.credential import Credential
from regcopy.errors import (
    Cancelled,
    ConnectionFailed,
    DigestMismatch,
    Refused,
    ServerFault,
    SizeMismatch,
    TransportError,
)
from regcopy.model.digest import Digest
from regcopy.streams.blob import Readable
from regcopy.transports.base import Context, SideOptions
from tests.conftest import Keep
from tests.contexts import QUICK, make_context
from tests.docker_tools import (
    describe,
    open_destination,
    open_source,
    opened_by,
    put,
    reference,
    stream_of,
)
from tests.fake_registry import Exchange, FakeRegistry, Fault
from tests.faults import change_headers, cut_body, normally, refuse, reply, reset

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


# --- faults that pass -------------------------------------------------------------------


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize(
    "fault",
    [
        refuse(503, "UNAVAILABLE"),
        refuse(429, "TOOMANYREQUESTS", Retry_After="0"),
        refuse(502, "BAD_GATEWAY"),
        reset(),
    ],
)
def test_a_fault_that_passes_is_not_noticed(
    fake: FakeRegistry, destination_context: Context, method: str, fault: Fault
) -> None:
    fake.on(method, "/blobs/uploads/", fault, fault)
    upload(fake, destination_context)


def test_a_connection_that_breaks_during_the_put_is_begun_again(
    fake: FakeRegistry, destination_context: Context
) -> None:
    fake.on("PUT", SESSION, reset(after_body_bytes=MIB))
    upload(fake, destination_context)
    assert methods(fake) == ["POST", "PUT", "POST", "PUT", "DELETE"]


def test_an_upload_whose_answer_was_lost_is_not_sent_again(
    fake: FakeRegistry, destination_context: Context
) -> None:
    def store_and_break(exchange: Exchange) -> bool:
        fake.hold_blob(b"".join(exchange.body()), "a/b")
        exchange.reset()
        return True

    fake.on("PUT", SESSION, store_and_break)
    upload(fake, destination_context)
    assert methods(fake)[:3] == ["POST", "PUT", "POST"]
    assert len(fake.asked("PUT")) == 1


def test_an_upload_that_the_registry_has_lost_is_begun_again(
    fake: FakeRegistry, destination_context: Context
) -> None:
    fake.on("PUT", SESSION, refuse(404, "BLOB_UPLOAD_UNKNOWN"))
    upload(fake, destination_context)
    assert methods(fake) == ["POST", "PUT", "POST", "PUT"]


def test_faults_that_do_not_pass_end_the_upload_and_cancel_what_is_open(
    fake: FakeRegistry, destination_context: Context
) -> None:
    fake.on("PUT", SESSION, refuse(500, "UNKNOWN"), forever=True)
    with pytest.raises(ServerFault) as caught:
        upload(fake, destination_context)
    assert caught.value.tries == QUICK.tries
    assert caught.value.side is None
    assert len(fake.asked("PUT")) == QUICK.tries
    assert fake.uploads == {}


def test_what_a_registry_will_never_take_is_sent_once(
    fake: FakeRegistry, destination_context: Context
) -> None:
    fake.on("PUT", SESSION, refuse(400, "DIGEST_INVALID"), forever=True)
    with pytest.raises(Refused, match="DIGEST_INVALID"):
        upload(fake, destination_context)
    assert methods(fake) == ["POST", "PUT", "DELETE"]


def test_a_registry_that_says_it_stored_something_else_is_not_believed(
    fake: FakeRegistry, destination_context: Context
) -> None:
    fake.on("PUT", SESSION, change_headers(docker_content_digest=str(Digest.of(b"else"))))
    with pytest.raises(Refused, match="in place of"):
        upload(fake, destination_context)


# --- the source -------------------------------------------------------------------------


def test_an_upload_begins_only_when_the_source_gives_bytes(
    fake: FakeRegistry, source_context: Context, destination_context: Context
) -> None:
    source = open_source(fake.host, "empty", source_context)
    blob = describe(CONTENT)
    with (
        open_destination(fake.host, "a/b", destination_context) as destination,
        opened_by(lambda offset: source.open_blob(blob, offset=offset), blob) as stream,
        pytest.raises(TransportError) as caught,
    ):
        destination.put_blob(stream)
    assert caught.value.side == "source"
    assert methods(fake) == ["GET"]


def test_a_source_that_breaks_for_good_ends_the_upload_once_and_cancels_it(
    fake: FakeRegistry, source_context: Context, destination_context: Context
) -> None:
    fake.hold_blob(CONTENT, "source")
    fake.on("GET", "/v2/source/blobs/", cut_body(2 * MIB), reset(), forever=True)
    source = open_source(fake.host, "source", source_context)
    blob = describe(CONTENT)
    with (
        open_destination(fake.host, "a/b", destination_context) as destination,
        opened_by(lambda offset: source.open_blob(blob, offset=offset), blob) as stream,
        pytest.raises(ConnectionFailed) as caught,
    ):
        destination.put_blob(stream)
    assert caught.value.side == "source"
    assert len(fake.asked("PUT")) == 1
    assert ("a/b", blob.digest) not in fake.blobs
    assert fake.uploads == {}


def test_a_source_that_resumes_does_not_disturb_the_upload(
    fake: FakeRegistry, source_context: Context, destination_context: Context
) -> None:
    fake.hold_blob(CONTENT, "source")
    fake.on("GET", "/v2/source/blobs/", cut_body(MIB), cut_body(MIB))
    source = open_source(fake.host, "source", source_context)
    blob = describe(CONTENT)
    with (
        open_destination(fake.host, "a/b", destination_context) as destination,
        opened_by(lambda offset: source.open_blob(blob, offset=offset), blob) as stream,
    ):
        destination.put_blob(stream)
    assert fake.blobs["a/b", blob.digest] == CONTENT
    assert len(fake.asked("PUT")) == 1


@pytest.mark.parametrize("size", [1, 1000, 2 * MIB])
@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda right: right[:-1] + bytes([right[-1] ^ 1]), DigestMismatch),
        (lambda right: right[:-1], SizeMismatch),
        (lambda right: right + b"x", SizeMismatch),
    ],
)
def test_wrong_bytes_never_become_a_blob(
    fake: FakeRegistry,
    destination_context: Context,
    size: int,
    change: Callable[[bytes], bytes],
    error: type[Exception],
) -> None:
    right = CONTENT[:size]
    wrong = change(right)
    with (
        open_destination(fake.host, "a/b", destination_context) as destination,
        opened_by(lambda offset: io.BytesIO(wrong[offset:]), describe(right)) as stream,
        pytest.raises(error),
    ):
        destination.put_blob(stream)
    assert fake.blobs == {}
    assert fake.uploads == {}


# --- parts ------------------------------------------------------------------------------


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


# --- bodies that are too large ----------------------------------------------------------


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


# --- asking whether a blob is there ---------------------------------------------------------


@pytest.mark.parametrize("status", [400, 404, 405, 422, 501])
def test_a_registry_that_refuses_to_mount_from_itself_is_asked_by_head_from_then_on(
    fake: FakeRegistry, destination_context: Context, status: int
) -> None:
    fake.on("POST", "mount=", refuse(status, "UNSUPPORTED"), forever=True)
    upload(fake, destination_context)
    assert methods(fake) == ["POST", "HEAD", "POST", "PUT"]
    fake.seen.clear()
    upload(fake, destination_context, b"another")
    assert methods(fake) == ["HEAD", "POST", "PUT"]


def test_a_registry_without_mounts_that_has_the_blob_is_sent_nothing(
    fake: FakeRegistry, destination_context: Context
) -> None:
    fake.hold_blob(CONTENT, "a/b")
    fake.on("POST", "mount=", refuse(405, "UNSUPPORTED"), forever=True)
    upload(fake, destination_context)
    assert methods(fake) == ["POST", "HEAD"]


def test_a_blob_of_another_size_is_not_the_one(fake: FakeRegistry, keep: Keep) -> None:
    fake.hold_blob(b"abc", "a/b")
    context = keep(make_context("destination", read_only=True))
    with open_destination(fake.host, "a/b", context) as destination:
        assert destination.find_blob(describe(b"abc"))
        assert not destination.find_blob(dataclasses.replace(describe(b"abc"), size=4))


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 500])
def test_a_mount_that_is_refused_becomes_an_upload(
    fake: FakeRegistry, destination_context: Context, status: int
) -> None:
    fake.hold_blob(CONTENT, "source")
    fake.on("POST", "from=source", refuse(status, "DENIED"), forever=True)
    with open_destination(fake.host, "a/b", destination_context) as destination:
        assert not destination.mount_blob(describe(CONTENT), reference(fake.host, "source"))
        put(destination, CONTENT)
    assert fake.blobs["a/b", Digest.of(CONTENT)] == CONTENT


def test_a_mount_of_another_blob_is_not_believed(
    fake: FakeRegistry, destination_context: Context
) -> None:
    fake.hold_blob(CONTENT, "source")
    other = str(Digest.of(b"other"))
    fake.on("POST", "from=source", change_headers(docker_content_digest=other))
    with open_destination(fake.host, "a/b", destination_context) as destination:
        assert not destination.mount_blob(describe(CONTENT), reference(fake.host, "source"))


# --- where uploads go -----------------------------------------------------------------------


def test_an_upload_to_another_server_over_plain_http_is_refused_and_gets_no_secret(
    fake: FakeRegistry, keep: Keep
) -> None:
    secret = Credential("robot", "canary")
    context = keep(make_context("destination", credential=secret))
    with FakeRegistry() as elsewhere:
        location = {"Location": f"http://{elsewhere.host}/v2/a/b/blobs/uploads/x"}
        fake.on("POST", "/blobs/uploads/", reply(202, b"", location), forever=True)
        with (
            open_destination(fake.host, "a/b", context) as destination,
            pytest.raises(TransportError),
        ):
            put(destination, CONTENT)
        assert all("authorization" not in e.headers for e in elsewhere.seen)


def test_a_location_that_is_missing_is_refused(
    fake: FakeRegistry, destination_context: Context
) -> None:
    fake.on("POST", "/blobs/uploads/", change_headers(location=""), forever=True)
    with pytest.raises(TransportError):
        upload(fake, destination_context)


def test_streams_can_be_written_one_after_another_by_one_destination(
    fake: FakeRegistry, destination_context: Context
) -> None:
    with open_destination(fake.host, "a/b", destination_context) as destination:
        for number in range(5):
            with stream_of(b"blob %d" % number) as stream:
                destination.put_blob(stream)
    assert len(fake.blobs) == 5
    assert fake.counts() == {"POST": 5, "PUT": 5}


def test_uploads_of_a_cancelled_run_are_cancelled_too(
    fake: FakeRegistry, destination_context: Context
) -> None:
    def opener(offset: int) -> Readable:
        destination_context.cancelled.set()
        return io.BytesIO(CONTENT[offset:])

    with open_destination(fake.host, "a/b", destination_context) as destination:
        assert not destination.find_blob(describe(CONTENT))
        with opened_by(opener, describe(CONTENT)) as stream, pytest.raises(Cancelled):
            destination.put_blob(stream)
        destination.abort()
    assert fake.uploads == {}
    assert fake.blobs == {}


def test_a_registry_that_will_not_cancel_one_upload_is_asked_to_cancel_the_next(
    fake: FakeRegistry, destination_context: Context
) -> None:
    fake.on("DELETE", SESSION, refuse(500, "UNKNOWN"))
    with open_destination(fake.host, "a/b", destination_context) as destination:
        assert not destination.find_blob(describe(b"one"))
        assert not destination.find_blob(describe(b"two"))
    assert [e.status for e in fake.asked("DELETE")] == [500, 204]


def test_uploads_are_not_cancelled_at_a_registry_that_does_not_answer(
    fake: FakeRegistry, destination_context: Context
) -> None:
    fake.on("DELETE", SESSION, reset(), forever=True)
    with open_destination(fake.host, "a/b", destination_context) as destination:
        for number in range(3):
            assert not destination.find_blob(describe(b"blob %d" % number))
    assert len(fake.asked("DELETE")) == 1
