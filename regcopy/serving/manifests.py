"""Manifests, tags, referrers and the catalogue (distribution-spec, "Pushing Manifests" …)."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

from regcopy.errors import ContentError, LimitExceeded, NotFound
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.manifest import (
    MAX_MANIFEST_BYTES,
    ImageIndex,
    ParsedManifest,
    RawManifest,
    parse_manifest,
)
from regcopy.model.mediatypes import (
    ACCEPTED_MANIFESTS,
    OCI_INDEX,
    SCHEMA1,
    bare,
)
from regcopy.model.reference import is_tag
from regcopy.model.referrers import described_referrer
from regcopy.serving.blobs import parse_digest
from regcopy.serving.contents import MANIFEST_TYPES, Contents, Repository
from regcopy.serving.messages import Body, Request, Response
from regcopy.serving.refusals import Refusal, digest_invalid, manifest_unknown, name_unknown
from regcopy.serving.repositories import Repositories
from regcopy.serving.storage import Storage

_JSON: Final = ("Content-Type", "application/json")


class ManifestApi:
    """Requests for manifests, and for what can be told from them."""

    def __init__(self, storage: Storage, contents: Contents, repositories: Repositories) -> None:
        self._storage = storage
        self._contents = contents
        self._repositories = repositories

    def get(self, name: str, reference: str, request: Request) -> Response:
        """`GET` and `HEAD`: the manifest under a tag or digest."""
        manifest = self._find(name, reference)
        if not _accepts(request.headers.get("accept", ""), manifest.media_type):
            raise manifest_unknown(name, f"{reference} of an accepted type")
        try:
            raw = self._contents.read(manifest)
        except NotFound:
            raise manifest_unknown(name, reference) from None
        headers = (
            ("Content-Type", manifest.media_type),
            ("Docker-Content-Digest", str(manifest.digest)),
        )
        return Response(200, headers, raw.content)

    def _find(self, name: str, reference: str) -> Descriptor:
        repository = self._repositories.get(name) or Repository()
        if ":" in reference:
            found = repository.manifests.get(parse_digest(reference))
        else:
            found = repository.tags.get(reference)
        if found is None:
            raise manifest_unknown(name, reference)
        return found

    def put(self, name: str, reference: str, request: Request) -> Response:
        """`PUT`: take a manifest whose blobs and manifests are all there."""
        digest = parse_digest(reference) if ":" in reference else None
        if digest is None and not is_tag(reference):
            raise Refusal(400, "MANIFEST_INVALID", f"{reference[:200]!r} is neither tag nor digest")
        content = _read_all(request.body)
        parsed = _parse(RawManifest(content, bare(request.headers.get("content-type", ""))))
        actual = Digest.of(content, digest.algorithm if digest else "sha256")
        if digest not in (None, actual):
            raise digest_invalid(f"the manifest has digest {actual}, not {digest}")
        self._enter(name, "" if digest else reference, actual, content, parsed)
        subject = (("OCI-Subject", str(parsed.subject.digest)),) if parsed.subject else ()
        location = ("Location", f"/v2/{name}/manifests/{actual}")
        return Response(201, (location, ("Docker-Content-Digest", str(actual)), *subject))

    def _enter(
        self, name: str, tag: str, digest: Digest, content: bytes, parsed: ParsedManifest
    ) -> None:
        """Check, write, make durable and name a manifest, so that none of it can go between."""
        named = parsed.manifests if isinstance(parsed, ImageIndex) else parsed.blobs
        contents = tuple(descriptor.digest for descriptor in named)
        # Most of the waiting for the disk is done before others have to wait for us.
        self._storage.make_durable(contents)
        with self._repositories.changing():
            self._check(name, named)
            self._storage.put(digest, content)
            self._storage.make_durable((digest, *contents))
            self._repositories.put(name, tag, Descriptor(parsed.media_type, digest, len(content)))

    def _check(self, name: str, named: Sequence[Descriptor]) -> None:
        """Refuse what is not in the repository, or is something else than it is said to be."""
        manifests = (self._repositories.get(name) or Repository()).manifests
        missing: list[Digest] = []
        for descriptor in named:
            known = manifests.get(descriptor.digest)
            if descriptor.media_type in MANIFEST_TYPES:
                is_there = known is not None
            else:
                is_there = self._repositories.has_blob(name, descriptor.digest)
            size = self._storage.size_of(descriptor.digest) if is_there else None
            if size is None and not descriptor.is_foreign:
                missing.append(descriptor.digest)
            elif size not in (None, descriptor.size):
                raise _other(400, "SIZE_INVALID", f"it has {size} bytes", descriptor)
            elif known is not None and known.media_type != descriptor.media_type:
                raise _other(400, "MANIFEST_INVALID", f"it is a {known.media_type}", descriptor)
        if missing:
            message = "the repository does not have what the manifest names"
            raise Refusal(404, "MANIFEST_BLOB_UNKNOWN", message, digests=tuple(missing))

    def delete(self, name: str, reference: str) -> Response:
        """`DELETE`: remove a tag, or a manifest with all its tags."""
        digest = parse_digest(reference) if ":" in reference else None
        with self._repositories.changing():
            if digest is None:
                found = self._repositories.remove_tag(name, reference)
            else:
                found = self._repositories.remove_manifest(name, digest)
        if not found:
            raise manifest_unknown(name, reference)
        return Response(202)

    def tags(self, name: str, request: Request) -> Response:
        """`GET …/tags/list`: tags in lexical order, by pages if so wanted."""
        repository = self._repositories.get(name)
        if repository is None:
            raise name_unknown(name)
        page, more = _page(sorted(repository.tags), request)
        headers = _next(f"/v2/{name}/tags/list", page) if more else ()
        content = json.dumps({"name": name, "tags": page}).encode()
        return Response(200, (*headers, _JSON), content)

    def catalog(self, request: Request) -> Response:
        """`GET /v2/_catalog`: names of repositories, by pages if so wanted."""
        page, more = _page(self._repositories.names(), request)
        headers = _next("/v2/_catalog", page) if more else ()
        return Response(200, (*headers, _JSON), json.dumps({"repositories": page}).encode())

    def referrers(self, name: str, reference: str, request: Request) -> Response:
        """`GET …/referrers/<digest>`: an index of the manifests that name a subject."""
        subject = parse_digest(reference)
        repository = self._repositories.get(name) or Repository()
        wanted = request.query.get("artifactType", "")
        found: list[dict[str, object]] = []
        for manifest in repository.referrers.get(subject, ()):
            try:
                described = self._describe(manifest)
            except (NotFound, ContentError):
                continue
            if not wanted or described.artifact_type == wanted:
                found.append(described.to_json())
        document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": found}
        applied = (("OCI-Filters-Applied", "artifactType"),) if wanted else ()
        headers = (*applied, ("Content-Type", OCI_INDEX))
        return Response(200, headers, json.dumps(document).encode())

    def _describe(self, manifest: Descriptor) -> Descriptor:
        """Add the artifact type, which may be that of the config, and the annotations."""
        return described_referrer(manifest, parse_manifest(self._contents.read(manifest)))


def _read_all(body: Body) -> bytes:
    too_large = Refusal(
        413, "MANIFEST_INVALID", f"a manifest has at most {MAX_MANIFEST_BYTES} bytes"
    )
    if body.length is not None and body.length > MAX_MANIFEST_BYTES:
        raise too_large
    content = bytearray()
    buffer = memoryview(bytearray(64 * 1024 if body.length is None else max(body.length, 1)))
    while count := body.read_into(buffer):
        content += buffer[:count]
        if len(content) > MAX_MANIFEST_BYTES:
            raise too_large
    return bytes(content)


def _parse(raw: RawManifest) -> ParsedManifest:
    try:
        parsed = parse_manifest(raw)
    except LimitExceeded as error:
        raise Refusal(413, "MANIFEST_INVALID", error.message) from None
    except ContentError as error:
        raise Refusal(400, "MANIFEST_INVALID", error.message) from None
    if parsed.media_type in SCHEMA1:
        raise Refusal(400, "MANIFEST_INVALID", "Docker schema 1 is not taken; push schema 2 or OCI")
    return parsed


def _other(status: int, code: str, message: str, descriptor: Descriptor) -> Refusal:
    return Refusal(status, code, message, digests=(descriptor.digest,))


def _accepts(accept: str, media_type: str) -> bool:
    """Tell whether a client that names types of manifests names this one among them."""
    types = {bare(part) for part in accept.split(",")}
    if types.isdisjoint(ACCEPTED_MANIFESTS) or media_type in types:
        return True
    return not types.isdisjoint(("*/*", "application/*"))


def _page(names: Sequence[str], request: Request) -> tuple[list[str], bool]:
    """Names after `last`, at most `n` of them, and whether there are more."""
    rest = names[bisect_right(names, request.query["last"]) :] if "last" in request.query else names
    count = request.query.get("n")
    if count is None:
        return list(rest), False
    if not count.isascii() or not count.isdigit() or len(count) > 9:
        raise Refusal(400, "PAGINATION_NUMBER_INVALID", "n is no number")
    page = list(rest[: int(count)])
    return page, bool(page) and len(page) < len(rest)


def _next(path: str, page: Sequence[str]) -> tuple[tuple[str, str], ...]:
    return (("Link", f'<{path}?n={len(page)}&last={quote(page[-1], safe="")}>; rel="next"'),)
