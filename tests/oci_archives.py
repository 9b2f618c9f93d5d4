"""Tar files of image layouts for tests: made by hand, without the code under test."""

from __future__ import annotations

import gzip
import json
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from regcopy.model.digest import Digest
from regcopy.model.manifest import RawManifest
from regcopy.testing.samples import SampleImage
from regcopy.transports.oci_archive import OciArchiveReference
from tests.docker_archives import tar_of
from tests.hand_copy import read_image

REF_NAME = "org.opencontainers.image.ref.name"


def archive(path: Path, name: str = "") -> OciArchiveReference:
    """Name an image of an archive."""
    return OciArchiveReference(str(path), name)


def blob_name(digest: Digest) -> str:
    """Name of a member."""
    return f"blobs/{digest.algorithm}/{digest.hex}"


def members_of(**images: SampleImage) -> dict[str, bytes]:
    """Members of an archive with these images, by their names; "nameless" has none."""
    members: dict[str, bytes] = {}
    entries: list[dict[str, object]] = []
    for name, image in images.items():
        members |= {blob_name(digest): content for digest, content in image.blobs.items()}
        members |= {blob_name(raw.digest): raw.content for raw in image.manifests}
        annotations = {} if name == "nameless" else {"annotations": {REF_NAME: name}}
        entries.append({**_entry(image.top), **annotations})
    index = {"schemaVersion": 2, "manifests": entries}
    members["index.json"] = json.dumps(index).encode()
    members["oci-layout"] = b'{"imageLayoutVersion":"1.0.0"}'
    return members


def _entry(raw: RawManifest) -> dict[str, object]:
    return {"mediaType": raw.media_type, "digest": str(raw.digest), "size": raw.size}


def write_tar(
    path: Path,
    members: Mapping[str, bytes] | Iterable[tuple[tarfile.TarInfo, bytes]],
    *,
    gzipped: bool = False,
) -> Path:
    """Write a tar file, and give its path."""
    content = tar_of(members)
    path.write_bytes(gzip.compress(content) if gzipped else content)
    return path


def read(path: Path, name: str = "") -> SampleImage:
    """Read all of an image, every byte verified."""
    return read_image(archive(path, name))
