"""Blobs whose download breaks, and registries that lie about parts."""

from __future__ import annotations

import hashlib
import threading

import pytest

from regcopy.errors import (
    ConnectionFailed,
    DigestMismatch,
    RateLimited,
    ServerFault,
    SizeMismatch,
    TransportError,
)
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.streams.blob import BlobStream
from regcopy.transports.base import Clocks, Context, RetryPolicy
from tests.conftest import Keep
from tests.contexts import QUICK, make_context
from tests.docker_tools import describe, open_source, opened_by
from tests.fake_registry import Exchange, FakeRegistry, Fault
from tests.faults import (
    change_headers,
    cut_body,
    fall_silent,
    ignore_range,
    normally,
    refuse,
    reply,
    reset,
)

CONTENT = hashlib.shake_128(b"blob").digest(300_000)
BLOBS = "/blobs/sha256"


def stream(fake: FakeRegistry, context: Context, blob: Descriptor | None = None) -> BlobStream:
    """Stream CONTENT from the registry, verified."""
    fake.hold_blob(CONTENT, "a/b")
    source = open_source(fake.host, "a/b", context)
    wanted = blob or describe(CONTENT)
    return opened_by(lambda offset: source.open_blob(wanted, offset=offset), wanted)


def read(stream: BlobStream) -> bytes:
    """Read a stream to its end, in small blocks."""
    with stream:
        return b"".join(iter(lambda: stream.read(10_000), b""))


def ranges(fake: FakeRegistry) -> list[str]:
    """The `Range` of each request for a blob."""
    return [e.headers.get("range", "") for e in fake.asked("GET", BLOBS)]


def test_a_blob_that_breaks_midway_resumes_by_range(
    fake: FakeRegistry, source_context: Context
) -> None:
    fake.on("GET", BLOBS, cut_body(100_000))
    assert read(stream(fake, source_context)) == CONTENT
    assert ranges(fake) == ["", "bytes=100000-"]


def test_a_blob_that_breaks_behind_its_last_byte_is_whole(
    fake: FakeRegistry, source_context: Context
) -> None:
    def without_end(exchange: Exchange) -> bool:
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        exchange.raw(head + b"%x\r\n%b\r\n" % (len(CONTENT), CONTENT))
        return True

    fake.on("GET", BLOBS, without_end)
    assert read(stream(fake, source_context)) == CONTENT
    assert ranges(fake) == [""]


def test_a_blob_that_breaks_again_and_again_goes_on_each_time(
    fake: FakeRegistry, source_context: Context
) -> None:
    fake.on("GET", BLOBS, *[cut_body(40_000)] * 7)
    assert read(stream(fake, source_context)) == CONTENT
    assert ranges(fake)[1:] == [f"bytes={n * 40_000}-" for n in range(1, 8)]


def test_a_registry_that_ignores_ranges_is_read_from_the_start_and_skipped(
    fake: FakeRegistry, source_context: Context
) -> None:
    fake.on("GET", BLOBS, cut_body(100_000), ignore_range)
    assert read(stream(fake, source_context)) == CONTENT
    assert ranges(fake) == ["", "bytes=100000-"]


def cut_whole(exchange: Exchange) -> bool:
    """Begin to send everything, and break off before the part that was asked for."""
    exchange.ignores_range = True
    exchange.cut = 50_000
    return False


@pytest.mark.parametrize("fault", [cut_whole, reply(200, CONTENT[:50_000])])
def test_a_break_while_the_start_is_skipped_is_a_break_like_others(
    fake: FakeRegistry, source_context: Context, fault: Fault
) -> None:
    fake.on("GET", BLOBS, cut_body(100_000), fault)
    assert read(stream(fake, source_context)) == CONTENT


@pytest.mark.parametrize(
    "lie",
    [
        change_headers(content_range="bytes 0-299999/300000"),
        change_headers(content_range="bytes 100001-299999/300000"),
        change_headers(content_range="bytes 100000-299999/400000"),
        change_headers(content_range="nonsense"),
        change_headers(content_range=""),
        reply(416),
    ],
)
def test_a_part_that_is_not_the_missing_one_is_not_used(
    fake: FakeRegistry, source_context: Context, lie: Fault
) -> None:
    fake.on("GET", BLOBS, cut_body(100_000), lie)
    assert read(stream(fake, source_context)) == CONTENT
    assert ranges(fake) == ["", "bytes=100000-", ""]


def test_parts_smaller_than_asked_for_are_put_together(
    fake: FakeRegistry, source_context: Context
) -> None:
    def part(exchange: Exchange) -> bool:
        end = 150_000
        headers = {"Content-Range": f"bytes 100000-{end - 1}/{len(CONTENT)}"}
        exchange.answer(206, CONTENT[100_000:end], headers)
        return True

    fake.on("GET", BLOBS, cut_body(100_000), part)
    assert read(stream(fake, source_context)) == CONTENT
    assert ranges(fake) == ["", "bytes=100000-", "bytes=150000-"]


def test_a_blob_shorter_than_its_descriptor_is_refused_and_not_asked_for_again(
    fake: FakeRegistry, source_context: Context
) -> None:
    fake.on("GET", BLOBS, reply(200, CONTENT[:1000]))
    with pytest.raises(SizeMismatch):
        read(stream(fake, source_context))
    assert len(ranges(fake)) == 1


def test_wrong_bytes_are_refused_and_not_asked_for_again(
    fake: FakeRegistry, source_context: Context
) -> None:
    fake.on("GET", BLOBS, reply(200, CONTENT[:-1] + b"x"))
    with pytest.raises(DigestMismatch):
        read(stream(fake, source_context))
    assert len(ranges(fake)) == 1


def test_a_registry_that_sends_other_bytes_after_a_break_is_found_out(
    fake: FakeRegistry, source_context: Context
) -> None:
    def other_bytes(exchange: Exchange) -> bool:
        left = len(CONTENT) - 100_000
        headers = {"Content-Range": f"bytes 100000-{len(CONTENT) - 1}/{len(CONTENT)}"}
        exchange.answer(206, b"x" * left, headers)
        return True

    fake.on("GET", BLOBS, cut_body(100_000), other_bytes)
    with pytest.raises(DigestMismatch):
        read(stream(fake, source_context))


def test_a_blob_that_falls_silent_is_asked_for_again(fake: FakeRegistry, keep: Keep) -> None:
    context = keep(make_context("source", clocks=Clocks(stall_seconds=0.3)))
    spoken = threading.Event()
    fake.on("GET", BLOBS, fall_silent(100_000, CONTENT, spoken))
    try:
        assert read(stream(fake, context)) == CONTENT
    finally:
        spoken.set()
    assert ranges(fake) == ["", "bytes=100000-"]


def test_an_endless_blob_is_cut_off_at_its_size(
    fake: FakeRegistry, source_context: Context
) -> None:
    fake.on("GET", BLOBS, reply(200, CONTENT * 2))
    with pytest.raises(SizeMismatch):
        read(stream(fake, source_context))


def test_a_download_that_never_gets_on_ends_with_digest_and_offset(
    fake: FakeRegistry, source_context: Context
) -> None:
    fake.on("GET", BLOBS, cut_body(100_000), reset(), forever=True)
    with pytest.raises(ConnectionFailed) as caught:
        read(stream(fake, source_context))
    assert caught.value.side == "source"
    assert f"{Digest.of(CONTENT)} at byte 100000" in str(caught.value)
    assert len(ranges(fake)) == 1 + QUICK.tries - 1


def test_breaks_of_all_blobs_together_are_bounded_by_the_budget(
    fake: FakeRegistry, keep: Keep
) -> None:
    context = keep(make_context("source", retry=RetryPolicy(first_delay_seconds=0.001, budget=3)))
    fake.on("GET", BLOBS, cut_body(10_000), forever=True)
    with pytest.raises(ConnectionFailed):
        read(stream(fake, context))
    assert len(ranges(fake)) == 4


@pytest.mark.parametrize(
    "fault",
    [
        refuse(503, "UNAVAILABLE"),
        refuse(429, "TOOMANYREQUESTS", Retry_After="0"),
        refuse(500, "UNKNOWN"),
        reset(),
    ],
)
def test_a_fault_that_passes_is_not_noticed(
    fake: FakeRegistry, source_context: Context, fault: Fault
) -> None:
    fake.on("GET", BLOBS, fault, fault)
    assert read(stream(fake, source_context)) == CONTENT


@pytest.mark.parametrize(("status", "kind"), [(503, ServerFault), (429, RateLimited)])
def test_a_fault_that_does_not_pass_ends_the_download(
    fake: FakeRegistry, source_context: Context, status: int, kind: type[TransportError]
) -> None:
    fake.on("GET", BLOBS, refuse(status, "NO"), forever=True)
    with pytest.raises(kind) as caught:
        read(stream(fake, source_context))
    assert caught.value.tries == QUICK.tries
    assert len(ranges(fake)) == QUICK.tries


def test_a_redirect_to_storage_is_resumed_at_the_registry(
    fake: FakeRegistry, source_context: Context
) -> None:
    def redirect(exchange: Exchange) -> bool:
        exchange.answer(307, b"", {"Location": f"http://{fake.host}/v2/store/blobs/{digest}"})
        return True

    digest = fake.hold_blob(CONTENT, "store")
    fake.on("GET", f"/v2/a/b{BLOBS}", redirect, normally)
    fake.on("GET", f"/v2/store{BLOBS}", cut_body(100_000))
    assert read(stream(fake, source_context)) == CONTENT
    assert [e.path for e in fake.asked("GET", "/blobs/")] == [
        f"/v2/a/b/blobs/{digest}",
        f"/v2/store/blobs/{digest}",
        f"/v2/a/b/blobs/{digest}",
    ]


def test_urls_of_foreign_layers_are_not_followed(
    fake: FakeRegistry, source_context: Context
) -> None:
    other = describe(b"foreign")
    blob = Descriptor(
        other.media_type, other.digest, other.size, urls=(f"http://{fake.host}/foreign",)
    )
    with pytest.raises(TransportError):
        open_source(fake.host, "a/b", source_context).open_blob(blob)
    assert not fake.asked("GET", "/foreign")
