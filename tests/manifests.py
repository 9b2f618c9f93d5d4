"""Manifests made by hand, for tests that look at single members."""

from __future__ import annotations

import json
from collections.abc import Mapping

from regcopy.model.digest import Digest
from regcopy.model.manifest import (
    ImageIndex,
    ImageManifest,
    ParsedManifest,
    RawManifest,
    parse_manifest,
)
from regcopy.model.mediatypes import (
    DOCKER_CONFIG,
    DOCKER_LAYER_GZIP,
    DOCKER_MANIFEST,
    OCI_CONFIG,
    OCI_INDEX,
    OCI_LAYER_GZIP,
    OCI_MANIFEST,
)

DIGEST = Digest.of(b"x")
LAYER: dict[str, object] = {"mediaType": OCI_LAYER_GZIP, "digest": str(DIGEST), "size": 1}
ENTRY = {**LAYER, "mediaType": OCI_MANIFEST}
CONFIG = b'{"architecture":"amd64","os":"linux"}'
SUBJECT = {"mediaType": OCI_MANIFEST, "digest": f"sha256:{'5' * 64}", "size": 5}


def descriptor(media_type: str, content: bytes, **more: object) -> dict[str, object]:
    digest = str(Digest.of(content))
    return {"mediaType": media_type, "digest": digest, "size": len(content), **more}


def manifest(media_type: str = OCI_MANIFEST, **members: object) -> RawManifest:
    document = {"schemaVersion": 2, "mediaType": media_type, **members}
    return RawManifest(json.dumps(document).encode(), media_type)


def oci_image(layer_type: str = OCI_LAYER_GZIP) -> RawManifest:
    return manifest(
        config=descriptor(OCI_CONFIG, CONFIG), layers=[descriptor(layer_type, b"layer")]
    )


def docker_image(layer_type: str = DOCKER_LAYER_GZIP) -> RawManifest:
    return manifest(
        DOCKER_MANIFEST,
        config=descriptor(DOCKER_CONFIG, CONFIG),
        layers=[descriptor(layer_type, b"layer")],
    )


def image(raw: RawManifest) -> ImageManifest:
    parsed = parse_manifest(raw)
    assert isinstance(parsed, ImageManifest)
    return parsed


def index(raw: RawManifest) -> ImageIndex:
    parsed = parse_manifest(raw)
    assert isinstance(parsed, ImageIndex)
    return parsed


def members(raw: RawManifest) -> Mapping[str, object]:
    loaded: dict[str, object] = json.loads(raw.content)
    return loaded


def image_document(**more: object) -> dict[str, object]:
    """Members of a small OCI image, some of them others."""
    config = {**LAYER, "mediaType": OCI_CONFIG}
    own = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": [LAYER]}
    return {**own, **more}


def index_document(**more: object) -> dict[str, object]:
    """Members of a small OCI index, some of them others."""
    own = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [ENTRY]}
    return {**own, **more}


def without(document: dict[str, object], key: str) -> dict[str, object]:
    return {name: value for name, value in document.items() if name != key}


def parse_document(document: object, served_as: str = "") -> ParsedManifest:
    return parse_manifest(RawManifest(json.dumps(document).encode(), served_as))
