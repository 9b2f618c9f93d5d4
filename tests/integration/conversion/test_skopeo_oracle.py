"""What we convert has the bytes, and so the digests, that skopeo gives the same image.

Debian 12's skopeo (1.9) is built on the types of image-spec before v1.1: they have `variant`
in front of `os` in a config, and know no `artifactType` in a manifest. We write what v1.1
says, as newer versions do, so a config with a variant is compared by meaning.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from regcopy.errors import ManifestUnsupported
from regcopy.model.convert import RewrittenImage, rewrite_image, rewrite_index
from regcopy.model.digest import Digest
from regcopy.model.manifest import ImageIndex, ImageManifest, RawManifest, parse_manifest
from regcopy.model.mediatypes import (
    DOCKER_CONFIG,
    DOCKER_LAYER_GZIP,
    DOCKER_MANIFEST,
    OCI_CONFIG,
    OCI_LAYER_GZIP,
    OCI_LAYER_ZSTD,
    OCI_MANIFEST,
    Format,
)
from regcopy.model.platform import Platform
from regcopy.testing.samples import (
    SampleImage,
    make_layer,
    multi_platform_image,
    single_image,
    write_dir,
    write_layout,
)
from tests.programs import skopeo

Config = dict[str, object]

CONFIGS: Mapping[str, Config] = {
    "nothing": {},
    "nulls": dict.fromkeys(("created", "author", "os", "config", "rootfs", "history")),
    "empty": {
        "architecture": "",
        "os": "",
        "config": {"Env": [], "Labels": {}, "Cmd": None, "Volumes": {}, "User": ""},
        "rootfs": {"type": "layers", "diff_ids": []},
        "history": [],
    },
    "docker only": {
        "id": "1",
        "parent": "2",
        "comment": "left out",
        "container": "3",
        "container_config": {"Hostname": "h", "Env": ["A=1"]},
        "docker_version": "20.10",
        "Size": 5,
        "architecture": "amd64",
        "os": "linux",
        "config": {
            "Hostname": "h",
            "AttachStdin": False,
            "Healthcheck": {"Test": ["CMD", "true"], "Interval": 1000000000},
            "OnBuild": ["RUN true"],
            "Shell": ["/bin/sh"],
            "StopTimeout": 5,
            "Image": "sha256:4",
            "Env": ["A=1"],
        },
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{'0' * 64}"], "base": "left out"},
        "moby.buildkit.buildinfo.v1": "left out",
    },
    "everything": {
        "created": "2024-01-02T03:04:05.120000000+00:00",
        "author": "A <a@example.com> & B",
        "architecture": "amd64",
        "os": "windows",
        "os.version": "10.0.20348.1",
        "os.features": ["win32k"],
        "config": {
            "User": "u",
            "ExposedPorts": {"90/tcp": {}, "80/tcp": {"x": 1}},
            "Env": ["A=é😀\u2028\u2029\x7f\n\t", 'B=\\"/'],
            "Entrypoint": ["e"],
            "Cmd": ["c"],
            "Volumes": {"/b": {}, "/a": None},
            "WorkingDir": "/w",
            "Labels": {"é": "3", "b": "2", "a": "1", "A": "0"},
            "StopSignal": "SIGTERM",
            "ArgsEscaped": True,
        },
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{'0' * 64}"]},
        "history": [
            {
                "created": "2024-01-02T03:04:05.123456789987+02:00",
                "created_by": "RUN a && b",
                "author": "me",
                "comment": "c",
                "empty_layer": True,
            },
            {"created": "0001-01-01T00:00:00Z", "empty_layer": False},
            {},
        ],
    },
}


@dataclass(frozen=True)
class Made:
    """What skopeo wrote into a folder of the transport `dir`, or into a layout."""

    folder: Path
    is_layout: bool

    @property
    def top(self) -> bytes:
        if not self.is_layout:
            return (self.folder / "manifest.json").read_bytes()
        index = json.loads((self.folder / "index.json").read_bytes())
        return self.blob(index["manifests"][0]["digest"])

    def blob(self, digest: object) -> bytes:
        hex_digits = str(digest).partition(":")[2]
        folder = self.folder / "blobs" / "sha256" if self.is_layout else self.folder
        return (folder / hex_digits).read_bytes()

    def child(self, digest: object) -> bytes:
        if self.is_layout:
            return self.blob(digest)
        return (self.folder / f"{str(digest).partition(':')[2]}.manifest.json").read_bytes()


def by_skopeo(image: SampleImage, folder: Path, to: Format, *options: str) -> Made:
    """Let skopeo convert an image: into a layout for OCI, into a `dir:` for Docker."""
    source, target = folder / "source", folder / "target"
    write_dir(image, source)
    if to == "oci":
        skopeo("copy", *options, f"dir:{source}", f"oci:{target}:x")
    else:
        skopeo("copy", "--format", to, *options, f"dir:{source}", f"dir:{target}")
    return Made(target, to == "oci")


def by_us(image: SampleImage, child: RawManifest, to: Format) -> RewrittenImage:
    parsed = parse_manifest(child)
    assert isinstance(parsed, ImageManifest)
    assert parsed.config is not None
    return rewrite_image(child, to=to, config=image.blobs[parsed.config.digest])


def image_with(config: Config, family: Format, **layer: object) -> SampleImage:
    """Make an image of one layer and a config that is written as it is given."""
    docker = family == "v2s2"
    held, tar = json.dumps(config).encode(), gzip.compress(make_layer("x", 100), mtime=0)
    document = {
        "schemaVersion": 2,
        "mediaType": DOCKER_MANIFEST if docker else OCI_MANIFEST,
        "config": {
            "mediaType": DOCKER_CONFIG if docker else OCI_CONFIG,
            "digest": str(Digest.of(held)),
            "size": len(held),
        },
        "layers": [
            {
                "mediaType": DOCKER_LAYER_GZIP if docker else OCI_LAYER_GZIP,
                "digest": str(Digest.of(tar)),
                "size": len(tar),
                **layer,
            }
        ],
    }
    top = RawManifest(json.dumps(document).encode(), str(document["mediaType"]))
    return SampleImage(top, (), {Digest.of(held): held, Digest.of(tar): tar})


@pytest.mark.parametrize("name", CONFIGS)
def test_a_docker_image_becomes_the_oci_image_that_skopeo_makes(tmp_path: Path, name: str) -> None:
    image = image_with(CONFIGS[name], "v2s2")

    theirs, ours = by_skopeo(image, tmp_path, "oci"), by_us(image, image.top, "oci")

    assert ours.config == theirs.blob(json.loads(theirs.top)["config"]["digest"])
    assert ours.manifest.content == theirs.top


@pytest.mark.parametrize("name", CONFIGS)
def test_an_oci_image_becomes_the_docker_image_that_skopeo_makes(tmp_path: Path, name: str) -> None:
    image = image_with(CONFIGS[name], "oci", annotations={"left": "out"})

    theirs, ours = by_skopeo(image, tmp_path, "v2s2"), by_us(image, image.top, "v2s2")

    assert ours.config is None
    assert ours.manifest.content == theirs.top


def test_a_variant_is_kept_as_skopeo_keeps_it(tmp_path: Path) -> None:
    config: Config = {"architecture": "arm64", "variant": "v8", "os": "linux"}
    image = image_with(config, "v2s2")

    theirs, ours = by_skopeo(image, tmp_path, "oci"), by_us(image, image.top, "oci")

    assert ours.config is not None
    digest = json.loads(theirs.top)["config"]["digest"]
    assert json.loads(ours.config) == json.loads(theirs.blob(digest))


def test_an_oci_index_becomes_the_docker_list_that_skopeo_makes(tmp_path: Path) -> None:
    image = multi_platform_image(family="oci")

    theirs = by_skopeo(image, tmp_path, "v2s2", "--all")

    children = {child.digest: by_us(image, child, "v2s2").manifest for child in image.children}
    assert rewrite_index(image.top, to="v2s2", children=children).content == theirs.top
    for child in children.values():
        assert child.content == theirs.child(child.digest)


def test_a_docker_list_becomes_the_oci_index_that_skopeo_makes(tmp_path: Path) -> None:
    platforms = [Platform("linux", name) for name in ("amd64", "s390x", "ppc64le")]
    image = multi_platform_image(family="v2s2", platforms=platforms)

    theirs = by_skopeo(image, tmp_path, "oci", "--all")

    children = {child.digest: by_us(image, child, "oci").manifest for child in image.children}
    assert rewrite_index(image.top, to="oci", children=children).content == theirs.top
    for child in children.values():
        assert child.content == theirs.child(child.digest)


@pytest.mark.parametrize(("family", "to"), [("v2s2", "oci"), ("oci", "v2s2")])
def test_platforms_of_an_index_are_told_in_full(tmp_path: Path, family: Format, to: Format) -> None:
    plain = multi_platform_image(family=family)
    document = json.loads(plain.top.content)
    entries = document["manifests"]
    entries[0]["platform"] |= {"os.version": "1", "os.features": ["f"], "features": ["sse4"]}
    entries[1] |= {"urls": ["https://example.com/x"], "annotations": {"left": "out"}}
    top = RawManifest(json.dumps(document).encode(), plain.top.media_type)
    image = SampleImage(top, plain.children, plain.blobs)

    theirs = by_skopeo(image, tmp_path, to, "--all")

    # Their children, so that this compares nothing but the index.
    made = [RawManifest(theirs.child(e["digest"]), e["mediaType"]) for e in entries_of(theirs.top)]
    children = {old.digest: new for old, new in zip(plain.children, made, strict=True)}
    assert rewrite_index(top, to=to, children=children).content == theirs.top


def entries_of(index: bytes) -> list[dict[str, str]]:
    entries: list[dict[str, str]] = json.loads(index)["manifests"]
    return entries


@pytest.mark.parametrize("family", ["oci", "v2s2"])
def test_gzipped_layers_are_entered_as_skopeo_enters_them(tmp_path: Path, family: Format) -> None:
    image = single_image(plain=True, family=family)

    theirs = by_skopeo(image, tmp_path, "oci")

    # Two compressors give two digests, so we are told theirs.
    before, after = parse_manifest(image.top), parse_manifest(RawManifest(theirs.top, OCI_MANIFEST))
    assert isinstance(before, ImageManifest)
    assert isinstance(after, ImageManifest)
    assert before.config is not None
    ours = rewrite_image(
        image.top,
        to="oci",
        layers={b.digest: a for b, a in zip(before.layers, after.layers, strict=True)},
        config=image.blobs[before.config.digest],
    )
    assert ours.manifest.content == theirs.top


def test_an_index_with_annotations_is_updated_as_skopeo_updates_it(tmp_path: Path) -> None:
    images = [single_image(plain=True, seed=name) for name in ("a", "b")]
    entries = [
        {
            "mediaType": OCI_MANIFEST,
            "digest": str(i.digest),
            "size": i.top.size,
            "annotations": {"z": "1", "a": "<2>"},
            "platform": {"architecture": "amd64", "os": "linux", "os.version": str(n)},
        }
        for n, i in enumerate(images)
    ]
    # Neither index nor entries have more: image-spec before v1.1 knew no more.
    document = {"schemaVersion": 2, "manifests": entries, "annotations": {"k": "v"}}
    top = RawManifest(json.dumps(document).encode(), "application/vnd.oci.image.index.v1+json")
    blobs = {digest: blob for i in images for digest, blob in i.blobs.items()}
    image = SampleImage(top, tuple(i.top for i in images), blobs)

    theirs = by_skopeo(image, tmp_path, "oci", "--all")

    made = [RawManifest(theirs.child(e["digest"]), OCI_MANIFEST) for e in entries_of(theirs.top)]
    children = {old.digest: new for old, new in zip(image.children, made, strict=True)}
    assert rewrite_index(top, to=None, children=children).content == theirs.top


def test_what_skopeo_cannot_convert_we_refuse_as_well(tmp_path: Path) -> None:
    image = image_with(CONFIGS["nothing"], "oci", mediaType=OCI_LAYER_ZSTD)

    with pytest.raises(pytest.fail.Exception, match="zstd"):
        by_skopeo(image, tmp_path, "v2s2")
    with pytest.raises(ManifestUnsupported, match="zstd"):
        by_us(image, image.top, "v2s2")


@pytest.mark.parametrize("family", ["oci", "v2s2"])
def test_skopeo_copies_what_we_converted_without_changing_it(
    tmp_path: Path, family: Format
) -> None:
    before = multi_platform_image(family=family)
    to: Format = "v2s2" if family == "oci" else "oci"
    after = converted(before, to)
    source, target = tmp_path / "source", tmp_path / "target"

    if to == "oci":
        write_layout(after, source, "x")
        skopeo("copy", "--all", f"oci:{source}:x", f"dir:{target}")
    else:
        write_dir(after, source)
        skopeo("copy", "--all", f"dir:{source}", f"dir:{target}")

    assert Made(target, is_layout=False).top == after.top.content


def converted(image: SampleImage, to: Format) -> SampleImage:
    results = [by_us(image, child, to) for child in image.children]
    children = {c.digest: r.manifest for c, r in zip(image.children, results, strict=True)}
    top = rewrite_index(image.top, to=to, children=children)
    assert isinstance(parse_manifest(top), ImageIndex)
    configs = {Digest.of(r.config): r.config for r in results if r.config is not None}
    return SampleImage(top, tuple(children.values()), {**image.blobs, **configs})
