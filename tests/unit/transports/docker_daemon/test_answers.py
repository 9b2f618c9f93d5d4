"""What daemons say: errors with a status, and errors within a 200."""

from __future__ import annotations

import contextlib
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regcopy.errors import Forbidden, LimitExceeded, NotFound, Refused, RegcopyError, ServerFault
from regcopy.transports.docker_daemon.answers import MAX_REPORT_BYTES, check_report, refusal
from regcopy.transports.docker_daemon.loading import _is_refusal


@pytest.mark.parametrize(
    "report",
    [
        b"",
        b'{"stream":"Loaded image: app:1\\n"}\r\n',
        b'{"status":"Loading layer","progressDetail":{"current":1}}{"stream":"x"}',
        b'{"stream":"error: this is only text"}\n\n',
        b'{"errorDetail":null,"stream":"done"}',
    ],
)
def test_a_report_without_an_error_is_fine(report: bytes) -> None:
    check_report(io.BytesIO(report))


@pytest.mark.parametrize(
    "report",
    [
        b'{"errorDetail":{"message":"no space left"},"error":"no space left"}',
        b'{"stream":"Loading"}\r\n{"errorDetail":{"message":"no space left"}}\r\n{"stream":"x"}',
        b'{"error":"no space left"}',
    ],
)
def test_an_error_within_a_report_is_told_in_the_daemons_words(report: bytes) -> None:
    with pytest.raises(Refused, match='docker engine reported: "no space left"'):
        check_report(io.BytesIO(report))


def test_an_error_without_words_is_an_error() -> None:
    with pytest.raises(Refused, match="without a message"):
        check_report(io.BytesIO(b'{"errorDetail":{"code":1}}'))


@pytest.mark.parametrize("report", [b"<html>", b"[]", b'{"stream":', b'"text"', b"[" * 100_000])
def test_what_is_no_report_is_refused(report: bytes) -> None:
    with pytest.raises(Refused, match="this is no report"):
        check_report(io.BytesIO(report))


def test_a_report_has_a_limit() -> None:
    with pytest.raises(LimitExceeded):
        check_report(io.BytesIO(b" " * (MAX_REPORT_BYTES + 1)))


def test_control_characters_of_a_daemon_are_not_shown() -> None:
    with pytest.raises(Refused) as caught:
        check_report(io.BytesIO(b'{"error":"a\\u001b[31mb"}'))
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "kind"), [(404, NotFound), (403, Forbidden), (409, Refused), (500, ServerFault)]
)
def test_a_status_has_its_kind_of_error(status: int, kind: type[RegcopyError]) -> None:
    error = refusal("GET", "unix:///x/images", status, b'{"message":"go\\naway"}')

    assert type(error) is kind
    assert "Error response from daemon: go away (GET unix:///x/images" in str(error)


@pytest.mark.parametrize("body", [b"", b"plain\xff text", b"[1]", b'{"message":1}', b"[" * 50_000])
def test_any_body_of_an_error_gives_one_line(body: bytes) -> None:
    assert "\n" not in str(refusal("GET", "x", 500, body))


@given(st.binary(max_size=300))
def test_any_bytes_are_a_report_or_refused(report: bytes) -> None:
    with contextlib.suppress(Refused):
        check_report(io.BytesIO(report))


@pytest.mark.parametrize(
    ("early", "is_refusal"),
    [
        (b"", True),
        (b"HTTP/1.1 403 Forbidden", True),
        (b"HTTP/1.0 500 ", True),
        (b"HTTP/1.1 200 OK", False),
        (b"HTTP/1.1 100 Continue", False),
        (b"HTTP/1.1 ", False),
        (b"HTT", False),
    ],
)
def test_an_answer_that_comes_early_may_be_a_refusal(early: bytes, is_refusal: bool) -> None:
    assert _is_refusal(early) == is_refusal
