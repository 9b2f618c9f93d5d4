"""Which manifests are about another one (distribution-spec, "Listing Referrers")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from regcopy.errors import LimitExceeded, NotFound, Refused
from regcopy.model.digest import Digest
from regcopy.model.manifest import (
    MAX_INDEX_ENTRIES,
    MAX_MANIFEST_BYTES,
    ImageIndex,
    RawManifest,
    parse_manifest,
)
from regcopy.model.mediatypes import OCI_INDEX
from regcopy.model.referrers import referrers_tag
from regcopy.transports.docker.client import RegistryClient, Request, Scope
from regcopy.transports.docker.tags import next_page

if TYPE_CHECKING:
    from regcopy.model.descriptor import Descriptor
    from regcopy.model.reference import ImageName
    from regcopy.transports.docker.pulls import PullSource

MAX_PAGES: Final = 100
# What registries answer that do not have the request; some know nothing below /v2/ but their own.
_UNKNOWN: Final = frozenset({400, 404, 405, 501})


def list_referrers(place: PullSource, subject: Digest) -> tuple[Descriptor, ...]:
    """Ask for the referrers; where a registry cannot tell, an index under a tag of the digest may.

    Raises:
        ManifestInvalid: the answer is no index.
        LimitExceeded, Refused: the list is too long, or does not end.
        TransportError: the registry cannot be asked.
    """
    scope = Scope(place.name.repository, ("pull",))
    listed = ask_for_referrers(place.client, place.name, scope, subject)
    if listed is not None:
        return listed
    try:
        return _entries(place.manifests.fetch(referrers_tag(subject)))
    except NotFound:
        return ()


def ask_for_referrers(
    client: RegistryClient, name: ImageName, scope: Scope, subject: Digest
) -> tuple[Descriptor, ...] | None:
    """Ask for the referrers, page by page; None where the registry does not have the request.

    Errors as `list_referrers`.
    """
    target = f"/v2/{name.repository}/referrers/{subject}"
    asked: set[str] = set()
    found: dict[Digest, Descriptor] = {}
    while target:
        if target in asked or len(asked) >= MAX_PAGES:
            raise Refused(f"the list of referrers of {subject} in {name.name} does not end")
        page, following = _page(client, name, scope, (subject, target))
        if page is None:
            if not asked:
                return None
            raise Refused(f"the list of referrers of {subject} in {name.name} breaks off")
        asked.add(target)
        found.update((entry.digest, entry) for entry in _entries(page))
        if len(found) > MAX_INDEX_ENTRIES:
            raise LimitExceeded(
                f"{subject} in {name.name} has more than {MAX_INDEX_ENTRIES} referrers"
            )
        target = following
    return tuple(found.values())


def _page(
    client: RegistryClient, name: ImageName, scope: Scope, page: tuple[Digest, str]
) -> tuple[RawManifest | None, str]:
    """Read one page, and the path of the next one or ""."""
    subject, target = page
    request = Request(
        "GET",
        target,
        (scope,),
        f"listing referrers of {subject} in {name.name}",
        headers={"Accept": OCI_INDEX},
        expect=frozenset({200}) | _UNKNOWN,
    )

    def read() -> tuple[RawManifest | None, str]:
        reply = client.send(request)
        content = reply.read_all(MAX_MANIFEST_BYTES, f"list of referrers of {subject}")
        if reply.status != 200:
            return None, ""
        return RawManifest(content, OCI_INDEX), next_page(reply, "referrers")

    return client.retrier.call(read)


def _entries(raw: RawManifest) -> tuple[Descriptor, ...]:
    parsed = parse_manifest(raw)
    return parsed.manifests if isinstance(parsed, ImageIndex) else ()
