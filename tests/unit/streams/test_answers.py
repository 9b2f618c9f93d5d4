"""What is read of an answer line by line has a limit, and content has none."""

from __future__ import annotations

import http.client
import io
import socket
from typing import cast

import pytest

from regcopy.errors import LimitExceeded
from regcopy.streams.answers import MAX_HEAD_BYTES, AnswerReader

LINE = b"x" * 1023 + b"\n"


class Raw(io.BytesIO, io.RawIOBase):
    """Bytes of an answer."""


def reader(content: bytes) -> AnswerReader:
    return AnswerReader(Raw(content), whose="the server's")


def test_lines_without_end_are_refused() -> None:
    answer = reader(LINE * 65)
    for _ in range(MAX_HEAD_BYTES // len(LINE)):
        assert answer.readline() == LINE

    with pytest.raises(LimitExceeded, match="the server's headers are over 65536 bytes"):
        answer.readline()


def test_content_in_between_ends_the_count() -> None:
    answer = reader((LINE * 60 + b"content") * 3)
    for _ in range(3):
        for _ in range(60):
            answer.readline()
        assert answer.read(7) == b"content"


def test_http_client_takes_it_for_a_socket() -> None:
    content = reader(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody")
    with http.client.HTTPResponse(cast("socket.socket", content)) as answer:
        answer.begin()

        assert answer.read() == b"body"
