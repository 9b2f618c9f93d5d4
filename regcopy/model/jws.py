"""A JSON document with its signatures inside, as Docker's schema 1 has it (libtrust).

Source: distribution's "Image Manifest Version 2, Schema 1", section "Signed Manifests". The
signed text, the payload, is the document without its member `signatures`, in the very bytes
it had before they were added: the first `formatLength` bytes, and then `formatTail`. Its
digest is the digest of the manifest. The signatures themselves are not verified here: anybody
can make such a key, and what an image is, its digest says.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Final

from regcopy.errors import LimitExceeded, ManifestInvalid
from regcopy.model._json import JsonObject, dump_object, load_object

_SIGNATURES: Final = "signatures"
_MAX_SIGNATURES: Final = 100
_KNOWN: Final = frozenset({"header", "signature", "protected"})
_KNOWN_PROTECTED: Final = frozenset({"formatLength", "formatTail"})


def is_signed(members: Mapping[str, object]) -> bool:
    """Tell whether the members of a document are those of a signed one."""
    return members.get(_SIGNATURES) is not None


def payload_of(content: bytes) -> bytes:
    """Give what the signatures of a document are about; all of it where there are none.

    Every signature must name the same text, and that text must say what the document says:
    of two readers one could go by the one, and one by the other.

    Raises:
        ManifestInvalid: no JSON object, or the signatures contradict the rest or each other.
        LimitExceeded: there are more than 100 signatures.
    """
    if not _may_be_signed(content):
        return content  # nearly always
    found = _signed_text(content)
    if found is None:
        return content
    payload, unsigned = found
    # As text: to Python, 1 and true are equal.
    if dump_object(load_object(payload, what="signed text")) != unsigned:
        JsonObject({}).fail(_SIGNATURES, "are about another text than the manifest's")
    return payload


def payload_of_any(content: bytes) -> bytes:
    """Give the payload of what may be another manifest, or none. Errors as `payload_of`."""
    if not _may_be_signed(content):
        return content  # nearly always; nothing is parsed then
    try:
        members = load_object(content)
    except ManifestInvalid:
        return content
    is_schema1 = members.get("schemaVersion") == 1 and is_signed(members)
    return payload_of(content) if is_schema1 else content


def _may_be_signed(content: bytes) -> bool:
    # A letter of the name can be written as its number.
    return b'"signatures"' in content or b"\\u" in content


def _signed_text(content: bytes) -> tuple[bytes, bytes] | None:
    """Give what is signed, and what the document says but for its signatures; None without any.

    Bytes of both, so that nothing is held of the document when the other is read.
    """
    members = load_object(content)
    if not is_signed(members):
        return None
    document = JsonObject(members)
    if (count := document.count(_SIGNATURES)) > _MAX_SIGNATURES:
        raise LimitExceeded(f"manifest has {count} signatures; the limit is {_MAX_SIGNATURES}")
    payload: bytes | None = None
    for signature in document.children(_SIGNATURES):
        text = _named_text(signature, content)
        if payload not in (None, text):
            document.fail(_SIGNATURES, "do not agree on what is signed")
        payload = text
    if payload is None:
        document.fail(_SIGNATURES, "is empty")
    return payload, dump_object({k: v for k, v in members.items() if k != _SIGNATURES})


def _named_text(signature: JsonObject, content: bytes) -> bytes:
    signature.refuse_lookalikes(_KNOWN)
    decoded = load_object(_decode(signature, "protected"), what="protected header")
    header = JsonObject(decoded, f"{signature.path}.protected")
    header.refuse_lookalikes(_KNOWN_PROTECTED)
    length = header.integer("formatLength")
    if length > len(content):
        header.fail("formatLength", "is beyond the end of the manifest")
    return content[:length] + _decode(header, "formatTail")


def _decode(source: JsonObject, key: str) -> bytes:
    """Bytes in base64url without padding (RFC 7515, section 2)."""
    text = source.string(key)
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        source.fail(key, "is not base64url")


def encode(content: bytes) -> str:
    """Write bytes in base64url without padding (RFC 7515, section 2)."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def protected_header(payload: bytes, time: str) -> str:
    """Say which part of a signed document is `payload`, in the form that signatures have it.

    Args:
        payload: a JSON object with at least one member.
        time: when it is signed, in the form of RFC 3339.
    """
    length, tail = _split(payload)
    document = {"formatLength": length, "formatTail": encode(tail), "time": time}
    return encode(dump_object(document))


def with_signature(payload: bytes, signature: dict[str, object]) -> bytes:
    """Put a signature into the document that it is about."""
    length, tail = _split(payload)
    added = dump_object({_SIGNATURES: [signature]})[1:-1]
    return payload[:length] + b"," + added + tail


def _split(payload: bytes) -> tuple[int, bytes]:
    """Find the end of the last member; what follows is the bracket, with the blanks about it."""
    whole = payload.rstrip()
    if not whole.endswith(b"}"):
        raise ValueError("the text to sign is no JSON object")
    length = len(whole[:-1].rstrip())
    return length, payload[length:]
