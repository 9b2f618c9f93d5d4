"""One upload session and its requests (OCI distribution-spec, "Pushing Blobs")."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from regcopy.errors import NotFound, Refused, RegcopyError, ServerFault, TransportError
from regcopy.model.digest import Digest
from regcopy.model.reference import ImageName
from regcopy.transports.docker.client import (
    Outgoing,
    RegistryClient,
    Reply,
    Request,
    Scope,
    StreamBody,
)
from regcopy.transports.docker.manifests import digest_in

_BINARY: Final = {"Content-Type": "application/octet-stream"}
_TAKEN: Final = frozenset({200, 202, 204})
_CANCELLED: Final = frozenset({200, 202, 204, 404})
# "0-1023" of the specification; some write "bytes=0-1023".
_REACHED: Final = re.compile(r"(?:bytes[= ])?0-([0-9]{1,18})")
_LOST_STATUSES: Final = frozenset({404, 410, 416})
_LOST_CODES: Final = frozenset({"BLOB_UPLOAD_UNKNOWN", "BLOB_UPLOAD_INVALID"})
_LARGEST_MINIMUM: Final = 1024 * 1024 * 1024


class Session:
    """An upload that the registry has begun.

    Attributes:
        least_chunk: the registry takes no smaller part than this, the last one aside.
        alive: the registry has it still, as far as we know.
    """

    def __init__(self, client: RegistryClient, name: ImageName, scope: Scope, begun: Reply) -> None:
        """Take the address that the answer `begun` gives."""
        self._client = client
        self._name = name
        self._scopes = (scope,)
        # Changes with each answer; may hold a secret in its query.
        self._location = begun.location
        least = begun.headers.get("OCI-Chunk-Min-Length", "")
        self.least_chunk = int(least) if least.isdecimal() and len(least) < 10 else 0
        self.alive = True

    def put(
        self,
        digest: Digest,
        body: bytes | StreamBody,
        *,
        answer_seconds: float,
    ) -> None:
        """End the upload; the blob is there then.

        Args:
            digest: of the whole blob.
            body: what the registry does not have yet.
            answer_seconds: how long the registry may take over the blob.

        Raises:
            ServerFault: the upload was lost.
            Refused: the registry does not take the blob.
        """
        joint = "&" if "?" in self._location else "?"
        request = self._request(
            "PUT",
            f"{self._location}{joint}digest={digest}",
            f"writing blob {digest} to {self._name.name}",
            expect=frozenset({201}),
            headers=_BINARY,
            body=body,
            answer_seconds=answer_seconds,
        )
        with self._lost_found_out(), self._client.send(request) as reply:
            said = digest_in(reply)
        self.alive = False
        if said is not None and said.algorithm == digest.algorithm and said != digest:
            raise Refused(f"the registry says that it stored {said} in place of {digest}")

    def patch(
        self,
        part: Outgoing,
        offset: int,
        length: int | None,
        rewind: Callable[[], None],
        *,
        alone: bool = False,
    ) -> int | None:
        """Send a part.

        Args:
            part: its bytes.
            offset: where in the blob it begins.
            length: bytes in it; None where that is not known.
            rewind: goes back to the begin of the part.
            alone: the connection is not used again, so that none gets old.

        Returns:
            how many bytes the registry says it has, if it says so.

        Raises:
            ServerFault: the upload was lost.
            Refused: the registry does not take it.
        """
        headers = {**_BINARY, **({"Connection": "close"} if alone else {})}
        if length is not None:
            headers["Content-Range"] = f"{offset}-{offset + length - 1}"
        request = self._request(
            "PATCH",
            self._location,
            f"writing a blob to {self._name.name} at byte {offset}",
            expect=_TAKEN,
            headers=headers,
            body=StreamBody(part, length, rewind),
        )
        with self._lost_found_out(), self._client.send(request) as reply:
            self._move(reply)
            return _reached(reply)

    def reached(self) -> int | None:
        """Ask how many bytes the registry has; None where it has lost the upload, or does not say.

        Raises:
            ConnectionFailed, RateLimited, ServerFault: it could not be asked now.
        """
        what = f"asking how far an upload to {self._name.name} is"
        request = self._request("GET", self._location, what, expect=_TAKEN)
        try:
            with self._client.send(request) as reply:
                self._move(reply)
                return _reached(reply)
        except (NotFound, Refused):
            self.alive = False
            return None

    def cancel(self, client: RegistryClient) -> bool:
        """Have the registry drop the upload; tells whether it answered at all. Never raises.

        Args:
            client: another one for the same registry; ours may belong to a cancelled run.
        """
        self.alive = False
        request = self._request(
            "DELETE",
            self._location,
            f"cancelling an upload to {self._name.name}",
            expect=_CANCELLED,
        )
        try:
            client.send(request).close()
        except TransportError as error:
            return error.answer is not None
        except RegcopyError:
            return False
        return True

    def _request(
        self,
        method: str,
        target: str,
        what: str,
        *,
        expect: frozenset[int],
        headers: dict[str, str] | None = None,
        body: bytes | StreamBody = b"",
        answer_seconds: float | None = None,
    ) -> Request:
        return Request(
            method, target, self._scopes, what, headers or {}, body, expect, answer_seconds
        )

    def _move(self, reply: Reply) -> None:
        if "Location" in reply.headers:
            self._location = reply.location

    @contextmanager
    def _lost_found_out(self) -> Iterator[None]:
        """Turn "there is no such upload" into a fault that is worth another try."""
        try:
            yield
        except (NotFound, Refused) as error:
            answer = error.answer
            if answer is None:
                raise
            if answer.status in _LOST_STATUSES or _LOST_CODES.intersection(answer.codes):
                self.alive = False
                raise ServerFault(
                    f"the registry has lost the upload: {error.message}", answer=answer
                ) from error
            raise


def _reached(reply: Reply) -> int | None:
    found = _REACHED.fullmatch(reply.headers.get("Range", "").strip())
    if found is None:
        return None
    # The range is inclusive, so that "0-0" can mean one byte; registries mean none by it.
    last = int(found[1])
    return last + 1 if last else 0
