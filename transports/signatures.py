"""The part of the contract that is about signatures; a transport implements what it can.

A place that keeps signatures gives and takes them as they are stored (see
`regcopy.trust.signatures`); what they prove is not its concern.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from regcopy.model.digest import Digest
    from regcopy.model.reference import ImageName


@runtime_checkable
class NamesImages(Protocol):
    """A reference whose image has the kind of name that signatures give to images."""

    @property
    def image_name(self) -> ImageName:
        """Complete name, with its tag or digest."""
        ...


@runtime_checkable
class HoldsSignatures(Protocol):
    """A source whose place keeps signatures beside the manifests."""

    def get_signatures(self, instance: Digest | None = None, /) -> Iterator[bytes]:
        """Give the stored signatures of the top manifest, or of one that an index names.

        Each is read when it is asked for, so that whoever asks can set limits.

        Raises:
            LimitExceeded: one is over 4 MiB.
        """
        ...


@runtime_checkable
class TakesSignatures(Protocol):
    """A destination whose place keeps signatures beside the manifests."""

    def put_signatures(
        self, signatures: Sequence[bytes], instance: Digest | None = None, /
    ) -> None:
        """Store signatures of the top manifest, or of one that an index names.

        Called after that manifest was put, and before `commit`.
        """
        ...


@runtime_checkable
class FetchesFiles(Protocol):
    """A source that can get small files from the web."""

    def fetch_file(self, url: str, /, *, limit: int) -> bytes | None:
        """Get a file without any credential; None where there is none.

        Raises:
            LimitExceeded: it has more than `limit` bytes.
            TransportError: it cannot be fetched.
        """
        ...
