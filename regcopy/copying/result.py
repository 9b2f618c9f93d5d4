"""What a copy did, or would do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from regcopy.model.digest import Digest
from regcopy.model.platform import Platform


@dataclass(frozen=True, slots=True)
class CopiedImage:
    """One image manifest of the result, and the platform an index gives it."""

    digest: Digest
    platform: Platform | None


@dataclass(frozen=True, slots=True)
class CopyResult:
    """What a copy did.

    Attributes:
        digest: digest of the top manifest at the destination.
        source_digest: digest of the top manifest at the source.
        images: each image manifest that is now at the destination.
        bytes_copied: bytes of blobs that moved.
        bytes_reused: bytes of blobs that were there already.
        bytes_mounted: bytes of blobs that the registry took from another repository.
        retries: requests that had to be repeated; of a session, also those of other copies at
            that time.
        seconds: wall-clock time.
        already_there: nothing had to be done.
        changed: why the destination's digest differs from the source's, "" where it does not.
        referrers: signatures, SBOMs and the like that were copied with it; what their blobs
            took is counted above.
    """

    digest: Digest
    source_digest: Digest
    images: tuple[CopiedImage, ...]
    bytes_copied: int = 0
    bytes_reused: int = 0
    bytes_mounted: int = 0
    blobs_copied: int = 0
    blobs_reused: int = 0
    blobs_mounted: int = 0
    retries: int = 0
    seconds: float = 0.0
    already_there: bool = False
    changed: str = ""
    referrers: int = 0

    def with_referrers(self, results: Sequence[CopyResult]) -> CopyResult:
        """Count in what was done for its referrers."""
        if not results:
            return self
        return replace(
            self,
            bytes_copied=self.bytes_copied + sum(one.bytes_copied for one in results),
            bytes_reused=self.bytes_reused + sum(one.bytes_reused for one in results),
            bytes_mounted=self.bytes_mounted + sum(one.bytes_mounted for one in results),
            blobs_copied=self.blobs_copied + sum(one.blobs_copied for one in results),
            blobs_reused=self.blobs_reused + sum(one.blobs_reused for one in results),
            blobs_mounted=self.blobs_mounted + sum(one.blobs_mounted for one in results),
            already_there=False,
            referrers=len(results),
        )


@dataclass(frozen=True, slots=True)
class DryRun:
    """What a copy would do.

    Attributes:
        digest: digest the destination would have; None where bytes would change on the way.
        images: each image manifest that would be at the destination, with its digest at the source.
        blobs_to_copy, bytes_to_copy: what would move.
        blobs_present, bytes_present: what is there already.
        requests: estimate of requests to both sides together, those for referrers left out.
        referrers: manifests that would be copied with it.
    """

    source_digest: Digest
    digest: Digest | None
    images: tuple[CopiedImage, ...]
    blobs_to_copy: int
    bytes_to_copy: int
    blobs_present: int
    bytes_present: int
    requests: int
    already_there: bool
    referrers: int = 0
