"""What a daemon says: errors by status, and those inside the body of a 200.

Bodies are JSON: `{"message": …}` for an error, and after `load` one object a line (or one
after the other), of which any may be `{"errorDetail": {"message": …}}`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from regcopy.errors import (
    Answer,
    Forbidden,
    NotFound,
    Refused,
    ServerFault,
    TransportError,
    Unauthorized,
)
from regcopy.streams.blob import Readable, read_limited
from regcopy.text import printable

MAX_ERROR_BYTES: Final = 64 * 1024
# Progress is asked not to be shown; what is left are lines about what was loaded.
MAX_REPORT_BYTES: Final = 8 * 1024 * 1024
_MAX_SHOWN: Final = 600


def refusal(method: str, address: str, status: int, body: bytes) -> TransportError:
    """Make the error for an answer that was not hoped for.

    Args:
        method: of the request.
        address: of the request, without query.
        status: HTTP status.
        body: what came with it, or its beginning.
    """
    kinds: dict[int, type[TransportError]] = {401: Unauthorized, 403: Forbidden, 404: NotFound}
    kind = kinds.get(status, ServerFault if status >= 500 else Refused)
    said = _message(body) or "no reason given"
    return kind(
        f"Error response from daemon: {said} ({method} {address}: {status})",
        answer=Answer(method, address, status),
    )


def _message(body: bytes) -> str:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return _shown(body.decode("utf-8", "replace"))
    found = document.get("message") if isinstance(document, dict) else None
    return _shown(found) if isinstance(found, str) else ""


def _shown(text: str) -> str:
    return printable(" ".join(text.split()), limit=_MAX_SHOWN)


def check_report(body: Readable) -> None:
    """Read what a daemon tells about an archive that it took, to its end.

    Raises:
        Refused: it reports an error, or what comes is no report.
        LimitExceeded: the report does not end.
    """
    for document in _documents(read_limited(body, MAX_REPORT_BYTES, what="the daemon's report")):
        detail = document.get("errorDetail")
        message = detail.get("message") if isinstance(detail, dict) else document.get("error")
        if isinstance(message, str) and message:
            raise Refused(f'docker engine reported: "{_shown(message)}"')
        if detail is not None:
            raise Refused("docker engine reported an error without a message")


def _documents(content: bytes) -> Iterator[dict[str, object]]:
    text = content.decode("utf-8", "replace").strip()
    decoder = json.JSONDecoder()
    while text:
        try:
            document, end = decoder.raw_decode(text)
        except (ValueError, RecursionError):
            document, end = None, 0
        if not isinstance(document, dict):
            raise Refused(f"parsing docker load progress: this is no report: {_shown(text[:100])}")
        yield document
        text = text[end:].lstrip()
