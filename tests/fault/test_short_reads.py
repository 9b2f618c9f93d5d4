"""Bodies in drops, and bodies that end at the last byte, before it or behind it."""

from __future__ import annotations

import hashlib
from typing import Final

import pytest

from regcopy.errors import SizeMismatch
from regcopy.transports.base import Context
from tests.docker_tools import describe, open_source, opened_by
from tests.fake_registry import Exchange, FakeRegistry, Fault

CONTENT: Final = hashlib.shake_128(b"blob").digest(3000)
HEAD: Final = b"HTTP/1.1 200 OK\r\n"


def read(fake: FakeRegistry, context: Context) -> bytes:
    """Read CONTENT from the registry, verified."""
    fake.hold_blob(CONTENT, "a/b")
    blob, source = describe(CONTENT), open_source(fake.host, "a/b", context)
    with opened_by(lambda offset: source.open_blob(blob, offset=offset), blob) as stream:
        return b"".join(iter(lambda: stream.read(1000), b""))


def in_drops(exchange: Exchange) -> bool:
    """Send each byte by itself."""
    length = f"Content-Length: {len(CONTENT)}\r\n\r\n".encode()
    for byte in HEAD + length + CONTENT:
        exchange._handler.wfile.write(bytes([byte]))
    exchange.hang_up()
    return True


def in_chunks_of_one(exchange: Exchange) -> bool:
    """Send each byte as an HTTP chunk."""
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in CONTENT)
    exchange.raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n")
    return True


@pytest.mark.parametrize("fault", [in_drops, in_chunks_of_one])
def test_a_body_that_comes_byte_by_byte_is_the_blob(
    fake: FakeRegistry,
    source_context: Context,
    fault: Fault,
) -> None:
    fake.on("GET", "/blobs/", fault)
    assert read(fake, source_context) == CONTENT
    assert len(fake.seen) == 1


def until_the_end(content: bytes) -> Fault:
    """Send a body without a length, that ends with the connection."""

    def fault(exchange: Exchange) -> bool:
        exchange.raw(HEAD + b"Connection: close\r\n\r\n" + content)
        return True

    return fault


def test_a_body_without_a_length_that_ends_at_the_last_byte_is_the_blob(
    fake: FakeRegistry, source_context: Context
) -> None:
    fake.on("GET", "/blobs/", until_the_end(CONTENT))
    assert read(fake, source_context) == CONTENT
    assert len(fake.seen) == 1


def test_a_body_without_a_length_that_ends_one_byte_early_is_asked_for_the_byte(
    fake: FakeRegistry, source_context: Context
) -> None:
    fake.on("GET", "/blobs/", until_the_end(CONTENT[:-1]))
    assert read(fake, source_context) == CONTENT
    assert fake.seen[1].headers["range"] == f"bytes={len(CONTENT) - 1}-"


def test_a_body_without_a_length_that_has_a_byte_more_is_refused(
    fake: FakeRegistry, source_context: Context
) -> None:
    fake.on("GET", "/blobs/", until_the_end(CONTENT + b"x"))
    with pytest.raises(SizeMismatch):
        read(fake, source_context)
