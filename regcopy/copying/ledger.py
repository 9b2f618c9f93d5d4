"""Which blobs the copies of a session have brought where, and which are on their way.

Images of a batch share layers. A layer is brought into a registry once, by whichever copy
comes first; the others wait for it, and find it in their repository or mount it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Final

from regcopy.model.digest import Digest
from regcopy.transports.base import ImageReference

_POLL_SECONDS: Final = 0.25

_Key = tuple[Hashable, Digest]


class Ledger:
    """Blobs by domain and scope (`SharesBlobs`).

    One for all copies to one side of a run; safe for use by several threads.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._under_way: set[_Key] = set()
        self._held: dict[_Key, dict[Hashable, ImageReference]] = {}

    @contextmanager
    def alone(
        self, domain: Hashable, digest: Digest, check_stopped: Callable[[], None]
    ) -> Iterator[None]:
        """Be the only one that brings this blob into this domain; others are waited for.

        Args:
            domain: see `SharesBlobs`.
            digest: of the blob.
            check_stopped: called while waiting; what it raises ends the wait.
        """
        key = (domain, digest)
        with self._changed:
            while key in self._under_way:
                check_stopped()
                self._changed.wait(_POLL_SECONDS)
            self._under_way.add(key)
        try:
            yield
        finally:
            with self._changed:
                self._under_way.discard(key)
                self._changed.notify_all()

    def holders(self, domain: Hashable, digest: Digest) -> dict[Hashable, ImageReference]:
        """Give an image of each scope that has the blob, as far as this session knows."""
        with self._changed:
            return dict(self._held.get((domain, digest), {}))

    def note(
        self, domain: Hashable, scope: Hashable, digest: Digest, reference: ImageReference
    ) -> None:
        """Write down that the blob is there now."""
        with self._changed:
            self._held.setdefault((domain, digest), {})[scope] = reference

    def forget(self, domain: Hashable, scope: Hashable, digest: Digest) -> None:
        """Strike out what was written down: the blob may not be there any more."""
        with self._changed:
            self._held.get((domain, digest), {}).pop(scope, None)

    def close(self) -> None:
        """Do nothing: there is nothing to give back."""
