"""What the API answers when it says no (distribution-spec, "Error Codes")."""

from __future__ import annotations

import json

from regcopy.model.digest import Digest
from regcopy.serving.messages import Response


class Refusal(Exception):
    """A request that is answered with an error of the specification.

    Attributes:
        status: status of the answer.
        code: the specification's code.
        digests: what is missing or wrong, one error for each.
        headers: more headers of the answer.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        digests: tuple[Digest, ...] = (),
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.digests = digests
        self.headers = headers

    def to_response(self) -> Response:
        """The answer, with its JSON."""
        error: dict[str, object] = {"code": self.code, "message": self.message}
        errors = [{**error, "detail": {"digest": str(d)}} for d in self.digests] or [error]
        content = json.dumps({"errors": errors}).encode()
        headers = (*self.headers, ("Content-Type", "application/json"))
        return Response(self.status, headers, content)


def name_invalid(name: str) -> Refusal:
    """Not the name of a repository."""
    return Refusal(400, "NAME_INVALID", f"invalid repository name {name[:300]!r}")


def name_unknown(name: str) -> Refusal:
    """No such repository."""
    return Refusal(404, "NAME_UNKNOWN", f"repository {name} is not known here")


def digest_invalid(message: str) -> Refusal:
    """Not a digest, or not that of the content."""
    return Refusal(400, "DIGEST_INVALID", message)


def blob_unknown(digest: Digest) -> Refusal:
    """No such blob in that repository."""
    return Refusal(404, "BLOB_UNKNOWN", "blob unknown to repository", digests=(digest,))


def manifest_unknown(name: str, reference: str) -> Refusal:
    """No such manifest in that repository."""
    return Refusal(404, "MANIFEST_UNKNOWN", f"{name} has no manifest {reference[:200]}")


def upload_unknown() -> Refusal:
    """No such upload: it never began, ended, was cancelled, or is too old."""
    return Refusal(404, "BLOB_UPLOAD_UNKNOWN", "upload unknown to repository")


def unsupported(status: int, message: str, *, allow: str = "") -> Refusal:
    """Something that this registry does not do."""
    headers = (("Allow", allow),) if allow else ()
    return Refusal(status, "UNSUPPORTED", message, headers=headers)
