"""Signatures on the way: those that the source has, and those that are made anew."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from regcopy.errors import ManifestUnsupported, located
from regcopy.events import SignatureKind
from regcopy.model.digest import Digest
from regcopy.model.manifest import RawManifest
from regcopy.transports.base import ImageDestination
from regcopy.trust.gate import TrustedSource
from regcopy.trust.store import DestinationSignatures

if TYPE_CHECKING:
    from regcopy.copying.places import CopyJob
    from regcopy.trust.signatures import Signature


class Stored(NamedTuple):
    """How many signatures of a manifest were stored, and the kinds of those made for it."""

    signatures: int
    made: tuple[SignatureKind, ...]


class CarriedSignatures:
    """The signatures of all manifests of one copy; safe for use by several threads."""

    def __init__(self, job: CopyJob, source: TrustedSource, destination: ImageDestination) -> None:
        """Carry signatures from `source` to `destination`; nothing is read yet.

        Raises:
            UsageError: the copy is to be signed, and cannot be.
        """
        self._source = source
        self._target = DestinationSignatures(
            job.destination, destination, job.destination_context, job.trust
        )
        self._removes = job.options.remove_signatures
        self._signers = job.options.signers
        self._image = job.destination
        self._named = job.source
        self._lock = threading.Lock()
        self._found: dict[Digest, tuple[Signature, ...]] = {}
        for signer in self._signers:
            signer.check(self._image)
            self._target.check()

    @property
    def is_any(self) -> bool:
        """Whether there is a signature to write, as far as manifests were looked at."""
        return bool(self._found or self._signers)

    @property
    def forbid_changes(self) -> bool:
        """Whether bytes of manifests must stay, as signatures are about them."""
        return bool(self._found)

    def find(self, digest: Digest, *, is_top: bool) -> bool:
        """Look for signatures of a source's manifest; tells whether it has any.

        Raises:
            UsageError: there are some, and the destination keeps none.
            RegcopyError: they cannot be read.
        """
        if self._removes:
            return False
        with located(side="source", reference=self._named, operation="reading signatures"):
            signatures = self._source.signatures(digest, is_top=is_top)
        if signatures:
            self._target.check()
            with self._lock:
                self._found[digest] = signatures
        return bool(signatures)

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Say why bytes must not change, where it is because of signatures."""
        try:
            yield
        except ManifestUnsupported as error:
            if self.forbid_changes:
                error.hint = (
                    "a change would make the signatures worthless; --remove-signatures leaves "
                    "them behind"
                )
            raise

    @property
    def signed(self) -> frozenset[Digest]:
        """The source's manifests that have signatures, as far as they were looked at."""
        return frozenset(self._found)

    def write(self, manifest: RawManifest, *, top: bool) -> Stored:
        """Store the signatures of a manifest that was just put.

        Raises:
            RegcopyError: they cannot be made, or written.
        """
        signatures = self._found.get(manifest.digest, ())
        made = tuple(signer.sign(manifest.digest, self._image) for signer in self._signers)
        if signatures or made:
            self._target.write(manifest.digest, (*signatures, *made), is_top=top)
        return Stored(len(signatures) + len(made), tuple(signature.kind for signature in made))
