"""What happens during a copy, as values, and who wants to know.

Observers are called from worker threads, one call at a time for each copy: they need
no lock of their own, and they must return quickly. One that raises ends its copy:

    class Job:
        def __init__(self) -> None:
            self.stopped = threading.Event()

        def notify(self, event: regcopy.Event, /) -> None:
            if self.stopped.is_set():
                raise regcopy.Cancelled("stopped by the user")

so that one of several copies of a session can be stopped, where the session's own
`cancelled` stops all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest

Role = Literal["layer", "config", "blob"]
SignatureKind = Literal["simple", "sigstore"]


@dataclass(frozen=True, slots=True)
class PlannedImage:
    """One image that will be copied.

    Attributes:
        layers: those that are placed, also those that it shares with others.
        config: None where it has none, or where another is made in its place.
    """

    digest: Digest
    layers: tuple[Digest, ...]
    config: Digest | None


@dataclass(frozen=True, slots=True)
class CopyStarted:
    """The plan is made: so many images of an index of so many, these bytes may move.

    Attributes:
        plan: the images in their order, for observers that tell the copy image by image;
            blobs of several images move at once, so the other events do not say it.
        signed: digests of those manifests that the source has signatures of, which travel too.
    """

    images: int
    listed: int
    is_index: bool
    blobs: int
    total_bytes: int
    plan: tuple[PlannedImage, ...] = ()
    signed: frozenset[Digest] = frozenset()


@dataclass(frozen=True, slots=True)
class BlobStarted:
    """Work on a blob begins; it may turn out to be there already."""

    blob: Descriptor
    role: Role


@dataclass(frozen=True, slots=True)
class BlobAdvanced:
    """So many bytes of a blob, counted from its start, have been handed to the destination."""

    digest: Digest
    position: int


@dataclass(frozen=True, slots=True)
class BlobDone:
    """A blob is at the destination, and how it came there."""

    blob: Descriptor
    role: Role
    outcome: Literal["copied", "reused", "mounted"]


@dataclass(frozen=True, slots=True)
class ManifestWritten:
    """A manifest is at the destination, and its signatures with it.

    Attributes:
        signatures: how many were stored.
        made: of these, the ones that were made now.
        config: a config that was made anew for it, and placed just before; None where there
            was nothing to make.
    """

    digest: Digest
    is_top: bool
    signatures: int = 0
    made: tuple[SignatureKind, ...] = ()
    config: Digest | None = None


@dataclass(frozen=True, slots=True)
class Retrying:
    """A request failed in a way that may pass, and will be tried again."""

    reason: str
    attempt: int
    attempts: int
    delay_seconds: float


Event = CopyStarted | BlobStarted | BlobAdvanced | BlobDone | ManifestWritten | Retrying


class Observer(Protocol):
    """Somebody who wants to know."""

    def notify(self, event: Event, /) -> None:
        """Take one event, and return soon: the copy waits.

        What it raises ends the copy, which raises it in its turn; nothing half-written stays
        visible.
        """
        ...


class Silent:
    """Observer that ignores everything."""

    def notify(self, event: Event, /) -> None:
        """Ignore it."""
