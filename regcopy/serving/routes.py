"""From a request to its answer (distribution-spec, "Endpoints")."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from regcopy.errors import RegcopyError
from regcopy.serving.blobs import BlobApi
from regcopy.serving.contents import Contents
from regcopy.serving.entries import is_repository
from regcopy.serving.manifests import ManifestApi
from regcopy.serving.messages import Request, Response
from regcopy.serving.refusals import Refusal, name_invalid, unsupported
from regcopy.serving.repositories import Repositories
from regcopy.serving.storage import Storage
from regcopy.serving.uploads import Uploads

# Clients look for it to tell a registry from any other server.
_VERSION: Final = ("Docker-Distribution-Api-Version", "registry/2.0")
_JSON: Final = ("Content-Type", "application/json")

_Handler = Callable[[Request], Response]


@dataclass(frozen=True, slots=True)
class Api:
    """All endpoints of one layout."""

    blobs: BlobApi
    manifests: ManifestApi
    uploads: Uploads

    @classmethod
    def of(cls, storage: Storage) -> Api:
        """Make the API of a layout.

        Raises:
            ManifestInvalid, LimitExceeded: its index.json is broken or too large.
            StorageFailed: it cannot be read.
        """
        contents = Contents(storage)
        repositories = Repositories(storage, contents)
        uploads = Uploads(storage)
        blobs = BlobApi(storage, repositories, uploads)
        return cls(blobs, ManifestApi(storage, contents, repositories), uploads)

    def answer(self, request: Request) -> Response:
        """Answer a request, whatever it is.

        Raises:
            ClientGone, BadRequest: the body of the request is not complete.
        """
        try:
            response = self._handler(request)(request)
        except Refusal as refusal:
            response = refusal.to_response()
        except RegcopyError as error:
            # The layout is broken, or the disk is full: nothing that the client did.
            response = Refusal(500, "UNKNOWN", str(error)).to_response()
        return replace(response, headers=(_VERSION, *response.headers))

    def _handler(self, request: Request) -> _Handler:
        if not request.path.startswith("/v2"):
            raise unsupported(404, "the API is below /v2/")
        methods = self._methods(request.path)
        handler = methods.get(request.method)
        if handler is None:
            raise unsupported(405, "not done here", allow=", ".join(methods))
        return handler

    def _methods(self, path: str) -> Mapping[str, _Handler]:
        if path in ("/v2", "/v2/"):
            return _readable(lambda _: Response(200, (_JSON,), b"{}"))
        if path == "/v2/_catalog":
            return _readable(self.manifests.catalog)
        parts = path.removeprefix("/v2/").split("/")
        match parts:
            case [*name, "blobs", "uploads"] | [*name, "blobs", "uploads", ""] if name:
                return self._start(_repository(name))
            case [*name, "blobs", "uploads", identifier] if name:
                return self._upload(_repository(name), identifier)
            case [*name, "blobs", digest] if name:
                return self._blob(_repository(name), digest)
            case [*name, "manifests", reference] if name:
                return self._manifest(_repository(name), reference)
            case [*name, "tags", "list"] if name:
                repository = _repository(name)
                return _readable(lambda request: self.manifests.tags(repository, request))
            case [*name, "referrers", digest] if name:
                return self._referrers(_repository(name), digest)
        raise unsupported(404, "there is no such endpoint")

    def _start(self, name: str) -> Mapping[str, _Handler]:
        return {"POST": lambda request: self.blobs.start(name, request)}

    def _upload(self, name: str, identifier: str) -> Mapping[str, _Handler]:
        return {
            "GET": lambda _: self.blobs.status(name, identifier),
            "PATCH": lambda request: self.blobs.patch(name, identifier, request),
            "PUT": lambda request: self.blobs.put(name, identifier, request),
            "DELETE": lambda _: self.blobs.cancel(name, identifier),
        }

    def _blob(self, name: str, digest: str) -> Mapping[str, _Handler]:
        return {
            "GET": lambda request: self.blobs.get(name, digest, request),
            "HEAD": lambda _: self.blobs.head(name, digest),
            "DELETE": lambda _: self.blobs.delete(name, digest),
        }

    def _manifest(self, name: str, reference: str) -> Mapping[str, _Handler]:
        return {
            **_readable(lambda request: self.manifests.get(name, reference, request)),
            "PUT": lambda request: self.manifests.put(name, reference, request),
            "DELETE": lambda _: self.manifests.delete(name, reference),
        }

    def _referrers(self, name: str, digest: str) -> Mapping[str, _Handler]:
        return _readable(lambda request: self.manifests.referrers(name, digest, request))

    def close(self) -> None:
        """Remove unfinished uploads. The storage is closed by whoever opened it."""
        self.uploads.close()


def _readable(handler: _Handler) -> Mapping[str, _Handler]:
    return {"GET": handler, "HEAD": handler}


def _repository(parts: list[str]) -> str:
    name = "/".join(parts)
    if not is_repository(name):
        raise name_invalid(name)
    return name
