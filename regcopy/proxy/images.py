"""Images that a client has open."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from regcopy.copying.choice import choose_image
from regcopy.errors import ManifestUnsupported, PolicyRejected, located
from regcopy.model._json import dump_object, load_object
from regcopy.model.convert import needs_config, rewrite_image
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.image_config import to_oci_config
from regcopy.model.manifest import (
    MAX_MANIFEST_BYTES,
    ImageIndex,
    ImageManifest,
    RawManifest,
    parse_manifest,
)
from regcopy.model.mediatypes import DOCKER_MANIFEST, OCI_MANIFEST
from regcopy.model.platform import Platform
from regcopy.streams.blob import BLOCK_BYTES, BlobStream, read_limited
from regcopy.transports.base import Context, ImageReference
from regcopy.trust.gate import TrustedSource
from regcopy.trust.options import Trust

_SUPPORTED: Final = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})


@dataclass(frozen=True)
class _Chosen:
    raw: RawManifest
    image: ImageManifest


class OpenImage:
    """One image; of an index, the image for the platform, chosen when it is first needed.

    The trust policy is asked about what the name stands for, so about an index as a whole.
    """

    def __init__(
        self, reference: ImageReference, context: Context, trust: Trust, platform: Platform
    ) -> None:
        """Open it, and ask the policy.

        Raises:
            NotFound: there is no such image.
            PolicyRejected: it may not be used.
            RegcopyError: it cannot be read.
        """
        self._reference = reference
        self._platform = platform
        self._chosen: _Chosen | None = None
        self._config: bytes | None = None
        with located(reference=reference):
            opened = reference.open_source(context)
            self._source = TrustedSource(reference, opened, context, trust)
            try:
                self._top = self._source.get_manifest()
                self._source.check(self._top.digest, lambda: self._top.payload, is_top=True)
            except BaseException:
                self._source.close()
                raise

    @property
    def digest(self) -> Digest:
        """Digest of the image's manifest, as it is at its place."""
        return self._choose().raw.digest

    def oci_manifest(self) -> bytes:
        """Manifest, converted to OCI where it is Docker's.

        Raises:
            ManifestUnsupported: it is neither, or cannot be converted.
            RegcopyError: it cannot be read.
        """
        chosen = self._choose()
        with located(reference=self._reference):
            config = self._config_bytes() if needs_config(chosen.image, "oci") else None
            return rewrite_image(chosen.raw, to="oci", config=config).manifest.content

    def oci_config(self) -> bytes:
        """Config, in OCI's form. Errors as `oci_manifest`."""
        with located(reference=self._reference):
            return to_oci_config(self._config_bytes())

    def execution_config(self) -> bytes:
        """Member `config` of the config. Errors as `oci_manifest`."""
        inner = load_object(self.oci_config()).get("config")
        return dump_object(inner if isinstance(inner, dict) else {})

    def layers(self) -> list[dict[str, str | int]]:
        """Digest, size and media type of each layer, in order. Errors as `oci_manifest`."""
        return [
            {"digest": str(layer.digest), "size": layer.size, "media_type": layer.media_type}
            for layer in self._choose().image.layers
        ]

    def find_blob(self, digest: Digest) -> Descriptor:
        """Descriptor of a blob that the image names.

        Raises:
            PolicyRejected: it names no such blob.
        """
        blobs = self._choose().image.blobs
        found = next((blob for blob in blobs if blob.digest == digest), None)
        if found is None:
            raise PolicyRejected(f"the image names no blob {digest}")
        return found

    def read_blob(self, blob: Descriptor) -> BlobBlocks:
        """Give a blob block by block; the last one only where all bytes were the right ones.

        The first block is read before this returns, so that what is not there is told at once.

        Raises:
            NotFound: it is not there.
            DigestMismatch, SizeMismatch: it is not what its descriptor says.
            RegcopyError: it cannot be read.
        """
        stream = BlobStream(lambda offset: self._source.open_blob(blob, offset=offset), blob)
        return BlobBlocks(stream, self._reference)

    def _config_bytes(self) -> bytes:
        image = self._choose().image
        if image.config is None:
            raise ManifestUnsupported("this is an artifact: it has no config")
        if self._config is None:
            config = image.config
            with BlobStream(lambda at: self._source.open_blob(config, offset=at), config) as raw:
                self._config = read_limited(raw, MAX_MANIFEST_BYTES, what="the config")
        return self._config

    def _choose(self) -> _Chosen:
        if self._chosen is None:
            with located(reference=self._reference):
                self._chosen = self._find()
        return self._chosen

    def _find(self) -> _Chosen:
        raw = choose_image(self._source, self._top, self._platform).read(self._source)
        image = parse_manifest(raw)
        if isinstance(image, ImageIndex) or image.media_type not in _SUPPORTED:
            raise ManifestUnsupported(f"unsupported manifest MIME type: {image.media_type}")
        top = parse_manifest(self._top)
        named = top.manifests if isinstance(top, ImageIndex) else ()
        if any(entry.digest == raw.digest for entry in named):
            self._source.accept_named(raw, image, self._top)
        else:
            self._source.accept(raw, image, is_top=raw.digest == self._top.digest)
        return _Chosen(raw, image)

    def close(self) -> None:
        """Close the source; may be called twice."""
        self._source.close()


class BlobBlocks:
    """The blocks of one blob; errors tell of which image it is."""

    def __init__(self, stream: BlobStream, reference: ImageReference) -> None:
        """Read the first block. Errors as `OpenImage.read_blob`."""
        self._stream = stream
        self._reference = reference
        try:
            self._first = self._next()
        except BaseException:
            stream.close()
            raise

    def _next(self) -> bytes:
        with located(reference=self._reference, operation="reading blob"):
            return self._stream.read(BLOCK_BYTES)

    def __iter__(self) -> Iterator[bytes]:
        """Give the blocks, once. Errors as `OpenImage.read_blob`."""
        block = self._first
        while block:
            yield block
            block = self._next()

    def close(self) -> None:
        """Close the stream."""
        self._stream.close()
