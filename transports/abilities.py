"""Abilities that only some transports have: one small protocol each, asked for with isinstance."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Protocol, runtime_checkable

from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest


@runtime_checkable
class SharesBlobs(Protocol):
    """A destination whose blobs serve other destinations too."""

    @property
    def blob_domain(self) -> Hashable:
        """Destinations of one domain can take blobs from each other (a registry)."""
        ...

    @property
    def blob_scope(self) -> Hashable:
        """Destinations of one scope have the same blobs (a repository).

        What was brought into a scope stays there, whatever becomes of the image that it was
        brought for: nobody need ask again.
        """
        ...


@runtime_checkable
class ListsReferrers(Protocol):
    """A source whose place knows which manifests are about another one."""

    def list_referrers(self, subject: Digest, /) -> tuple[Descriptor, ...]:
        """Give the manifests whose `subject` is that manifest; none where there are none.

        Raises:
            TransportError: the place cannot be asked.
            ContentError: what it answers is no list of manifests.
        """
        ...
