"""Which manifests are about another one (distribution-spec, "Listing Referrers")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from regcopy.errors import NotFound
from regcopy.model.digest import Digest
from regcopy.model.manifest import MAX_MANIFEST_BYTES, ImageIndex, RawManifest, parse_manifest
from regcopy.model.mediatypes import OCI_INDEX
from regcopy.transports.docker.client import Request, Scope

if TYPE_CHECKING:
    from regcopy.model.descriptor import Descriptor
    from regcopy.transports.docker.pulls import PullSource

# What registries answer that do not have the request; some know nothing below /v2/ but their own.
_UNKNOWN: Final = frozenset({400, 404, 405, 501})


def list_referrers(place: PullSource, subject: Digest) -> tuple[Descriptor, ...]:
    """Ask for the referrers; where a registry cannot tell, an index under a tag of the digest may.

    One page is enough: it has the most recent or all of them, in up to 4 MiB.

    Raises:
        ManifestInvalid: the answer is no index.
        TransportError: the registry cannot be asked.
    """
    repository = place.name.repository
    what = f"listing referrers of {subject} in {place.name.name}"
    request = Request(
        "GET",
        f"/v2/{repository}/referrers/{subject}",
        (Scope(repository, ("pull",)),),
        what,
        headers={"Accept": OCI_INDEX},
        expect=frozenset({200}) | _UNKNOWN,
    )

    def read() -> RawManifest | None:
        reply = place.client.send(request)
        content = reply.read_all(MAX_MANIFEST_BYTES, f"list of referrers of {subject}")
        return RawManifest(content, OCI_INDEX) if reply.status == 200 else None

    raw = place.client.retrier.call(read) or _under_tag(place, subject)
    if raw is None:
        return ()
    parsed = parse_manifest(raw)
    return parsed.manifests if isinstance(parsed, ImageIndex) else ()


def _under_tag(place: PullSource, subject: Digest) -> RawManifest | None:
    """Read what clients keep for registries without this request ("Referrers Tag Schema")."""
    try:
        return place.manifests.fetch(f"{subject.algorithm}-{subject.hex}")
    except NotFound:
        return None
