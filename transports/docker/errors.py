"""From answers and exceptions to the errors of regcopy.

An error names method, host and path, status and the registry's own code. It never holds a
query, a header, or a secret that the server echoes.
"""

from __future__ import annotations

import http.client
import json
import ssl
import time
from collections.abc import Collection, Iterator, Mapping
from email.utils import parsedate_to_datetime
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from regcopy.errors import (
    Answer,
    Cancelled,
    ConnectionFailed,
    Forbidden,
    NotFound,
    RateLimited,
    Refused,
    RegcopyError,
    ServerFault,
    TimedOut,
    TlsFailed,
    TransportError,
    Unauthorized,
    UsageError,
)
from regcopy.text import printable
from regcopy.transports.base import Context

MAX_ERROR_BODY: Final = 64 * 1024
_MAX_CODES: Final = 5
_MAX_RETRY_AFTER_TEXT: Final = 64
_LONGEST_PLAIN_PART: Final = 20
_TUNNEL: Final = "Tunnel connection failed: "  # how http.client begins such an OSError


class Place(NamedTuple):
    """Which request something is about.

    Attributes:
        what: what was being done, for the error's `operation`.
        own_path: path that we asked for; "" where the registry named the address.
    """

    method: str
    url: str
    what: str
    own_path: str = ""

    @property
    def host(self) -> str:
        """Host and port."""
        return printable(urlsplit(self.url).netloc.rpartition("@")[2], limit=300)

    @property
    def address(self) -> str:
        """Host and path, without query.

        Some addresses that a registry points to are signed in their path. So a path that is
        neither ours nor of the registry's API is shown only where nothing in it can be that.
        """
        path = urlsplit(self.url).path
        is_known = path == self.own_path or path.startswith("/v2/")
        is_plain = all(len(part) <= _LONGEST_PLAIN_PART for part in path.split("/"))
        return self.host + (printable(path, limit=500) if is_known or is_plain else "/…")


class Complaint(NamedTuple):
    """What a server says about an error: its codes and one message, both fit to be shown."""

    codes: tuple[str, ...] = ()
    message: str = ""


def parse_complaint(body: bytes, secrets: Collection[str] = ()) -> Complaint:
    """Read an error body (distribution-spec, "Error Codes"), or a token service's own kind.

    Args:
        body: as received, at most `MAX_ERROR_BODY` bytes.
        secrets: what must not be shown even where the server repeats it.
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return Complaint()
    if not isinstance(document, dict):
        return Complaint()
    codes, messages = [], []
    errors = document.get("errors")
    for entry in errors[:_MAX_CODES] if isinstance(errors, list) else ():
        if isinstance(entry, dict):
            codes.append(entry.get("code"))
            messages.append(entry.get("message"))
    messages += [document.get(key) for key in ("error_description", "details", "message", "error")]
    shown = [_shown(text, secrets) for text in messages if isinstance(text, str) and text.strip()]
    named = [_shown(code, secrets, 64) for code in codes if isinstance(code, str) and code]
    # An index that misses its images is told once for each of them.
    return Complaint(tuple(dict.fromkeys(named)), shown[0] if shown else "")


def _shown(text: str, secrets: Collection[str], limit: int = 300) -> str:
    for secret in secrets:
        text = text.replace(secret, "***")
    return printable(text.strip(), limit=limit)


def answer_error(
    place: Place, status: int, headers: Mapping[str, str], complaint: Complaint, *, hint: str = ""
) -> TransportError:
    """Make the error for an answer that was not hoped for."""
    answer = Answer(place.method, place.address, status, complaint.codes)
    told = " ".join((str(status), *complaint.codes))
    message = f"{_reason(place, status, complaint)} ({place.method} {place.address}: {told})"
    error = _error(message, status, answer, headers, hint or _hint(status))
    error.operation = place.what
    return error


def _error(
    message: str, status: int, answer: Answer, headers: Mapping[str, str], hint: str
) -> TransportError:
    wish = parse_retry_after(headers.get("Retry-After", ""))
    if status == 429:
        return RateLimited(message, answer=answer, retry_after=wish, hint=hint)
    if status >= 500:
        return ServerFault(message, answer=answer, retry_after=wish, hint=hint)
    kinds: dict[int, type[TransportError]] = {
        401: Unauthorized,
        403: Forbidden,
        404: NotFound,
        408: TimedOut,
    }
    return kinds.get(status, Refused)(message, answer=answer, hint=hint)


def _reason(place: Place, status: int, complaint: Complaint) -> str:
    code = complaint.codes[0].lower().replace("_", " ") if complaint.codes else ""
    if complaint.message and code not in complaint.message.lower():
        # Each registry has its own message for MANIFEST_UNKNOWN; scripts look for the code.
        return f"{code}: {complaint.message}"
    if complaint.message or code:
        return complaint.message or code
    if status == 404:
        # The words of MANIFEST_UNKNOWN and BLOB_UNKNOWN, which a HEAD cannot carry.
        for part in ("manifest", "blob"):
            if f"/{part}s/" in place.address:
                return f"{part} unknown"
    words = http.client.responses.get(status, "").lower()
    # "ok" would tell nobody what is wrong with an answer that is not the one hoped for.
    return words if words and status >= 300 else "unexpected answer"


def _hint(status: int) -> str:
    if status == 413:
        return "the registry, or a proxy before it, has a limit for this that must be raised"
    if status == 429:
        return "wait a while, or log in: limits are higher for known users"
    if status == 403:
        return "the account that was used has no right to do this"
    return ""


def parse_retry_after(text: str) -> float | None:
    """Parse `Retry-After`, seconds or a date (RFC 9110 section 10.2.3), into seconds from now.

    None where it is neither.
    """
    text = text.strip()
    if not text or len(text) > _MAX_RETRY_AFTER_TEXT:
        return None
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        moment = parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError, OSError):
        return None
    return max(0.0, moment - time.time())


def wire_error(place: Place, error: Exception) -> RegcopyError:
    """Make the error for an exchange that ended without a whole answer.

    Errors of regcopy itself are told their place and given back.
    """
    if isinstance(error, RegcopyError):
        if not error.operation and not isinstance(error, UsageError):
            error.operation = place.what
            error.message = f"{place.method} {place.address}: {error.message}"
        return error
    found = _from_library(place, list(_causes(error)))
    found.operation = place.what
    return found


def _from_library(place: Place, causes: list[BaseException]) -> TransportError:
    where = f"{place.method} {place.address}"
    for cause in causes:
        if isinstance(cause, ssl.SSLError) and not isinstance(cause, ssl.SSLEOFError):
            return _tls_error(place, cause)
    for cause in causes:
        if isinstance(cause, TimeoutError):
            return TimedOut(f"{where}: no answer in time")
    names = {type(cause).__name__ for cause in causes}
    if "ProxyError" in names:
        return ConnectionFailed(
            f"{where}: through the proxy: {_broken(causes)}",
            hint="see HTTP_PROXY, HTTPS_PROXY and NO_PROXY",
        )
    if names & {"InvalidHeader", "LocationParseError", "InvalidURL", "LocationValueError"}:
        return Refused(f"{where}: the answer breaks the rules of HTTP")
    return ConnectionFailed(f"{where}: {_broken(causes)}")


def _broken(causes: list[BaseException]) -> str:
    for cause in causes:
        if isinstance(cause, http.client.IncompleteRead):
            return "the answer's body broke off"
        if isinstance(cause, http.client.RemoteDisconnected):
            return "the connection was closed without an answer"
        if isinstance(cause, http.client.HTTPException):
            return "what came is no answer in HTTP"
    for cause in causes:
        if isinstance(cause, OSError) and cause.strerror:
            return printable(cause.strerror.lower(), limit=200)
        if isinstance(cause, OSError) and str(cause).startswith(_TUNNEL):
            return printable(str(cause).lower(), limit=200)
    return "the connection broke"


def _tls_error(place: Place, error: ssl.SSLError) -> TlsFailed:
    where = f"{place.method} {place.address}"
    if isinstance(error, ssl.SSLCertVerificationError):
        why = printable(getattr(error, "verify_message", "it cannot be verified"), limit=200)
        return TlsFailed(
            f"{where}: x509: the certificate of {place.host} was not accepted: {why}",
            hint="put the certificate of its authority, as *.crt, into a folder for --cert-dir, "
            "or switch verification off with --tls-verify=false",
        )
    reason = str(getattr(error, "reason", None) or "").replace("_", " ").lower()
    # What programs in Go call this, and "x509" above, is what scripts look for.
    if reason in {"wrong version number", "record layer failure", "http request"}:
        return TlsFailed(
            f"{where}: {place.host} does not speak TLS (server gave HTTP response to HTTPS client)",
            hint="plain HTTP is used only with --tls-verify=false",
        )
    hint = ""
    if "certificate required" in reason or "handshake failure" in reason:
        hint = "the server may want a client certificate: *.cert and *.key in --cert-dir"
    return TlsFailed(
        f"{where}: TLS failed: {printable(reason, limit=200) or 'no reason'}", hint=hint
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Everything that an exception of urllib3 or requests was made of.

    Not what was being handled when it was raised: that may be an older story.
    """
    left: list[object] = [error]
    seen: set[int] = set()
    while left:
        item = left.pop(0)
        if not isinstance(item, BaseException) or id(item) in seen:
            continue
        seen.add(id(item))
        yield item
        left += [*item.args, getattr(item, "reason", None), item.__cause__]


def wire_failures() -> tuple[type[Exception], ...]:
    """Kinds of exceptions that an exchange ends with; for an `except`, which asks only then."""
    from requests.exceptions import RequestException
    from urllib3.exceptions import HTTPError

    return (RegcopyError, OSError, http.client.HTTPException, RequestException, HTTPError)


def exchange_error(place: Place, error: Exception, context: Context) -> RegcopyError:
    """Make the error for an exchange that failed, which the end of the run may explain."""
    if context.cancelled.is_set():
        return Cancelled("cancelled")
    return wire_error(place, error)
