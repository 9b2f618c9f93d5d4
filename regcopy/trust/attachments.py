"""Sigstore signatures in the registry itself: an image under the tag `sha256-<hex>.sig`.

Each layer of that image is a payload, and its annotations hold the signature; so cosign and
containers/image write them (sigstore, "Cosign Signature Specification").
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Sequence
from typing import Final

from regcopy.errors import LimitExceeded, NotFound, SignatureInvalid, UsageError
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.manifest import ImageManifest, RawManifest, parse_manifest
from regcopy.model.mediatypes import OCI_CONFIG, OCI_MANIFEST
from regcopy.streams.blob import BlobStream, read_limited
from regcopy.transports.abilities import TakesTags
from regcopy.transports.base import (
    Context,
    ImageDestination,
    ImageReference,
    ImageSource,
)
from regcopy.trust.signatures import (
    MAX_SIGNATURE_BYTES,
    MAX_SIGNATURES,
    MAX_TOTAL_BYTES,
    SigstoreSignature,
)

_SUFFIX: Final = "sig"


def read_attachments(
    image: ImageReference, digest: Digest, context: Context
) -> tuple[SigstoreSignature, ...]:
    """Read the signatures of a manifest; none where there is no such tag.

    Args:
        image: any image of the repository.
        digest: of the manifest.
        context: of the side that the repository is on.

    Raises:
        LimitExceeded: there are too many, or they are too large.
        SignatureInvalid: what is under the tag is no image.
        RegcopyError: it cannot be read, or is not what its digests say.
    """
    with _tagged(image, digest).open_source(context) as source:
        try:
            raw = source.get_manifest()
        except NotFound:
            return ()
        layers = _layers(raw)
        return tuple(_signature(source, layer) for layer in layers)


def write_attachments(
    image: ImageReference,
    digest: Digest,
    signatures: Sequence[SigstoreSignature],
    context: Context,
) -> None:
    """Add signatures to those that a manifest has already.

    Raises:
        RegcopyError: they cannot be written.
    """
    place = _tagged(image, digest)
    known = read_attachments(image, digest, context)
    added = [signature for signature in signatures if signature not in known]
    if not added:
        return
    with place.open_destination(context) as destination:
        layers = [_put_layer(destination, signature) for signature in (*known, *added)]
        config = _put(destination, _config(layers), OCI_CONFIG)
        destination.put_manifest(_manifest(config, layers), top=True)
        destination.commit()


def _tagged(image: ImageReference, digest: Digest) -> ImageReference:
    if not isinstance(image, TakesTags):
        raise UsageError(f"{image.transport}: has no tags, and so no sigstore attachments")
    return image.with_tag(f"{digest.algorithm}-{digest.hex}.{_SUFFIX}")


def _layers(raw: RawManifest) -> tuple[Descriptor, ...]:
    parsed = parse_manifest(raw)
    if not isinstance(parsed, ImageManifest) or raw.media_type != OCI_MANIFEST:
        raise SignatureInvalid("what is in the place of the image's signatures is no OCI image")
    if len(parsed.layers) > MAX_SIGNATURES:
        raise LimitExceeded(f"the image has more than {MAX_SIGNATURES} signatures")
    if any(layer.size > MAX_SIGNATURE_BYTES for layer in parsed.layers):
        raise LimitExceeded(f"a signature is over the limit of {MAX_SIGNATURE_BYTES} bytes")
    if sum(layer.size for layer in parsed.layers) > MAX_TOTAL_BYTES:
        raise LimitExceeded(f"the signatures have more than {MAX_TOTAL_BYTES} bytes together")
    return parsed.layers


def _signature(source: ImageSource, layer: Descriptor) -> SigstoreSignature:
    with BlobStream(lambda offset: source.open_blob(layer, offset=offset), layer) as stream:
        payload = read_limited(stream, MAX_SIGNATURE_BYTES, what=f"signature {layer.digest}")
    return SigstoreSignature(layer.media_type, payload, layer.annotations)


def _put_layer(destination: ImageDestination, signature: SigstoreSignature) -> Descriptor:
    layer = _put(destination, signature.payload, signature.media_type)
    return Descriptor(layer.media_type, layer.digest, layer.size, annotations=signature.annotations)


def _put(destination: ImageDestination, content: bytes, media_type: str) -> Descriptor:
    blob = Descriptor(media_type, Digest.of(content), len(content))
    if not destination.find_blob(blob):
        with BlobStream(lambda offset: io.BytesIO(content[offset:]), blob) as stream:
            destination.put_blob(stream)
    return blob


def _config(layers: Iterable[Descriptor]) -> bytes:
    diff_ids = [str(layer.digest) for layer in layers]
    return _json(
        {
            "architecture": "",
            "os": "",
            "config": {},
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
        }
    )


def _manifest(config: Descriptor, layers: Sequence[Descriptor]) -> RawManifest:
    content = _json(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": config.to_json(),
            "layers": [layer.to_json() for layer in layers],
        }
    )
    return RawManifest(content, OCI_MANIFEST)


def _json(document: dict[str, object]) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()
