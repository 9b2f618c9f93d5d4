"""The gate between a source and whoever copies from it.

No blob passes that an accepted manifest does not name, so a command cannot leave the policy
out by mistake.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self

from regcopy.errors import PolicyRejected
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.manifest import (
    ImageIndex,
    ImageManifest,
    ParsedManifest,
    RawManifest,
    parse_manifest,
)
from regcopy.streams.blob import Readable
from regcopy.transports.abilities import (
    Abortable,
    FindsTags,
    HoldsPlainLayers,
    ListsReferrers,
    MakesRequests,
    TellsSizes,
)
from regcopy.transports.base import (
    Context,
    ImageReference,
    ImageSource,
    RequestCosts,
)
from regcopy.transports.signatures import NamesImages
from regcopy.trust.evaluation import Candidate, Verifier
from regcopy.trust.options import Trust
from regcopy.trust.policy import AcceptAnything
from regcopy.trust.store import SourceSignatures

if TYPE_CHECKING:
    from regcopy.trust.policy import Requirements
    from regcopy.trust.signatures import Signature


class TrustedSource:
    """A source whose blobs can be had once the policy accepted the manifest that names them.

    Manifests can be read before: they say what there is to check. Whoever reads one calls
    `accept` for it. It is an `ImageSource`, and leaving it closes the source behind it.
    """

    def __init__(
        self, image: ImageReference, source: ImageSource, context: Context, trust: Trust
    ) -> None:
        """Put a gate before `source`; nothing is checked yet."""
        self._image = image
        self._source = source
        self._requirements = _required(trust, image)
        self._signatures = SourceSignatures(image, source, context, trust)
        self._verifier = Verifier(trust.environment)
        self._lock = threading.Lock()
        self._accepted: set[Digest] = set()
        self._blobs: set[Digest] = set()

    @property
    def demands_something(self) -> bool:
        """Whether there is an image that would not be accepted."""
        return not self._requirements or any(
            not isinstance(one, AcceptAnything) for one in self._requirements
        )

    def signatures(self, digest: Digest, *, is_top: bool) -> tuple[Signature, ...]:
        """Give the stored signatures of a manifest. Errors as `SourceSignatures.of`."""
        return self._signatures.of(digest, is_top=is_top)

    def check(self, digest: Digest, content: Callable[[], bytes], *, is_top: bool) -> None:
        """Raise unless the policy accepts a manifest.

        Args:
            digest: of the manifest; whoever reads it compares.
            content: gives the bytes that its digest is of, where they are needed.
            is_top: it is what the image's name stands for, and not a part of an index.

        Raises:
            PolicyRejected: it does not.
            RegcopyError: that could not be found out.
        """
        with self._lock:
            if digest in self._accepted:
                return
        name = self._image.image_name if isinstance(self._image, NamesImages) else None
        candidate = Candidate(
            shown=str(self._image),
            name=name,
            digest=digest,
            content=content,
            signatures=lambda: self.signatures(digest, is_top=is_top),
        )
        self._verifier.check(self._requirements, candidate)
        with self._lock:
            self._accepted.add(digest)

    def accept(self, raw: RawManifest, parsed: ParsedManifest, *, is_top: bool) -> None:
        """Check a manifest, and let the blobs pass that it names. Errors as `check`."""
        self.check(raw.digest, lambda: raw.payload, is_top=is_top)
        if isinstance(parsed, ImageManifest):
            named = {layer.digest for layer in parsed.layers}
            if parsed.config is not None:
                named.add(parsed.config.digest)
            with self._lock:
                self._blobs |= named

    def accept_named(self, raw: RawManifest, parsed: ImageManifest, index: RawManifest) -> None:
        """Let the blobs pass of an image that an accepted index names by its digest.

        For who trusts an index as a whole; the policy is not asked about the image again.

        Raises:
            PolicyRejected: the index was not accepted, or does not name the image.
            ManifestInvalid: the index is broken.
        """
        whole = parse_manifest(index)
        names = whole.manifests if isinstance(whole, ImageIndex) else ()
        with self._lock:
            is_accepted = index.digest in self._accepted
        if not is_accepted or all(entry.digest != raw.digest for entry in names):
            raise PolicyRejected(f"no index that the trust policy accepted names {raw.digest}")
        with self._lock:
            self._blobs |= {blob.digest for blob in parsed.blobs}

    @property
    def max_parallel(self) -> int:
        """Threads that may call it at once."""
        return self._source.max_parallel

    @property
    def costs(self) -> RequestCosts:
        """Requests that the source makes."""
        if isinstance(self._source, MakesRequests):
            return self._source.costs
        return RequestCosts()

    @property
    def layers_are_plain(self) -> bool:
        """Whether the source's layers are plain, whatever its manifest calls them."""
        return isinstance(self._source, HoldsPlainLayers) and self._source.layers_are_plain

    def get_manifest(self, instance: Descriptor | None = None, /) -> RawManifest:
        """Give a manifest that nobody has checked. Errors as `ImageSource.get_manifest`."""
        return self._source.get_manifest(instance)

    def open_blob(self, blob: Descriptor, /, *, offset: int = 0) -> Readable:
        """Open a blob of a manifest that was accepted.

        Raises:
            PolicyRejected: no accepted manifest names it.
            RegcopyError: as `ImageSource.open_blob`.
        """
        with self._lock:
            may_pass = blob.digest in self._blobs
        if may_pass is not True:
            raise PolicyRejected(f"no manifest that the trust policy accepted names {blob.digest}")
        return self._source.open_blob(blob, offset=offset)

    def blob_size(self, blob: Descriptor, /) -> int | None:
        """Number of bytes of a blob; None where the source cannot tell without reading it."""
        return self._source.blob_size(blob) if isinstance(self._source, TellsSizes) else None

    def list_referrers(self, subject: Digest, /) -> tuple[Descriptor, ...]:
        """Give the manifests that are about another one; nobody has checked them.

        Errors as `ListsReferrers`.
        """
        place = self._source
        return place.list_referrers(subject) if isinstance(place, ListsReferrers) else ()

    def find_tag(self, tag: str, /) -> Digest | None:
        """Digest that another tag stands for; None where the source cannot tell."""
        return self._source.find_tag(tag) if isinstance(self._source, FindsTags) else None

    def abort(self) -> None:
        """Make calls under way fail soon; may be called twice."""
        if isinstance(self._source, Abortable):
            self._source.abort()

    def close(self) -> None:
        """Close the source, and forget the keys; may be called twice."""
        self._verifier.close()
        self._source.close()

    def __enter__(self) -> Self:
        self._source.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        self._verifier.close()
        self._source.__exit__(kind, error, trace)


def _required(trust: Trust, image: ImageReference) -> Requirements:
    requirements = trust.policy.requirements_for(image)
    if not trust.require_signed:
        return requirements
    return tuple(one for one in requirements if not isinstance(one, AcceptAnything))
