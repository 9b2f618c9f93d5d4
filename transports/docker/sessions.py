"""Upload sessions of one repository: begun, kept until they are needed, cancelled.

(OCI distribution-spec, "Pushing Blobs" and "Mounting a blob from another repository".)

One POST can ask and begin at once: with `mount=<digest>&from=<repository>` a registry answers
201 where it has the blob there, and 202 with a new session where it has not. Naming the
repository itself as `from` asks "is it here?". Where a registry refuses such a request, it
is asked by HEAD from then on.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import quote

from regcopy.errors import Forbidden, Unauthorized
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.reference import ImageName
from regcopy.transports.base import Clocks, Context
from regcopy.transports.docker.client import RegistryClient, Request, Scope
from regcopy.transports.docker.manifests import digest_in
from regcopy.transports.docker.session import Session

# Answers to a mount that mean "not in this way", from the specification's own 404 for an
# unknown repository to what registries do with parameters they do not know.
_NO_MOUNT: Final = frozenset({400, 404, 405, 409, 415, 422, 500, 501})
# What a place answers that has no HEAD for blobs; writing will tell who has no right.
_NO_HEAD: Final = frozenset({400, 403, 405, 501})
# A run that was cancelled should end within five seconds, its threads and all.
_CANCEL_SECONDS: Final = 1.5
_FIRST_CHUNK_BYTES: Final = 64 * 1024 * 1024
_SMALLEST_CHUNK_BYTES: Final = 64 * 1024


@dataclass(slots=True)
class Habits:
    """What one registry was seen to do; shared by all images of a run.

    Attributes:
        asks_by_mount: it answers a mount from the repository itself.
        largest_body: larger bodies were refused or cut off; None while none was.
    """

    asks_by_mount: bool = True
    largest_body: int | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def refused_body(self, length: int) -> bool:
        """Learn that a body was too large; False where still smaller ones make no sense."""
        limit = smaller_body(length)
        if limit is not None:
            self.cut_off(limit)
        return limit is not None

    def cut_off(self, limit: int) -> None:
        """Learn that larger bodies than this do not get through."""
        with self._lock:
            self.largest_body = min(limit, self.largest_body or limit)

    def close(self) -> None:
        """Do nothing: there is nothing to give back."""


def smaller_body(length: int) -> int | None:
    """What to send where a body of this length does not get through; None if nothing smaller is."""
    limit = min(_FIRST_CHUNK_BYTES, length // 2)
    return limit if limit >= _SMALLEST_CHUNK_BYTES else None


class Sessions:
    """The upload sessions that one image has in its repository; for use by several threads."""

    def __init__(self, client: RegistryClient, name: ImageName, context: Context) -> None:
        """Begin nothing yet."""
        self._client = client
        self._name = name
        self._context = context
        self._scope = Scope(name.repository, ("pull", "push"))
        self._lock = threading.Lock()
        self._kept: dict[Digest, Session] = {}
        self._begun: list[Session] = []
        # Repositories that nothing may be mounted from.
        self._closed: set[str] = set()
        self.habits = context.resources.get(Habits, name.registry, Habits)

    def find(self, blob: Descriptor, *, begin: bool) -> bool:
        """Tell whether the repository has the blob.

        Args:
            blob: what is asked for.
            begin: an upload may be begun where it has not, which is then kept for `take`.
        """
        with self._lock:
            is_begun = blob.digest in self._kept
        if begin and not is_begun and self.habits.asks_by_mount:
            try:
                return self._client.retrier.call(lambda: self._mount(blob.digest))
            except _MountRefused as refused:
                if refused.for_good:
                    self.habits.asks_by_mount = False
        return self._has(blob)

    def mount(self, blob: Descriptor, repository: str) -> bool:
        """Take the blob from another repository; False where the registry did not.

        An upload that it began instead is kept for `take`.
        """
        with self._lock:
            if repository in self._closed:
                return False
        try:
            return self._client.retrier.call(lambda: self._mount(blob.digest, repository))
        except _MountRefused as refused:
            if refused.for_good:
                with self._lock:
                    self._closed.add(repository)
            return False

    def _mount(self, digest: Digest, repository: str = "") -> bool:
        """Try once to mount from another repository, or from this one itself."""
        scopes = [self._scope]
        if repository:
            scopes.append(Scope(repository, ("pull",)))
        source = quote(repository or self._name.repository, safe="")
        request = Request(
            "POST",
            f"{self._path}?mount={digest}&from={source}",
            tuple(scopes),
            f"asking for blob {digest} in {self._name.name}",
            expect=_NO_MOUNT | {201, 202},
        )
        try:
            reply = self._client.send(request)
        except (Unauthorized, Forbidden) as error:
            raise _MountRefused(for_good=True) from error
        with reply:
            if reply.status not in (201, 202):
                raise _MountRefused(for_good=reply.status != 500)
            if reply.status == 202:
                session = self._remember(Session(self._client, self._name, self._scope, reply))
                with self._lock:
                    self._kept[digest] = session
                return False
            said = digest_in(reply)
            if said is not None and said.algorithm == digest.algorithm and said != digest:
                raise _MountRefused(for_good=True)
            return True

    def _has(self, blob: Descriptor) -> bool:
        request = Request(
            "HEAD",
            f"/v2/{self._name.repository}/blobs/{blob.digest}",
            (self._scope,),
            f"asking for blob {blob.digest} in {self._name.name}",
            expect=_NO_HEAD | {200, 404},
        )
        with self._client.call(request) as reply:
            length = reply.headers.get("Content-Length", "")
            return reply.status == 200 and length in ("", str(blob.size))

    def take(self, digest: Digest | None) -> Session:
        """Give the session that was kept for a blob, or begin one; tried once."""
        with self._lock:
            kept = self._kept.pop(digest, None) if digest else None
        return kept or self._begin()

    def again(self, digest: Digest) -> Session | None:
        """Begin anew after a fault; None where the blob turns out to be there by now.

        The answer to an upload can be lost after the registry has taken it. Tried once, as
        `take`: an upload is repeated as a whole.
        """
        if self.habits.asks_by_mount:
            with suppress(_MountRefused):
                if self._mount(digest):
                    return None
        return self.take(digest)

    def _begin(self) -> Session:
        request = Request(
            "POST",
            self._path,
            (self._scope,),
            f"beginning an upload to {self._name.name}",
            expect=frozenset({202}),
        )
        with self._client.send(request) as reply:
            return self._remember(Session(self._client, self._name, self._scope, reply))

    @property
    def _path(self) -> str:
        return f"/v2/{self._name.repository}/blobs/uploads/"

    def _remember(self, session: Session) -> Session:
        with self._lock:
            # Those that have ended need no memory: an image can have many blobs.
            self._begun = [s for s in self._begun if s.alive]
            self._begun.append(session)
        return session

    def close(self) -> None:
        """Cancel what is still open, for a few seconds at most; may be called twice."""
        with self._lock:
            left = [session for session in self._begun if session.alive]
            self._begun.clear()
            self._kept.clear()
        if left:
            self._cancel(left)

    def _cancel(self, sessions: Sequence[Session]) -> None:
        # A client of its own: it works after the run was cancelled, and has less patience.
        context = replace(
            self._context,
            cancelled=threading.Event(),
            clocks=Clocks(connect_seconds=_CANCEL_SECONDS, stall_seconds=_CANCEL_SECONDS),
        )
        client = RegistryClient(self._name.registry, context)
        deadline = time.monotonic() + _CANCEL_SECONDS
        try:
            for session in sessions:
                # One that is not even answered shows that the others will not be.
                if time.monotonic() > deadline or not session.cancel(client):
                    return
        finally:
            client.close()


class _MountRefused(Exception):
    """The registry does not take a mount; `for_good` where it will not take the next either."""

    def __init__(self, *, for_good: bool) -> None:
        super().__init__("mount refused")
        self.for_good = for_good
