"""Writing one image into a repository."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from regcopy.errors import (
    DigestMismatch,
    Forbidden,
    Refused,
    RegcopyError,
    TransportError,
    Unauthorized,
)
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.manifest import RawManifest
from regcopy.model.mediatypes import ACCEPTED_MANIFESTS, INDEXES, SCHEMA1, format_of
from regcopy.model.reference import is_tag
from regcopy.transports.base import Capabilities, RequestCosts
from regcopy.transports.docker import DockerReference
from regcopy.transports.docker.client import Request, Scope, client_for
from regcopy.transports.docker.manifests import Manifests, is_digest_of
from regcopy.transports.docker.sessions import Sessions
from regcopy.transports.docker.uploads import Upload

if TYPE_CHECKING:
    from regcopy.streams.blob import BlobStream
    from regcopy.transports.base import Context, ImageReference

_BLOB_UNKNOWN: Final = frozenset({"MANIFEST_BLOB_UNKNOWN", "BLOB_UNKNOWN"})
_STORED: Final = frozenset({200, 201, 202, 204})
# What registries answer where a tag is there and must not change.
_TAG_REFUSED: Final = frozenset({400, 403, 405, 409, 412})
_LOOKS: Final = 6
_PUTS: Final = 4


class DockerDestination:
    """One image of a repository that need not exist yet.

    What is visible changes by `commit` alone. Blobs and child manifests have no name before,
    and the uploads that are left open are cancelled by `close`.
    """

    def __init__(self, reference: DockerReference, context: Context) -> None:
        """Ask nothing yet. Errors as `DockerReference.open_destination`."""
        self._reference = reference
        self._context = context
        self._client = client_for(reference.name, context)
        self._scope = Scope(reference.repository, ("pull", "push"))
        self._manifests = Manifests(self._client, reference.name, self._scope)
        self._sessions = Sessions(self._client, reference.name, context)
        self._top: RawManifest | None = None

    @property
    def capabilities(self) -> Capabilities:
        """All manifest types that we know; plain layers are gzipped on the way in."""
        return Capabilities(
            manifest_types=frozenset(ACCEPTED_MANIFESTS),
            layers="compressed",
            max_parallel=16,
            required_digest=self._reference.digest,
            lacks_foreign=True,
            # Asked at the start and at the end; a blob is one POST, and one PUT if it moves.
            costs=RequestCosts(manifest=1, new_blob=2, known_blob=1, image=2),
        )

    def current_digest(self) -> Digest | None:
        """Digest that the name stands for; None where it stands for nothing, or is not shown.

        A registry checks that all blobs are there when it takes a manifest.
        """
        try:
            return self._manifests.find(self._reference.wanted)
        except (Unauthorized, Forbidden):
            # Some answer so for what does not exist yet. Writing will tell.
            return None

    def has_manifest(self, manifest: Descriptor, /) -> bool:
        """Tell whether the repository has a manifest."""
        return self._manifests.find(str(manifest.digest)) is not None

    def find_blob(self, blob: Descriptor, /) -> bool:
        """Tell whether the repository has the blob; the same request begins its upload if not."""
        return self._sessions.find(blob, begin=not self._context.read_only)

    @property
    def blob_domain(self) -> Hashable:
        """The registry: its repositories can mount each other's blobs."""
        return ("docker", self._reference.registry)

    @property
    def blob_scope(self) -> Hashable:
        """The repository."""
        return self._reference.repository

    def can_mount_from(self, source: ImageReference, /) -> bool:
        """Tell whether `source` is another repository of the same registry."""
        return (
            isinstance(source, DockerReference)
            and not self._context.read_only
            and source.registry == self._reference.registry
            and source.repository != self._reference.repository
        )

    def mount_blob(self, blob: Descriptor, source: ImageReference, /) -> bool:
        """Take the blob from the other repository; False where the registry did not."""
        return (
            isinstance(source, DockerReference)
            and self.can_mount_from(source)
            and self._sessions.mount(blob, source.repository)
        )

    def put_blob(self, stream: BlobStream, /) -> Descriptor:
        """Upload a blob, whole or not at all.

        Raises:
            ContentError: the bytes are not those that were promised.
            TransportError: of the source (side "source"), or of this registry.
        """
        return Upload(stream, self._sessions, self._client.retrier, self._context).run()

    def put_manifest(self, manifest: RawManifest, /, *, top: bool) -> None:
        """Write a child by its digest; keep the top one for `commit`.

        Raises:
            DigestMismatch: the name demands another digest for the top one.
            TransportError: the registry did not take it.
        """
        if not top:
            self._put(manifest, str(manifest.digest))
            return
        demanded = self._reference.digest
        if demanded is not None and not is_digest_of(demanded, manifest.payload):
            raise DigestMismatch(demanded, manifest.digest)
        self._top = manifest

    def keep_referrers(self, subject: Digest, referrers: Sequence[Descriptor], /) -> None:
        """See to it that the registry lists these. Errors as `KeepsReferrers`."""
        from regcopy.transports.docker.kept_referrers import KeptReferrers  # few ask for it

        KeptReferrers(
            self._client,
            self._reference.name,
            self._scope,
            context=self._context,
            manifests=self._manifests,
            put=self._put,
        ).keep(subject, referrers)

    def commit(self, tags: Sequence[str] = (), /) -> None:
        """Write the top manifest under the name and `tags`, and look whether it is there.

        Raises:
            UsageError: one of the tags is none.
            TransportError: the registry did not take it, or does not show it afterwards.
        """
        if self._top is None:
            raise RuntimeError("commit without a top manifest")
        more = [self._reference.name.with_tag(tag).tag for tag in tags]
        names = list(dict.fromkeys((self._reference.wanted, *more)))
        for name in names:
            self._put(self._top, name)
        for name in names:
            self._check_shown(self._top, name)

    def _put(self, manifest: RawManifest, name: str) -> None:
        request = Request(
            "PUT",
            self._manifests.path(name),
            (self._scope,),
            f"writing manifest {name} to {self._reference.repository_name}",
            headers={"Content-Type": manifest.media_type},
            body=manifest.content,
            expect=_STORED,
        )
        for attempt in range(_PUTS):
            try:
                self._client.call(request).close()
            except TransportError as error:
                if attempt + 1 == _PUTS or not _may_be_late(error, manifest):
                    hint = error.hint or _hint(error, manifest)
                    error.hint = "; or ".join(filter(None, (self._about_tag(error, name), hint)))
                    raise
            else:
                return
            self._context.sleep(self._context.retry.first_delay_seconds * 2**attempt)

    def _about_tag(self, error: TransportError, name: str) -> str:
        """Say what a tag stands for that a registry did not let us write."""
        status = error.answer.status if error.answer else 0
        if status in _TAG_REFUSED and is_tag(name):
            with suppress(RegcopyError):
                shown = self._manifests.find(name)
                if shown is not None:
                    return f"{name} is {shown} there, and the registry may not let tags change"
        return ""

    def _check_shown(self, manifest: RawManifest, name: str) -> None:
        """Ask for the manifest as anybody would; a registry may show it a little late."""
        for look in range(_LOOKS):
            shown = self._look(name, sure=look > 0)
            if shown is not None and is_digest_of(shown, manifest.payload):
                return
            if look + 1 < _LOOKS:
                self._context.sleep(self._context.retry.first_delay_seconds * 2**look / 2)
        found = f"shows {shown} there" if shown else "does not have it"
        raise Refused(
            f"the registry took manifest {manifest.digest} as {name}, and {found}",
            hint="somebody else may write this tag at the same time"
            if shown and is_tag(name)
            else "the registry may have lost it; look at its storage and its log",
        )

    def _look(self, name: str, *, sure: bool) -> Digest | None:
        try:
            return self._manifests.find(name, sure=sure)
        except Forbidden:
            if sure:
                raise
            return None

    def abort(self) -> None:
        """Make calls under way fail soon; may be called twice."""
        self._client.abort()

    def close(self) -> None:
        """Cancel uploads that are still open; may be called twice."""
        self._sessions.close()

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


def _may_be_late(error: TransportError, manifest: RawManifest) -> bool:
    """Tell whether the registry may just not see its own blobs yet.

    They were all there a moment ago. Distribution 2.8 was seen to miss a blob for an instant
    while other images that share it were written into the same repository.
    """
    codes = error.answer.codes if error.answer else ()
    return manifest.media_type not in INDEXES and not _BLOB_UNKNOWN.isdisjoint(codes)


def _hint(error: TransportError, manifest: RawManifest) -> str:
    """What may help where a registry refuses a manifest."""
    answer = error.answer
    if answer is None or answer.status not in (400, 404, 415, 422, 500):
        return ""
    if manifest.media_type in SCHEMA1:
        return "most registries refuse Docker schema 1; use --format v2s2 or --format oci"
    if answer.status == 500:
        return ""
    unknown = {"MANIFEST_BLOB_UNKNOWN", "MANIFEST_UNKNOWN"}.intersection(answer.codes)
    if unknown and manifest.media_type in INDEXES:
        return "it wants all images of the index; --strip-removed-platforms leaves the others out"
    if not unknown and format_of(manifest.media_type) == "oci":
        return "if it does not take OCI manifests, try --format v2s2"
    return ""
