"""Uploads that break, are refused, or get lost."""

from __future__ import annotations

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
from regcopy.transports.base import Context
from tests.conftest import Keep
from tests.contexts import QUICK, make_context
from tests.docker_tools import (
    describe,
    open_destination,
    open_source,
    opened_by,
    put,
    stream_of,
)
from tests.fake_registry import Exchange, FakeRegistry, Fault
from tests.faults import change_headers, cut_body, refuse, reply, reset

KIB = 1024
MIB = 1024 * KIB
CONTENT = hashlib.shake_128(b"blob").digest(3 * MIB + 5)
SESSION = "/blobs/uploads/[0-9a-f]"


def upload(fake: FakeRegistry, context: Context, content: bytes = CONTENT) -> None:
    """Bring a blob to a/b, and see that it is there."""
    with open_destination(fake.host, "a/b", context) as destination:
        put(destination, content)
    assert fake.blobs["a/b", Digest.of(content)] == content


def methods(fake: FakeRegistry) -> list[str]:
    """Methods of all requests, in order."""
    return [exchange.method for exchange in fake.seen]


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
