"""Reading one image of a repository."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import TYPE_CHECKING, Self

from regcopy.model.descriptor import Descriptor
from regcopy.model.manifest import RawManifest
from regcopy.transports.base import RequestCosts
from regcopy.transports.docker.client import Scope, client_for
from regcopy.transports.docker.downloads import BlobBody
from regcopy.transports.docker.manifests import Manifests

if TYPE_CHECKING:
    from regcopy.streams.blob import Readable
    from regcopy.transports.base import Context
    from regcopy.transports.docker import DockerReference


class DockerSource:
    """One image of a repository; which one is settled by the first reading of the manifest."""

    def __init__(self, reference: DockerReference, context: Context) -> None:
        """Ask nothing yet. Errors as `DockerReference.open_source`."""
        self._reference = reference
        self._context = context
        self._side = context.side
        self._client = client_for(reference.name, context)
        scope = Scope(reference.repository, ("pull",))
        self._manifests = Manifests(self._client, reference.name, scope)
        self._lock = threading.Lock()
        self._top: RawManifest | None = None

    @property
    def max_parallel(self) -> int:
        """Threads that may call it at once."""
        return 16

    @property
    def costs(self) -> RequestCosts:
        """Requests it makes: one for each manifest and blob."""
        return RequestCosts(manifest=1, new_blob=1)

    def get_manifest(self, instance: Descriptor | None = None, /) -> RawManifest:
        """Give the top manifest, or one that it names.

        Raises:
            NotFound: the repository has no such manifest.
            DigestMismatch, SizeMismatch, LimitExceeded: it is not what it claims to be.
            TransportError: it cannot be read.
        """
        if instance is None:
            return self._get_top()
        raw = self._manifests.fetch(str(instance.digest), media_type=instance.media_type)
        raw.check(instance.digest, instance.size)
        return raw

    def _get_top(self) -> RawManifest:
        # A tag may move while an image is copied, so it is asked for once.
        with self._lock:
            if self._top is None:
                raw = self._manifests.fetch(self._reference.wanted)
                if self._reference.digest is not None:
                    raw.check(self._reference.digest)
                self._top = raw
            return self._top

    def open_blob(self, blob: Descriptor, /, *, offset: int = 0) -> Readable:
        """Open a blob at `offset`; it resumes by itself after a break.

        `urls` of a descriptor are not followed: they name places that nobody trusted.

        Raises:
            NotFound: the repository has no such blob.
            TransportError: it cannot be read.
        """
        return BlobBody(self._client, self._reference.name, blob, offset, side=self._side)

    def fetch_file(self, url: str, /, *, limit: int) -> bytes | None:
        """Get a small file from the web, without any credential; None where there is none.

        Raises:
            LimitExceeded: it has more than `limit` bytes.
            TransportError: it cannot be fetched.
        """
        from regcopy.transports.docker.files import fetch_file

        return fetch_file(url, self._context, limit=limit)

    def abort(self) -> None:
        """Make calls under way fail soon; may be called twice."""
        self._client.abort()

    def close(self) -> None:
        """Do nothing: connections are shared, and closed with the run."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        self.close()
