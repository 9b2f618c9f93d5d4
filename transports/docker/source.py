"""Reading one image of a repository."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import TYPE_CHECKING, Self

from regcopy.errors import NotFound
from regcopy.model.descriptor import Descriptor
from regcopy.model.manifest import RawManifest
from regcopy.transports.base import RequestCosts
from regcopy.transports.docker.downloads import BlobBody
from regcopy.transports.docker.pulls import MirroredBody, Pulls, PullSource

if TYPE_CHECKING:
    from regcopy.model.digest import Digest
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
        self._pulls = Pulls(reference.name, context)
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

        def get(place: PullSource) -> RawManifest:
            raw = place.manifests.fetch(str(instance.digest), media_type=instance.media_type)
            raw.check(instance.digest, instance.size)
            return raw

        return self._pulls.call(get)[1]

    def _get_top(self) -> RawManifest:
        # A tag may move while an image is copied, so it is asked for once.
        with self._lock:
            if self._top is None:
                self._top = self._pulls.find(self._fetch_top)
            return self._top

    def _fetch_top(self, place: PullSource) -> RawManifest:
        # A mirror that is down is passed over at once: that is what the others are for.
        raw = place.manifests.fetch(self._reference.wanted, once=not place.is_last)
        if self._reference.digest is not None:
            raw.check(self._reference.digest)
        return raw

    def open_blob(self, blob: Descriptor, /, *, offset: int = 0) -> Readable:
        """Open a blob at `offset`; it resumes by itself after a break.

        `urls` of a descriptor are not followed: they name places that nobody trusted.

        Raises:
            NotFound: the repository has no such blob.
            TransportError: it cannot be read.
        """
        if not self._pulls.is_single:
            return MirroredBody(self._pulls, blob, offset, side=self._side)
        return self._pulls.call(
            lambda place: BlobBody(place.client, place.name, blob, offset, side=self._side)
        )[1]

    def blob_size(self, blob: Descriptor, /) -> int | None:
        """Ask how large a blob is. Errors as `open_blob`."""
        from regcopy.transports.docker.sizes import blob_size

        return self._pulls.call(lambda place: blob_size(place, blob))[1]

    def list_referrers(self, subject: Digest, /) -> tuple[Descriptor, ...]:
        """Give the manifests that are about another one. Errors as `ListsReferrers`."""
        from regcopy.transports.docker.referrers import list_referrers

        def ask(place: PullSource) -> tuple[Descriptor, ...]:
            found = list_referrers(place, subject)
            if not found and not place.is_last:
                raise NotFound(f"no referrers of {subject}")  # a mirror need not have them
            return found

        return self._pulls.call(ask)[1]

    def find_tag(self, tag: str, /) -> Digest | None:
        """Digest that another tag of the repository stands for; None where there is none.

        Raises:
            TransportError: the registry cannot be asked.
        """

        def ask(place: PullSource) -> Digest | None:
            found = place.manifests.find(tag)
            if found is None and not place.is_last:
                raise NotFound(f"no tag {tag}")
            return found

        return self._pulls.call(ask)[1]

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
        self._pulls.abort()

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
