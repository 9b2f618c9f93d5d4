"""Manifests of one repository: reading them, and asking which one a name stands for."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from regcopy.errors import InvalidDigest, ManifestInvalid, NotFound
from regcopy.model.digest import Digest
from regcopy.model.manifest import MAX_MANIFEST_BYTES, RawManifest, media_type_of
from regcopy.model.mediatypes import ACCEPTED_MANIFESTS, bare
from regcopy.model.reference import ImageName
from regcopy.transports.docker.client import RegistryClient, Reply, Request, Scope

DIGEST_HEADER: Final = "Docker-Content-Digest"
_ACCEPT: Final = {"Accept": ", ".join(ACCEPTED_MANIFESTS)}
# What a place answers that has no HEAD for manifests.
_NO_HEAD: Final = frozenset({400, 405, 501})
# What some places answer to HEAD although GET finds the manifest.
_DOUBTFUL: Final = frozenset({403, 404})


class Manifests:
    """The manifests of one repository, by tag or digest."""

    def __init__(self, client: RegistryClient, name: ImageName, scope: Scope) -> None:
        """Ask `client` for manifests of the repository of `name`, with tokens for `scope`."""
        self._client = client
        self._name = name
        self._scopes = (scope,)

    def path(self, wanted: str) -> str:
        """Path of the manifest with that tag or digest."""
        return f"/v2/{self._name.repository}/manifests/{wanted}"

    def fetch(self, wanted: str, *, media_type: str = "", once: bool = False) -> RawManifest:
        """Read a manifest whole; the caller checks it against the digest it wants.

        Args:
            wanted: tag or digest.
            media_type: what it is believed to be, for registries that do not say.
            once: do not repeat a request that may succeed later.

        Raises:
            NotFound: the repository has no such manifest.
            DigestMismatch: it is not what the registry says it is.
            ManifestInvalid: it is signed in itself, as schema 1 is, and contradicts itself.
            LimitExceeded: it is over 4 MiB.
        """
        if once:
            return self._fetch(wanted, media_type)
        return self._client.retrier.call(lambda: self._fetch(wanted, media_type))

    def _fetch(self, wanted: str, media_type: str) -> RawManifest:
        what = f"reading manifest {wanted} in {self._name.name}"
        request = Request("GET", self.path(wanted), self._scopes, what, headers=_ACCEPT)
        reply = self._client.send(request)
        content = reply.read_all(MAX_MANIFEST_BYTES, f"manifest {wanted}")
        raw = RawManifest(content, _media_type(reply, content, media_type))
        said = digest_in(reply)
        if said is not None:
            raw.check(said)
        return raw

    def find(self, wanted: str, *, sure: bool = False) -> Digest | None:
        """Ask which digest a tag or digest stands for; None where there is no such manifest.

        One HEAD; a GET after it where the registry has no HEAD, or leaves the digest out.

        Args:
            wanted: tag or digest.
            sure: also GET what HEAD does not find or may not see.
        """
        what = f"asking for manifest {wanted} in {self._name.name}"
        by_get = _NO_HEAD | _DOUBTFUL if sure else _NO_HEAD
        expect = frozenset({200, 404}) | by_get
        request = Request(
            "HEAD", self.path(wanted), self._scopes, what, headers=_ACCEPT, expect=expect
        )
        with self._client.call(request) as reply:
            if reply.status == 404 and not sure:
                return None
            said = digest_in(reply)
            if reply.status == 200 and said is not None:
                return said
        return self._hash(wanted)

    def _hash(self, wanted: str) -> Digest | None:
        with suppress(NotFound):
            return self.fetch(wanted).digest
        return None


def digest_in(reply: Reply) -> Digest | None:
    """Digest that the answer says its subject has; None where it says none that is usable."""
    with suppress(InvalidDigest):
        return Digest.parse(reply.headers.get(DIGEST_HEADER, ""))
    return None


def is_digest_of(said: Digest, content: bytes) -> bool:
    """Tell whether `content` has that digest, by whichever algorithm it is."""
    return Digest.of(content, said.algorithm) == said


def _media_type(reply: Reply, content: bytes, believed: str) -> str:
    """Type that the registry gives; where that says nothing, the type of the content."""
    served = bare(reply.headers.get("Content-Type", ""))
    if served in ACCEPTED_MANIFESTS:
        return served
    with suppress(ManifestInvalid):
        return media_type_of(content)
    return believed or served
