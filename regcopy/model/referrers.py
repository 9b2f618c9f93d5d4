"""What is kept beside a manifest, and how it is found: referrers, their index, cosign's tags.

Sources: OCI distribution-spec, "Listing Referrers" and "Referrers Tag Schema"; cosign's
tag-based discovery, for what is older than `subject`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from regcopy.errors import LimitExceeded, ManifestInvalid
from regcopy.model._json import dump_object, load_object
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.manifest import (
    MAX_INDEX_ENTRIES,
    MAX_MANIFEST_BYTES,
    ImageIndex,
    ImageManifest,
    ParsedManifest,
    RawManifest,
    parse_manifest,
)
from regcopy.model.mediatypes import OCI_INDEX

_COSIGN: Final = (".sig", ".att", ".sbom")
# A tag has at most 128 characters, so the specification cuts the longer digests.
_TAG_HEX: Final = 64
_TAG: Final = re.compile(r"sha(?:256|512)-[0-9a-f]{64}(?:\.(?:sig|att|sbom))?")


def referrers_tag(subject: Digest) -> str:
    """Tag of the index of referrers, where a registry cannot list them itself."""
    return f"{subject.algorithm}-{subject.hex[:_TAG_HEX]}"


def cosign_tags(subject: Digest) -> tuple[str, ...]:
    """Tags under which cosign keeps signatures, attestations and an SBOM without `subject`."""
    return tuple(f"{subject.algorithm}-{subject.hex}{ending}" for ending in _COSIGN)


def is_attachment_tag(tag: str) -> bool:
    """Tell whether a tag belongs to what is kept beside another manifest."""
    return _TAG.fullmatch(tag) is not None


def described_referrer(manifest: Descriptor, parsed: ParsedManifest) -> Descriptor:
    """Describe a referrer as lists of them do: with its artifact type and its annotations.

    Where the manifest does not tell its artifact type, it is the type of the config.
    """
    artifact_type = parsed.artifact_type
    if not artifact_type and isinstance(parsed, ImageManifest) and parsed.config:
        artifact_type = parsed.config.media_type
    return replace(manifest, annotations=parsed.annotations, artifact_type=artifact_type)


def with_referrers(kept: RawManifest | None, referrers: Iterable[Descriptor]) -> RawManifest | None:
    """Add to an index of referrers what it lacks; None where it has all of them.

    Args:
        kept: the index as it is, every entry of which stays; None where there is none.
        referrers: described as in `described_referrer`.

    Raises:
        ManifestInvalid: what is there is no index.
        LimitExceeded: the index would have too many entries or bytes.
    """
    document: dict[str, object] = {"schemaVersion": 2, "mediaType": OCI_INDEX}
    entries: list[object] = []
    held: set[Digest] = set()
    if kept is not None:
        parsed = parse_manifest(kept)
        if not isinstance(parsed, ImageIndex):
            raise ManifestInvalid("this is no index, and so no list of referrers")
        held = {entry.digest for entry in parsed.manifests}
        # As they were written: with members, too, that mean nothing here.
        document = load_object(kept.content)
        listed = document.get("manifests")
        entries = [*listed] if isinstance(listed, list) else []
    missing = [one for one in referrers if one.digest not in held]
    if not missing:
        return None
    document["manifests"] = [*entries, *(one.to_json() for one in missing)]
    content = dump_object(document)
    if len(entries) + len(missing) > MAX_INDEX_ENTRIES or len(content) > MAX_MANIFEST_BYTES:
        raise LimitExceeded(
            f"the index of referrers would have {len(entries) + len(missing)} entries in "
            f"{len(content)} bytes; the limits are {MAX_INDEX_ENTRIES} and {MAX_MANIFEST_BYTES}"
        )
    return RawManifest(content, kept.media_type if kept else OCI_INDEX)
