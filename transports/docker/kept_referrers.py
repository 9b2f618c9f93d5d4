"""Making referrers known to a registry that has them ("Pushing Manifests with Subject").

A registry with the referrers request lists them by itself, and is only asked whether it does.
For others, an index under a tag of the subject's digest is kept by those who write.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from regcopy.errors import NotFound, Refused
from regcopy.model.manifest import RawManifest
from regcopy.model.referrers import referrers_tag, with_referrers
from regcopy.transports.docker.referrers import ask_for_referrers

if TYPE_CHECKING:
    from regcopy.model.descriptor import Descriptor
    from regcopy.model.digest import Digest
    from regcopy.model.reference import ImageName
    from regcopy.transports.base import Context
    from regcopy.transports.docker.client import RegistryClient, Scope
    from regcopy.transports.docker.manifests import Manifests

# A registry may show a little late what it has; and others may write the same index.
_LOOKS: Final = 6


class _Turn:
    """Copies of one session that write one index do so one after another."""

    def __init__(self) -> None:
        self.lock = threading.Lock()

    def close(self) -> None:
        """Do nothing: there is nothing to give back."""


class KeptReferrers:
    """The lists of referrers of one repository that is written to.

    Args:
        put: writes a manifest under a tag.
    """

    def __init__(
        self,
        client: RegistryClient,
        name: ImageName,
        scope: Scope,
        *,
        context: Context,
        manifests: Manifests,
        put: Callable[[RawManifest, str], None],
    ) -> None:
        self._client = client
        self._name = name
        self._scope = scope
        self._context = context
        self._manifests = manifests
        self._put = put

    def keep(self, subject: Digest, referrers: Sequence[Descriptor]) -> None:
        """See to it that whoever asks for the referrers of `subject` finds these.

        Raises:
            ContentError: the list that is there is none, or would be too long.
            TransportError: the registry cannot be asked, or does not keep what it was given.
        """
        for look in range(_LOOKS):
            listed = ask_for_referrers(self._client, self._name, self._scope, subject)
            if listed is None:
                self._keep_under_tag(subject, referrers)
                return
            missing = {one.digest for one in referrers} - {one.digest for one in listed}
            if not missing:
                return
            self._wait_after(look)
        shown = ", ".join(str(digest) for digest in sorted(missing, key=str))
        raise Refused(
            f"the registry took the referrers of {subject}, and does not list {shown}",
            hint="it may have lost them; look at its storage and its log",
        )

    def _keep_under_tag(self, subject: Digest, referrers: Sequence[Descriptor]) -> None:
        tag = referrers_tag(subject)
        key = (self._name.registry, self._name.repository, tag)
        with self._context.resources.get(_Turn, key, _Turn).lock:
            for look in range(_LOOKS):
                # The reading after a writing finds what another program has overwritten.
                index = with_referrers(self._read(tag), referrers)
                if index is None:
                    return
                self._put(index, tag)
                self._wait_after(look - 1)
        raise Refused(
            f"the index of the referrers of {subject} does not keep what is written into it",
            hint="another program may write this tag at the same time",
        )

    def _read(self, tag: str) -> RawManifest | None:
        try:
            return self._manifests.fetch(tag)
        except NotFound:
            return None

    def _wait_after(self, look: int) -> None:
        if 0 <= look < _LOOKS - 1:
            self._context.sleep(self._context.retry.first_delay_seconds * 2**look / 2)
