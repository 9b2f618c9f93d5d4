"""Pushing to and reading from a registry without the code under test (http.client only)."""

from __future__ import annotations

import contextlib
import http.client
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from regcopy.model.digest import Digest
from regcopy.model.manifest import RawManifest
from regcopy.model.mediatypes import ACCEPTED_MANIFESTS
from regcopy.testing.samples import SampleImage

_LARGEST: Final = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Answered:
    """Status, headers (lower-case names) and body."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


def ask(
    method: str,
    url: str,
    *,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    tls: ssl.SSLContext | None = None,
) -> Answered:
    """Make one request on a connection of its own."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port
    connection = (
        http.client.HTTPSConnection(host, port, timeout=20, context=tls)
        if parts.scheme == "https"
        else http.client.HTTPConnection(host, port, timeout=20)
    )
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    with contextlib.closing(connection):
        connection.request(method, target, body=body, headers=dict(headers or {}))
        response = connection.getresponse()
        found = {name.lower(): value for name, value in response.getheaders()}
        return Answered(response.status, found, response.read(_LARGEST))


@dataclass(frozen=True, slots=True)
class RegistryTools:
    """What tests do with a registry beside the product.

    Attributes:
        url: scheme, host and port.
        headers: sent with every request, such as an Authorization.
        tls: context for https.
    """

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    tls: ssl.SSLContext | None = None

    def push(self, image: SampleImage, repository: str, tag: str = "latest") -> None:
        """Push an image or an index with all that it names."""
        for content in image.blobs.values():
            self.push_blob(content, repository)
        for child in image.children:
            self.push_manifest(child, repository, str(child.digest))
        self.push_manifest(image.top, repository, tag)

    def push_blob(self, content: bytes, repository: str, algorithm: str = "sha256") -> Digest:
        """Push one blob."""
        digest = Digest.of(content, algorithm)
        started = self._ask("POST", f"/v2/{repository}/blobs/uploads/", body=b"")
        _expect(started, 202)
        location = started.headers["location"]
        target = location if "://" in location else f"{self.url}{location}"
        joint = "&" if "?" in target else "?"
        done = ask(
            "PUT",
            f"{target}{joint}digest={digest}",
            body=content,
            headers={**self.headers, "Content-Type": "application/octet-stream"},
            tls=self.tls,
        )
        _expect(done, 201)
        return digest

    def push_manifest(self, manifest: RawManifest, repository: str, name: str) -> None:
        """Push one manifest under a tag or its digest."""
        done = self._ask(
            "PUT",
            f"/v2/{repository}/manifests/{name}",
            body=manifest.content,
            headers={"Content-Type": manifest.media_type},
        )
        _expect(done, 201)

    def get_manifest(self, repository: str, name: str) -> RawManifest | None:
        """Read a manifest; None where there is none."""
        found = self._ask(
            "GET",
            f"/v2/{repository}/manifests/{name}",
            headers={"Accept": ", ".join(ACCEPTED_MANIFESTS)},
        )
        if found.status == 404:
            return None
        _expect(found, 200)
        return RawManifest(found.body, found.headers["content-type"])

    def get_blob(self, repository: str, digest: Digest) -> bytes | None:
        """Read a blob; None where there is none."""
        found = self._ask("GET", f"/v2/{repository}/blobs/{digest}")
        if found.status == 404:
            return None
        _expect(found, 200)
        return found.body

    def tags(self, repository: str) -> list[str]:
        """List tags, the first page only; [] where there is no such repository."""
        found = self._ask("GET", f"/v2/{repository}/tags/list")
        if found.status == 404:
            return []
        _expect(found, 200)
        return list(json.loads(found.body)["tags"] or [])

    def holds(self, image: SampleImage, repository: str, tag: str) -> bool:
        """Tell whether the image, with every byte that it names, is there under that tag."""
        if self.get_manifest(repository, tag) != image.top:
            return False
        children = all(self.get_manifest(repository, str(c.digest)) == c for c in image.children)
        return children and all(self.get_blob(repository, d) == b for d, b in image.blobs.items())

    def _ask(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answered:
        sent = {**self.headers, **(headers or {})}
        return ask(method, f"{self.url}{path}", body=body, headers=sent, tls=self.tls)


def _expect(answered: Answered, status: int) -> None:
    if answered.status != status:
        raise AssertionError(f"wanted {status}, got {answered.status}: {answered.body[:500]!r}")
