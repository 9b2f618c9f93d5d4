"""Layers that we compress, decompress or leave alone are those that skopeo does so with.

Compressors differ, so compressed layers are compared by their media type and by what they
unpack to; where no compressor was at work the manifests are the same, byte for byte.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from regcopy.api import Access, copy
from regcopy.copying.options import CompressionOptions, CopyOptions
from regcopy.model.digest import Digest
from regcopy.model.mediatypes import (
    DOCKER_FOREIGN_GZIP,
    OCI_FOREIGN,
    OCI_FOREIGN_GZIP,
    Compression,
    CompressionFormat,
    Format,
)
from regcopy.testing.samples import SampleImage, write_dir
from regcopy.transports.base import SideOptions
from regcopy.trust.options import TrustOptions
from tests.layers import COMPRESSIONS, TYPES, image_with, tars, unpacked, with_manifest
from tests.programs import skopeo
from tests.servers import Registry

ANYTHING = TrustOptions(insecure_policy=True)
# Flags that Debian 12's skopeo has, and what they are here.
FLAGS: Mapping[str, CompressionOptions] = {
    "": CompressionOptions(),
    "--dest-compress": CompressionOptions("compressed"),
    "--dest-decompress": CompressionOptions("plain"),
    "--dest-compress-format gzip": CompressionOptions(format="gzip"),
    "--dest-compress-format zstd": CompressionOptions(format="zstd"),
    "--dest-compress --dest-compress-format zstd": CompressionOptions("compressed", "zstd"),
    "--dest-compress --dest-compress-format gzip": CompressionOptions("compressed", "gzip"),
    "--dest-compress-level 1": CompressionOptions(level=1),
}


@dataclass(frozen=True)
class Stored:
    """An image in a folder or in a layout."""

    manifest: bytes
    blobs: Mapping[Digest, bytes]

    @property
    def layers(self) -> Sequence[tuple[str, bytes]]:
        """Media type of each layer, and what it unpacks to."""
        found = json.loads(self.manifest)["layers"]
        stored = zip(found, self.layer_blobs, strict=True)
        return [(layer["mediaType"], unpacked(blob)) for layer, blob in stored]

    @property
    def layer_blobs(self) -> Sequence[bytes]:
        """Each layer as it is stored."""
        found = json.loads(self.manifest)["layers"]
        return [self.blobs[Digest.parse(layer["digest"])] for layer in found]

    @property
    def family(self) -> str:
        return str(json.loads(self.manifest)["mediaType"])


def read(name: str) -> Stored:
    """Read what is at a place."""
    kind, path = name.split(":")[:2]
    folder = Path(path) if kind == "dir" else Path(path) / "blobs" / "sha256"
    files = {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}
    blobs = {Digest.of(content): content for content in files.values()}
    if kind == "dir":
        return Stored(files["manifest.json"], blobs)
    index = json.loads((Path(path) / "index.json").read_bytes())
    return Stored(blobs[Digest.parse(index["manifests"][0]["digest"])], blobs)


def both(image: SampleImage, folder: Path, kind: str, flags: str) -> tuple[Stored, Stored]:
    """Copy an image by skopeo and by us into places of one kind."""
    write_dir(image, folder / "source")
    ending = ":x" if kind == "oci" else ""
    theirs, ours = (f"{kind}:{folder / name}{ending}" for name in ("theirs", "ours"))
    skopeo("copy", *flags.split(), f"dir:{folder}/source", theirs)
    options = CopyOptions(compression=FLAGS[flags])
    copy(f"dir:{folder}/source", ours, options=options, trust=ANYTHING)
    return read(theirs), read(ours)


@pytest.mark.parametrize("flags", FLAGS)
@pytest.mark.parametrize("kind", ["dir", "oci"])
@pytest.mark.parametrize("before", COMPRESSIONS)
def test_layers_arrive_as_skopeo_lets_them(
    tmp_path: Path, before: Compression, kind: str, flags: str
) -> None:
    theirs, ours = both(image_with(before), tmp_path, kind, flags)

    assert ours.layers == theirs.layers
    assert ours.family == theirs.family
    if "compress" not in flags or "decompress" in flags:
        assert before == "none" or ours.manifest == theirs.manifest


@pytest.mark.parametrize("flags", FLAGS)
@pytest.mark.parametrize("before", ["none", "gzip"])
def test_layers_of_docker_images_arrive_so_too(
    tmp_path: Path, before: Compression, flags: str
) -> None:
    # Version 1.9 does not find the way from zstd to OCI by itself; later ones do.
    kind = "oci" if "--dest-compress-format zstd" in flags else "dir"

    theirs, ours = both(image_with(before, family="v2s2"), tmp_path, kind, flags)

    assert ours.layers == theirs.layers
    assert ours.family == theirs.family


@pytest.mark.parametrize("family", ["oci", "v2s2"])
def test_decompressed_layers_are_entered_as_skopeo_enters_them(
    tmp_path: Path, family: Format
) -> None:
    image = image_with("gzip", family=family)
    document = json.loads(image.top.content)
    document["layers"][0]["annotations"] = {"org.example": "left out"}
    document["annotations"] = {"org.example": "kept"}

    theirs, ours = both(with_manifest(image, document), tmp_path, "dir", "--dest-decompress")

    assert ours.manifest == theirs.manifest


@pytest.mark.parametrize("flags", ["", "--dest-compress", "--dest-decompress"])
@pytest.mark.parametrize("said", ["none", "gzip"])
@pytest.mark.parametrize("found", ["none", "gzip"])
def test_layers_whose_media_type_is_wrong_are_told_by_their_bytes(
    tmp_path: Path, found: Compression, said: Compression, flags: str
) -> None:
    theirs, ours = both(image_with(found, says=said), tmp_path, "dir", flags)

    assert [tar for _, tar in ours.layers] == [tar for _, tar in theirs.layers] == tars()


@pytest.mark.parametrize("family", ["oci", "v2s2"])
def test_plain_layers_that_are_called_gzipped_arrive_gzipped(
    tmp_path: Path, family: Format
) -> None:
    # What `podman save --format docker-dir` writes.
    theirs, ours = both(image_with("none", says="gzip", family=family), tmp_path, "oci", "")

    assert ours.layers == theirs.layers
    assert all(blob.startswith(b"\x1f\x8b") for blob in ours.layer_blobs)


@pytest.mark.parametrize("before", [OCI_FOREIGN, OCI_FOREIGN_GZIP, DOCKER_FOREIGN_GZIP])
@pytest.mark.parametrize("flags", ["--dest-compress", "--dest-decompress"])
def test_foreign_layers_that_are_there_are_layers_like_others(
    tmp_path: Path, before: str, flags: str
) -> None:
    family: Format = "v2s2" if before == DOCKER_FOREIGN_GZIP else "oci"
    image = image_with("none" if before == OCI_FOREIGN else "gzip", family=family)
    document = json.loads(image.top.content)
    document["layers"][0]["mediaType"] = before

    theirs, ours = both(with_manifest(image, document), tmp_path, "dir", flags)

    assert ours.layers == theirs.layers


@pytest.mark.parametrize("kind", ["dir", "oci"])
def test_foreign_layers_with_an_address_are_copied_where_all_must_be(
    tmp_path: Path, kind: str
) -> None:
    image = image_with("gzip")
    document = json.loads(image.top.content)
    document["layers"][0] |= {"mediaType": OCI_FOREIGN_GZIP, "urls": ["https://127.0.0.1:9/layer"]}

    theirs, ours = both(with_manifest(image, document), tmp_path, kind, "")

    assert ours == theirs


@pytest.mark.parametrize("kind", ["dir", "oci"])
@pytest.mark.parametrize("flags", ["--dest-compress --dest-compress-format zstd"])
def test_what_an_artifact_names_stays_as_it_is(tmp_path: Path, kind: str, flags: str) -> None:
    image = image_with("none")
    document = json.loads(image.top.content)
    document["config"]["mediaType"] = "application/vnd.example+json"
    artifact = with_manifest(image, document)

    theirs, ours = both(artifact, tmp_path, kind, flags)

    assert ours.manifest == theirs.manifest == artifact.top.content


def test_what_we_compress_is_read_by_skopeo_and_by_zstd(tmp_path: Path) -> None:
    image = image_with("gzip")
    write_dir(image, tmp_path / "source")
    options = CopyOptions(compression=CompressionOptions(format="zstd", level=19))

    copy(f"dir:{tmp_path}/source", f"oci:{tmp_path}/ours:x", options=options, trust=ANYTHING)
    skopeo("copy", "--dest-decompress", f"oci:{tmp_path}/ours:x", f"dir:{tmp_path}/plain")

    assert [tar for _, tar in read(f"dir:{tmp_path}/plain").layers] == tars()


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_what_skopeo_compresses_is_unpacked_and_compared(
    tmp_path: Path, compression: Compression
) -> None:
    write_dir(image_with("none"), tmp_path / "source")
    options = CopyOptions(compression=CompressionOptions("plain"))

    skopeo(
        *("copy", "--dest-compress-format", compression, "--dest-compress-level", "9"),
        *(f"dir:{tmp_path}/source", f"oci:{tmp_path}/theirs:x"),
    )
    copy(f"oci:{tmp_path}/theirs:x", f"dir:{tmp_path}/ours", options=options, trust=ANYTHING)

    assert [tar for _, tar in read(f"dir:{tmp_path}/ours").layers] == tars()


@pytest.mark.parametrize("after", ["gzip", "zstd"])
def test_layers_reach_a_registry_in_parts_and_skopeo_reads_them(
    tmp_path: Path, registry: Registry, after: CompressionFormat
) -> None:
    write_dir(image_with("zstd" if after == "gzip" else "gzip"), tmp_path / "source")
    name = f"{registry.host}/{uuid.uuid4().hex}/app:1"
    access = Access(options=SideOptions(tls_verify=False, chunk_threshold_bytes=1000))
    options = CopyOptions(compression=CompressionOptions(format=after))

    copy(
        f"dir:{tmp_path}/source",
        f"docker://{name}",
        options=options,
        destination_access=access,
        trust=ANYTHING,
    )
    skopeo("copy", "--src-tls-verify=false", f"docker://{name}", f"dir:{tmp_path}/ours")

    kind = TYPES["oci"][after]
    assert read(f"dir:{tmp_path}/ours").layers == [(kind, tar) for tar in tars()]
