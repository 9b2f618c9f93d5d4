"""Blobs and their uploads (distribution-spec, "Pulling blobs", "Pushing blobs")."""

from __future__ import annotations

import re
from typing import Final

from regcopy.errors import InvalidDigest, NotFound
from regcopy.model.digest import Digest
from regcopy.serving.entries import is_repository
from regcopy.serving.messages import FilePart, Request, Response
from regcopy.serving.refusals import Refusal, blob_unknown, digest_invalid
from regcopy.serving.repositories import Repositories
from regcopy.serving.storage import Storage
from regcopy.serving.uploads import Upload, Uploads

# Lengths are bounded so that no number is larger than a file can be.
_CONTENT_RANGE: Final = re.compile(r"([0-9]{1,18})-([0-9]{1,18})")
_RANGE: Final = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")
_BINARY: Final = ("Content-Type", "application/octet-stream")


def parse_digest(text: str) -> Digest:
    """Parse a digest of a request. Raises Refusal."""
    try:
        return Digest.parse(text)
    except InvalidDigest as error:
        raise digest_invalid(error.message) from None


class BlobApi:
    """Requests below `/v2/<name>/blobs/`."""

    def __init__(self, storage: Storage, repositories: Repositories, uploads: Uploads) -> None:
        self._storage = storage
        self._repositories = repositories
        self._uploads = uploads

    def get(self, name: str, reference: str, request: Request) -> Response:
        """`GET`: the blob, or the one range of it that was asked for."""
        digest = parse_digest(reference)
        if not self._repositories.has_blob(name, digest):
            raise blob_unknown(digest)
        try:
            file = self._storage.open(digest)
        except NotFound:
            raise blob_unknown(digest) from None
        try:
            size = file.seek(0, 2)
            headers = (*_described(digest), ("Accept-Ranges", "bytes"))
            wanted = _wanted_range(request.headers.get("range", ""), size)
            if wanted is None:
                return Response(200, headers, file=FilePart(file, 0, size))
            first, count = wanted
            place = ("Content-Range", f"bytes {first}-{first + count - 1}/{size}")
            return Response(206, (*headers, place), file=FilePart(file, first, count))
        except BaseException:
            file.close()
            raise

    def head(self, name: str, reference: str) -> Response:
        """`HEAD`: whether the blob is there, and its size."""
        digest = parse_digest(reference)
        has = self._repositories.has_blob(name, digest)
        size = self._storage.size_of(digest) if has else None
        if size is None:
            raise blob_unknown(digest)
        return Response(200, (*_described(digest), ("Accept-Ranges", "bytes")), length=size)

    def delete(self, name: str, reference: str) -> Response:
        """`DELETE`: take the blob out of the repository."""
        digest = parse_digest(reference)
        with self._repositories.changing():
            if not self._repositories.has_blob(name, digest):
                raise blob_unknown(digest)
            self._repositories.remove_blob(name, digest)
        return Response(202)

    def start(self, name: str, request: Request) -> Response:
        """`POST`: mount a blob, take one whole, or begin an upload."""
        if "mount" in request.query:
            mounted = self._mount(name, request)
            if mounted is not None:
                return mounted
        upload = self._uploads.start(name)
        digest = request.query.get("digest")
        # Without a body this is a client that asks and does not send: it gets an upload.
        if digest is not None and (request.body.length is None or request.body.length > 0):
            return self._finish(upload, parse_digest(digest), request)
        return Response(202, _status(upload))

    def _mount(self, name: str, request: Request) -> Response | None:
        """Mount a blob; None where it is not there, which then is uploaded as usual.

        Without `from` it is taken from wherever it is. A repository may name itself: that
        asks whether it has the blob.
        """
        try:
            digest = Digest.parse(request.query["mount"])
        except InvalidDigest:
            return None
        origin = request.query.get("from", "")
        if origin and not is_repository(origin):
            return None
        has = self._repositories.has_blob
        known = has(origin, digest) if origin else self._repositories.has_blob_anywhere(digest)
        if not known:
            return None
        with self._repositories.adding_blob(name, digest):
            if self._storage.size_of(digest) is None:
                return None
        return _created(name, digest)

    def patch(self, name: str, identifier: str, request: Request) -> Response:
        """`PATCH`: append a chunk."""
        upload = self._uploads.find(name, identifier)
        with upload.turn():
            _check_place(upload, request)
            self._uploads.receive(upload, request.body)
            return Response(202, _status(upload))

    def put(self, name: str, identifier: str, request: Request) -> Response:
        """`PUT`: append what is in the body, and end the upload."""
        upload = self._uploads.find(name, identifier)
        digest = parse_digest(request.query.get("digest", ""))
        with upload.turn():
            _check_place(upload, request)
            return self._finish(upload, digest, request)

    def _finish(self, upload: Upload, digest: Digest, request: Request) -> Response:
        self._uploads.receive(upload, request.body, algorithm=digest.algorithm)
        self._uploads.check(upload, digest)
        with self._repositories.adding_blob(upload.repository, digest):
            self._uploads.finish(upload, digest)
        return _created(upload.repository, digest)

    def status(self, name: str, identifier: str) -> Response:
        """`GET`: how much of an upload has come."""
        upload = self._uploads.find(name, identifier)
        with upload.turn():
            return Response(204, _status(upload))

    def cancel(self, name: str, identifier: str) -> Response:
        """`DELETE`: end an upload."""
        upload = self._uploads.find(name, identifier)
        with upload.turn():
            self._uploads.end(upload)
        return Response(204)


def _described(digest: Digest) -> tuple[tuple[str, str], ...]:
    return (_BINARY, ("Docker-Content-Digest", str(digest)))


def _created(name: str, digest: Digest) -> Response:
    location = ("Location", f"/v2/{name}/blobs/{digest}")
    return Response(201, (location, ("Docker-Content-Digest", str(digest))))


def _status(upload: Upload) -> tuple[tuple[str, str], ...]:
    # The end is inclusive, so an empty upload looks like one of one byte, as everywhere.
    return (
        ("Location", f"/v2/{upload.repository}/blobs/uploads/{upload.id}"),
        ("Range", f"0-{max(upload.size - 1, 0)}"),
        ("Docker-Upload-UUID", upload.id),
    )


def _check_place(upload: Upload, request: Request) -> None:
    """Refuse a chunk that does not begin where the upload ends."""
    text = request.headers.get("content-range")
    if text is None:
        return
    found = _CONTENT_RANGE.fullmatch(text)
    if found is None or int(found[1]) != upload.size or int(found[2]) + 1 < int(found[1]):
        raise Refusal(
            416,
            "BLOB_UPLOAD_INVALID",
            f"the next chunk begins at {upload.size}",
            headers=_status(upload),
        )
    length = request.body.length
    if length is not None and length != int(found[2]) + 1 - int(found[1]):
        raise Refusal(400, "SIZE_INVALID", "Content-Range and Content-Length do not agree")


def _wanted_range(text: str, size: int) -> tuple[int, int] | None:
    """First byte and number of bytes; None for the whole.

    Several ranges, and what is no range of bytes, are left aside (RFC 9110, 14.2).

    Raises:
        Refusal: the content has no such bytes.
    """
    found = _RANGE.fullmatch(text.replace(" ", ""))
    if found is None or (not found[1] and not found[2]):
        return None
    if found[1]:
        first = int(found[1])
        last = min(int(found[2]), size - 1) if found[2] else size - 1
    else:
        first, last = max(size - int(found[2]), 0), size - 1
    if first > last:
        whole = (("Content-Range", f"bytes */{size}"),)
        raise Refusal(416, "SIZE_INVALID", f"the blob has {size} bytes", headers=whole)
    return first, last + 1 - first
