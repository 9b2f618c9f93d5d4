"""Signatures that a registry keeps itself: the extension of OpenShift's registry.

`GET` and `PUT /extensions/v2/<repository>/signatures/<digest>`, where the answer to `/v2/`
has `X-Registry-Supports-Signatures: 1` (containers/image, docs/signature-protocols.md).
"""

from __future__ import annotations

import base64
import binascii
import secrets
import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from regcopy.errors import ManifestInvalid, Refused, UsageError
from regcopy.model._json import JsonObject, dump_object, load_object
from regcopy.model.digest import Digest
from regcopy.model.reference import ImageName
from regcopy.transports.docker.client import RegistryClient, Request, Scope

if TYPE_CHECKING:
    from regcopy.transports.docker.messages import Reply

_MAX_LIST_BYTES: Final = 8 * 1024 * 1024
_MARK: Final = "X-Registry-Supports-Signatures"
_VERSION, _TYPE = 2, "atomic"


class RegistrySignatures:
    """The signatures of one repository; safe for use by several threads."""

    def __init__(self, client: RegistryClient, name: ImageName, actions: tuple[str, ...]) -> None:
        """Ask nothing yet.

        Args:
            client: of the registry.
            name: of the repository.
            actions: what a token must allow, such as ("pull",).
        """
        self._client = client
        self._name = name
        self._scope = Scope(name.repository, actions)
        self._lock = threading.Lock()
        self._are_kept: bool | None = None

    def are_kept(self) -> bool:
        """Tell whether the registry keeps signatures. Raises TransportError."""
        with self._lock:
            if self._are_kept is None:
                request = Request("GET", "/v2/", (self._scope,), f"asking {self._name.registry}")
                with self._client.call(request) as reply:
                    self._are_kept = reply.headers.get(_MARK, "") == "1"
            return self._are_kept

    def get(self, digest: Digest) -> Iterator[bytes]:
        """Give the signatures of a manifest; none where the registry keeps none at all.

        Raises:
            LimitExceeded: they are too large together.
            ManifestInvalid: the answer is no list of signatures.
            TransportError: they cannot be read.
        """
        if not self.are_kept():
            return
        with self._call("GET", digest, expect=200) as reply:
            what = f"signatures of {digest} in {self._name.name}"
            content = reply.read_all(_MAX_LIST_BYTES, what)
        for entry in JsonObject(load_object(content, what=what), what=what).children("signatures"):
            if entry.integer("schemaVersion") == _VERSION and entry.string("type") == _TYPE:
                yield _content(entry)

    def put(self, digest: Digest, signatures: Sequence[bytes]) -> None:
        """Add those signatures of a manifest that are not there yet; the manifest must be.

        Raises:
            UsageError: the registry keeps no signatures.
            TransportError: it did not take one.
        """
        if not signatures:
            return
        if not self.are_kept():
            raise UsageError(
                f"{self._name.registry} keeps no signatures",
                hint="leave them behind with --remove-signatures, or write to docker:// with a "
                "lookaside storage in registries.d",
            )
        known = set(self.get(digest))
        for signature in signatures:
            if signature not in known:
                self._put(digest, signature)

    def _put(self, digest: Digest, signature: bytes) -> None:
        document = {
            "schemaVersion": _VERSION,
            "name": f"{digest}@{secrets.token_hex(16)}",
            "type": _TYPE,
            "content": base64.b64encode(signature).decode(),
        }
        try:
            self._call("PUT", digest, expect=201, body=dump_object(document)).close()
        except Refused as error:
            # Nobody else makes that name. At a second try it is there by the first, whose
            # answer was lost.
            is_there = error.answer is not None and error.answer.status == 409
            if not is_there or error.tries == 1:
                raise

    def _call(self, method: str, digest: Digest, *, expect: int, body: bytes = b"") -> Reply:
        doing = "writing" if body else "reading"
        return self._client.call(
            Request(
                method,
                f"/extensions/v2/{self._name.repository}/signatures/{digest}",
                (self._scope,),
                f"{doing} signatures of {digest} in {self._name.name}",
                headers={"Content-Type": "application/json"} if body else {},
                body=body,
                expect=frozenset({expect}),
            )
        )


def _content(entry: JsonObject) -> bytes:
    try:
        return base64.b64decode(entry.string("content"), validate=True)
    except (binascii.Error, ValueError):
        raise ManifestInvalid("a signature in the registry is not base64") from None
