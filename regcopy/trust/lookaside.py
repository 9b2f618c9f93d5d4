"""Signature storage beside a registry: files under the manifest's digest.

`<base>/<repository>@sha256=<hex>/signature-1`, and so on without a gap (containers/image,
docs/signature-protocols.md). The base is a URL: https, http, or file.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from regcopy.errors import ConfigurationError, NotFound, UsageError
from regcopy.model.digest import Digest
from regcopy.streams.files import Folder, read_file, storage_errors, write_file
from regcopy.text import printable
from regcopy.transports.base import ImageSource
from regcopy.transports.signatures import FetchesFiles
from regcopy.trust.signatures import MAX_SIGNATURE_BYTES, MAX_SIGNATURES, limited

_SCHEMES: Final = frozenset({"file", "http", "https"})


@dataclass(frozen=True, slots=True)
class Lookaside:
    """The storage for one repository.

    Attributes:
        base: URL from registries.d.
        repository: path of the repository, without the registry.

    Raises:
        ConfigurationError: this is no URL that can be used.
    """

    base: str
    repository: str

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.base)
        except ValueError:
            raise self._unusable() from None
        is_file = parts.scheme == "file" and parts.netloc in ("", "localhost")
        is_web = parts.scheme in ("http", "https") and parts.hostname and not parts.username
        if not (is_file and parts.path.startswith("/")) and not is_web:
            raise self._unusable()
        if parts.query or parts.fragment or "\0" in unquote(self.base):
            raise self._unusable()

    def _unusable(self) -> ConfigurationError:
        shown = printable(self.base, limit=200)
        return ConfigurationError(
            f'"{shown}" is no place for signatures',
            hint="registries.d needs a URL such as https://host/path or file:///path",
        )

    @property
    def is_folder(self) -> bool:
        """Whether it is on this machine."""
        return self.base.startswith("file:")

    def read(self, digest: Digest, source: ImageSource) -> Iterator[bytes]:
        """Give the stored signatures of a manifest.

        Args:
            digest: of the manifest.
            source: fetches what is on the web.

        Raises:
            LimitExceeded: there are too many, or they are too large.
            StorageFailed, TransportError: the storage cannot be read.
        """
        return limited(self._files(digest) if self.is_folder else self._pages(digest, source))

    def _files(self, digest: Digest) -> Iterator[bytes]:
        try:
            with Folder.open(self._folder(digest)) as folder:
                for number in range(1, MAX_SIGNATURES + 2):
                    yield read_file(folder, _name(number), limit=MAX_SIGNATURE_BYTES)
        except NotFound:
            return

    def _pages(self, digest: Digest, source: ImageSource) -> Iterator[bytes]:
        if not isinstance(source, FetchesFiles):
            raise UsageError(f"signatures at {printable(self.base)} cannot be read from here")
        for number in range(1, MAX_SIGNATURES + 2):
            url = f"{self.base}/{quote(self._inner(digest), safe='/@=')}/{_name(number)}"
            content = source.fetch_file(url, limit=MAX_SIGNATURE_BYTES)
            if content is None:
                return
            yield content

    def write(self, digest: Digest, signatures: Sequence[bytes]) -> None:
        """Store the signatures of a manifest in place of all that are there.

        Raises:
            UsageError: the storage is on the web, where nothing can be written.
            StorageFailed: it cannot be written.
        """
        if not self.is_folder:
            raise UsageError(
                f"signatures cannot be written to {printable(self.base, limit=200)}",
                hint="name a file:// URL as lookaside-staging in registries.d",
            )
        path = self._folder(digest)
        with storage_errors("creating", path):
            os.makedirs(path, exist_ok=True)
        with Folder.open(path) as folder:
            for number, content in enumerate(signatures, 1):
                write_file(folder, _name(number), content)
            left = len(signatures) + 1
            while folder.size_of(_name(left)) is not None:
                folder.remove(_name(left))
                left += 1

    def _folder(self, digest: Digest) -> str:
        return os.path.join(unquote(urlsplit(self.base).path), self._inner(digest))

    def _inner(self, digest: Digest) -> str:
        return f"{self.repository}@{digest.algorithm}={digest.hex}"


def _name(number: int) -> str:
    return f"signature-{number}"
