"""All signatures of the manifests of one image, wherever they are kept."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from regcopy.errors import LimitExceeded, UsageError
from regcopy.model.digest import Digest
from regcopy.transports.signatures import HoldsSignatures, NamesImages, TakesSignatures
from regcopy.trust.policy import scopes_of

# What takes signatures apart is imported where there can be some.
if TYPE_CHECKING:
    from regcopy.transports.base import Context, ImageDestination, ImageReference, ImageSource
    from regcopy.trust.lookaside import Lookaside
    from regcopy.trust.options import Trust
    from regcopy.trust.signatures import Signature

# registries.d speaks of images of this transport only.
_REGISTRIES: Final = "docker"
# What two images may have at most.
_MAX_HELD_BYTES: Final = 32 * 1024 * 1024


@dataclass(eq=False)
class SourceSignatures:
    """Reads the signatures of one image and of what its index names, each once.

    Safe for use by several threads.
    """

    image: ImageReference
    source: ImageSource
    context: Context
    trust: Trust
    _known: dict[Digest, tuple[Signature, ...]] = field(default_factory=dict)
    _held: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, digest: Digest, *, is_top: bool) -> tuple[Signature, ...]:
        """Give the signatures of a manifest.

        Args:
            digest: of the manifest.
            is_top: it is what the image's name stands for, and not a part of an index.

        Raises:
            LimitExceeded: there are too many, or they are too large.
            SignatureInvalid: one has no form that is known.
            RegcopyError: they cannot be read.
        """
        with self._lock:
            known = self._known.get(digest)
        if known is None:
            known = self._read(digest, is_top=is_top)
            self._hold(digest, known)
        return known

    def _hold(self, digest: Digest, signatures: tuple[Signature, ...]) -> None:
        size = sum(len(signature.to_bytes()) for signature in signatures)
        with self._lock:
            self._held += 0 if digest in self._known else size
            self._known[digest] = signatures
            # An index may name a thousand manifests, each with its signatures.
            if self._held > _MAX_HELD_BYTES:
                raise LimitExceeded(
                    f"the signatures of all images have more than {_MAX_HELD_BYTES} bytes"
                )

    def _read(self, digest: Digest, *, is_top: bool) -> tuple[Signature, ...]:
        if isinstance(self.source, HoldsSignatures):
            from regcopy.trust.signatures import parse_all

            return parse_all(self.source.get_signatures(None if is_top else digest))
        if self.image.transport != _REGISTRIES or not isinstance(self.image, NamesImages):
            return ()
        found: tuple[Signature, ...] = ()
        lookaside = _lookaside(self.image, self.trust, write=False)
        if lookaside is not None:
            from regcopy.trust.signatures import parse_all

            found += parse_all(lookaside.read(digest, self.source))
        if self.trust.registries_d.uses_attachments(scopes_of(self.image)):
            from regcopy.trust.attachments import read_attachments

            found += read_attachments(self.image, digest, self.context)
        return found


@dataclass(frozen=True, slots=True, eq=False)
class DestinationSignatures:
    """Writes the signatures of one image and of what its index names."""

    image: ImageReference
    destination: ImageDestination
    context: Context
    trust: Trust

    def check(self) -> None:
        """Tell whether there is a place for signatures, before anything is written.

        Raises:
            UsageError: there is none.
        """
        if not isinstance(self.destination, TakesSignatures) and not self._is_in_registry():
            why = self.destination.capabilities.no_signatures
            raise UsageError(
                f"Can not copy signatures to {self.image}: {why}",
                hint="leave them behind with --remove-signatures",
            )

    def _is_in_registry(self) -> bool:
        return self.image.transport == _REGISTRIES and isinstance(self.image, NamesImages)

    def write(self, digest: Digest, signatures: Sequence[Signature], *, is_top: bool) -> None:
        """Store the signatures of a manifest that was just written.

        Raises:
            UsageError: there is no place for one of them.
            RegcopyError: they cannot be written.
        """
        if isinstance(self.destination, TakesSignatures):
            stored = [signature.to_bytes() for signature in signatures]
            self.destination.put_signatures(stored, None if is_top else digest)
            return
        from regcopy.trust.signatures import SigstoreSignature

        attached = [one for one in signatures if isinstance(one, SigstoreSignature)]
        beside = [one.to_bytes() for one in signatures if not isinstance(one, SigstoreSignature)]
        if attached:
            self._check_attachments()
            from regcopy.trust.attachments import write_attachments

            write_attachments(self.image, digest, attached, self.context)
        if beside:
            lookaside = _lookaside(self.image, self.trust, write=True)
            if lookaside is None:
                raise UsageError(f"there is no place for signatures of {self.image}")
            lookaside.write(digest, beside)

    def _check_attachments(self) -> None:
        if not self.trust.registries_d.uses_attachments(scopes_of(self.image)):
            raise UsageError(
                "writing sigstore attachments is disabled by configuration",
                hint="set use-sigstore-attachments: true for it in registries.d",
            )


def _lookaside(image: ImageReference, trust: Trust, *, write: bool) -> Lookaside | None:
    url = trust.registries_d.lookaside(scopes_of(image), write=write)
    if not url or not isinstance(image, NamesImages):
        return None
    from regcopy.trust.lookaside import Lookaside  # few registries have one

    return Lookaside(url.rstrip("/"), image.image_name.repository)
