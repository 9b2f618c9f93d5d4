"""Signatures as they are stored beside images.

A simple signature (containers-signature(5)) is stored as its OpenPGP message. A sigstore
signature is stored as a zero byte, the word `sigstore-json`, a line feed and a JSON object;
that is how containers/image writes both into `dir:` folders and lookaside storage.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Final, Literal

from regcopy.errors import LimitExceeded, ManifestInvalid, SignatureInvalid
from regcopy.model._json import JsonObject, load_object
from regcopy.text import printable

# What one image may have at most, whoever made so many (CVE-2024-23332 and its kin).
MAX_SIGNATURES: Final = 128
MAX_SIGNATURE_BYTES: Final = 4 * 1024 * 1024
MAX_TOTAL_BYTES: Final = 16 * 1024 * 1024

SIGSTORE_TYPE: Final = "application/vnd.dev.cosign.simplesigning.v1+json"
SIGSTORE_SIGNATURE: Final = "dev.cosignproject.cosign/signature"

_SIGSTORE_PREFIX: Final = b"\0sigstore-json\n"
_SIMPLE_PREFIX: Final = b"\0simple-signing\n"
_LONGEST_FORMAT: Final = 64
# RFC 4880, section 4.2: the tags of a compressed data packet (8), a one-pass signature (4)
# and a signature (2), in the old and in the new format of packet headers.
_OPENPGP_TAGS: Final = frozenset({2, 4, 8})


@dataclass(frozen=True, slots=True)
class SimpleSignature:
    """A signed OpenPGP message; what is in it is not known before it was verified."""

    kind: ClassVar[Literal["simple"]] = "simple"
    message: bytes = field(repr=False)

    def to_bytes(self) -> bytes:
        """Encode for storage."""
        return self.message


@dataclass(frozen=True, slots=True)
class SigstoreSignature:
    """A payload, and its signature among the annotations; nothing in it is trusted.

    Attributes:
        media_type: type of the payload.
        annotations: those of the layer that it was, in a registry.
    """

    kind: ClassVar[Literal["sigstore"]] = "sigstore"
    media_type: str
    payload: bytes = field(repr=False)
    annotations: Mapping[str, str] = field(default_factory=dict, repr=False)

    def to_bytes(self) -> bytes:
        """Encode for storage, with the members in the order of containers/image."""
        document = {
            "mimeType": self.media_type,
            "payload": base64.b64encode(self.payload).decode(),
            "annotations": dict(sorted(self.annotations.items())),
        }
        return _SIGSTORE_PREFIX + json.dumps(document, separators=(",", ":")).encode()


Signature = SimpleSignature | SigstoreSignature


def parse_signature(content: bytes) -> Signature:
    """Decode a stored signature; nothing is verified.

    Raises:
        SignatureInvalid: it has no form that is known.
    """
    if content.startswith(_SIGSTORE_PREFIX):
        return _parse_sigstore(content.removeprefix(_SIGSTORE_PREFIX))
    if content.startswith(_SIMPLE_PREFIX):
        return SimpleSignature(content.removeprefix(_SIMPLE_PREFIX))
    if not content:
        raise SignatureInvalid("a stored signature is empty")
    if content[0] == 0:
        name, _, _ = content[1 : _LONGEST_FORMAT + 1].partition(b"\n")
        shown = printable(name.decode("latin-1"))
        raise SignatureInvalid(f'a stored signature has the unknown format "{shown}"')
    if _openpgp_tag(content[0]) not in _OPENPGP_TAGS:
        raise SignatureInvalid(
            f"a stored signature has an unknown format; it starts with the byte {content[0]:#04x}"
        )
    return SimpleSignature(content)


def _openpgp_tag(first: int) -> int:
    """Tag of a packet; 0, which is reserved, where this is no first byte of one."""
    if not first & 0x80:
        return 0
    return first & 0x3F if first & 0x40 else (first & 0x3C) >> 2


def _parse_sigstore(content: bytes) -> SigstoreSignature:
    try:
        source = JsonObject(load_object(content, what="a stored signature"))
        payload = base64.b64decode(source.string("payload"), validate=True)
        annotations = source.string_map("annotations")
        return SigstoreSignature(source.string("mimeType"), payload, annotations)
    except (ManifestInvalid, binascii.Error, ValueError) as error:
        why = error.message if isinstance(error, ManifestInvalid) else "its payload is no base64"
        raise SignatureInvalid(f"a stored signature is broken: {why}") from None


def parse_all(contents: Iterable[bytes]) -> tuple[Signature, ...]:
    """Decode the signatures of one image, as they come.

    Raises:
        LimitExceeded: there are too many, or they are too large.
        SignatureInvalid: one has no form that is known.
    """
    return tuple(parse_signature(content) for content in limited(contents))


def limited(contents: Iterable[bytes]) -> Iterator[bytes]:
    """Pass on the signatures of one image, and end with an error after too many.

    Raises:
        LimitExceeded: that error.
    """
    total = 0
    for number, content in enumerate(contents, 1):
        total += len(content)
        if number > MAX_SIGNATURES:
            raise LimitExceeded(f"the image has more than {MAX_SIGNATURES} signatures")
        if len(content) > MAX_SIGNATURE_BYTES:
            raise LimitExceeded(f"a signature is over the limit of {MAX_SIGNATURE_BYTES} bytes")
        if total > MAX_TOTAL_BYTES:
            raise LimitExceeded(f"the signatures have more than {MAX_TOTAL_BYTES} bytes together")
        yield content
