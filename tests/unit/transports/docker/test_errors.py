"""Answers and exceptions become errors that say what, where and what to try."""

from __future__ import annotations

import datetime as dt
import http.client
import ssl
from email.utils import format_datetime

import pytest
import requests.exceptions
import urllib3.exceptions

from regcopy.errors import (
    Answer,
    ConnectionFailed,
    Forbidden,
    NotFound,
    RateLimited,
    Refused,
    ServerFault,
    Stalled,
    TimedOut,
    TlsFailed,
    TransportError,
    Unauthorized,
)
from regcopy.transports.docker.errors import (
    Complaint,
    Place,
    answer_error,
    parse_complaint,
    parse_retry_after,
    wire_error,
    wire_failures,
)

PLACE = Place("GET", "https://u:p@host:5000/v2/app/manifests/1?secret=x", "reading manifest 1")


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (
            b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}',
            Complaint(("MANIFEST_UNKNOWN",), "manifest unknown"),
        ),
        (
            b'{"errors":[{"code":"A","message":""},{"code":"B","message":"second"}]}',
            Complaint(("A", "B"), "second"),
        ),
        (b'{"errors":[{"code":"DENIED"}]}', Complaint(("DENIED",), "")),
        (b'{"details":"wrong password"}', Complaint((), "wrong password")),
        (b'{"error":"invalid_grant","error_description":"no"}', Complaint((), "no")),
        (b'{"errors":[1,null,{"code":2,"message":[]}]}', Complaint()),
        (b'{"errors":{"code":"X"}}', Complaint()),
        (b"[]", Complaint()),
        (b"<html>", Complaint()),
        (b"\xff\xfe", Complaint()),
        (b"[" * 60_000, Complaint()),
        (b"", Complaint()),
    ],
)
def test_what_a_registry_says_about_an_error(body: bytes, complaint: Complaint) -> None:
    assert parse_complaint(body) == complaint


@pytest.mark.parametrize(
    ("status", "code", "message", "shown"),
    [
        (404, "MANIFEST_UNKNOWN", "manifest unknown", "manifest unknown"),
        (404, "MANIFEST_UNKNOWN", "", "manifest unknown"),
        (404, "MANIFEST_UNKNOWN", 'tagged by "x"', 'manifest unknown: tagged by "x"'),
        (404, "NAME_UNKNOWN", "no such project", "name unknown: no such project"),
        (404, "NOT_FOUND", "repository a not found", "repository a not found"),
        (401, "UNAUTHORIZED", "authentication required", "unauthorized: authentication required"),
        (403, "DENIED", "access is denied", "access is denied"),
        (403, "DENIED", "no right", "denied: no right"),
    ],
)
def test_the_words_of_the_code_are_there_whatever_the_registry_says(
    status: int, code: str, message: str, shown: str
) -> None:
    """Scripts look for them in skopeo's messages, such as `grep -q "manifest unknown"`."""
    error = answer_error(PLACE, status, {}, Complaint((code,), message))
    assert error.message.startswith(f"{shown} (GET host:5000/v2/app/manifests/1: {status} {code})")


def test_what_a_registry_says_is_fit_for_a_terminal() -> None:
    body = (
        b'{"errors":[{"code":"\\u001b[31m","message":"a\\u001b]0;b\\u0007\\n' + b"x" * 999 + b'"}]}'
    )

    complaint = parse_complaint(body)

    assert complaint.codes == ("\\x1b[31m",)
    assert complaint.message.startswith("a\\x1b]0;b\\x07\\x0axxx")
    assert len(complaint.message) < 330


def test_only_the_first_codes_are_kept() -> None:
    body = b'{"errors":[' + b",".join(b'{"code":"X%d"}' % n for n in range(100)) + b"]}"

    assert parse_complaint(body).codes == ("X0", "X1", "X2", "X3", "X4")


def test_a_code_that_is_repeated_is_told_once() -> None:
    body = b'{"errors":[{"code":"X"},{"code":"Y"},{"code":"X"}]}'

    assert parse_complaint(body).codes == ("X", "Y")


@pytest.mark.parametrize("status", [200, 202])
def test_success_of_another_kind_is_told_as_unexpected(status: int) -> None:
    told = answer_error(PLACE, status, {}, Complaint()).message

    assert told.startswith("unexpected answer (")
    assert f": {status})" in told


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Refused),
        (401, Unauthorized),
        (403, Forbidden),
        (404, NotFound),
        (408, TimedOut),
        (409, Refused),
        (413, Refused),
        (429, RateLimited),
        (500, ServerFault),
        (503, ServerFault),
        (304, Refused),
        (206, Refused),
        (999, ServerFault),
    ],
)
def test_each_status_has_its_error(status: int, kind: type[TransportError]) -> None:
    error = answer_error(PLACE, status, {}, Complaint())

    assert type(error) is kind
    assert error.answer == Answer("GET", "host:5000/v2/app/manifests/1", status)


def test_an_error_names_operation_place_status_and_code() -> None:
    complaint = Complaint(("MANIFEST_UNKNOWN",), "manifest unknown")

    error = answer_error(PLACE, 404, {}, complaint)

    assert str(error) == (
        "reading manifest 1: manifest unknown "
        "(GET host:5000/v2/app/manifests/1: 404 MANIFEST_UNKNOWN)"
    )


@pytest.mark.parametrize(
    ("path", "told"),
    [("manifests/1", "manifest unknown"), ("blobs/x", "blob unknown"), ("tags/list", "not found")],
)
def test_a_404_without_words_is_put_into_words(path: str, told: str) -> None:
    place = Place("HEAD", f"https://host/v2/app/{path}", "it")

    assert answer_error(place, 404, {}, Complaint()).message.startswith(f"{told} (HEAD host")


@pytest.mark.parametrize("status", [429, 503])
def test_the_wish_to_wait_is_kept(status: int) -> None:
    error = answer_error(PLACE, status, {"Retry-After": "7"}, Complaint())

    assert isinstance(error, RateLimited | ServerFault)
    assert error.retry_after == 7.0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        (" 120 ", 120.0),
        ("", None),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("٣", None),
        ("9" * 65, None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("Wed, 99 Oct 2015 07:28:00 GMT", None),
    ],
)
def test_retry_after(text: str, seconds: float | None) -> None:
    assert parse_retry_after(text) == seconds


def test_retry_after_as_a_date_is_time_from_now() -> None:
    moment = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)

    seconds = parse_retry_after(format_datetime(moment, usegmt=True))

    assert seconds is not None
    assert 3000 < seconds <= 3600


def subclasses(kind: type[Exception]) -> list[type[Exception]]:
    """All kinds below one, that its library defines."""
    found = [kind]
    for below in kind.__subclasses__():
        found += subclasses(below)
    return [k for k in found if k.__module__.partition(".")[0] in {"requests", "urllib3", "http"}]


@pytest.mark.parametrize(
    "kind",
    [
        *subclasses(requests.exceptions.RequestException),
        *subclasses(urllib3.exceptions.HTTPError),
        *subclasses(http.client.HTTPException),
    ],
)
def test_no_exception_of_the_libraries_is_left_out(kind: type[Exception]) -> None:
    error = kind.__new__(kind)

    assert isinstance(error, wire_failures())
    assert isinstance(wire_error(PLACE, error), TransportError)


@pytest.mark.parametrize(
    ("cause", "kind", "told"),
    [
        (TimeoutError("timed out"), TimedOut, "no answer in time"),
        (ConnectionRefusedError(111, "Connection refused"), ConnectionFailed, "connection refused"),
        (http.client.RemoteDisconnected("x"), ConnectionFailed, "closed without an answer"),
        (http.client.IncompleteRead(b"secret"), ConnectionFailed, "body broke off"),
        (http.client.BadStatusLine("secret"), ConnectionFailed, "no answer in HTTP"),
        (ssl.SSLEOFError(8, "EOF occurred"), ConnectionFailed, "eof occurred"),
        (ssl.SSLError(1, "[SSL: X] x"), TlsFailed, "TLS failed"),
    ],
)
def test_a_cause_is_found_below_what_the_libraries_make_of_it(
    cause: Exception, kind: type[TransportError], told: str
) -> None:
    wrapped = requests.exceptions.ConnectionError(
        urllib3.exceptions.ProtocolError("Connection aborted.", cause)
    )

    error = wire_error(PLACE, wrapped)

    assert type(error) is kind
    assert str(error).startswith("reading manifest 1: GET host:5000/v2/app/manifests/1: ")
    assert told in str(error)
    assert "secret" not in str(error)


def test_an_error_of_our_own_is_told_its_place_once() -> None:
    error = Stalled("nothing was received")

    wire_error(PLACE, error)
    wire_error(Place("PUT", "https://elsewhere/", "something else"), error)

    assert str(error) == (
        "reading manifest 1: GET host:5000/v2/app/manifests/1: nothing was received"
    )


def test_what_was_being_handled_before_is_not_the_cause() -> None:
    error = requests.exceptions.ConnectionError("x")
    error.__context__ = ssl.SSLError(1, "older")

    assert not isinstance(wire_error(PLACE, error), TlsFailed)
