"""`tree`: what an image is made of."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from regcopy.checking.opening import Reading
from regcopy.checking.tree import read_image_tree
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.manifest import RawManifest
from regcopy.model.mediatypes import OCI_CONFIG, OCI_INDEX, OCI_MANIFEST
from regcopy.session import Access
from regcopy.testing.samples import multi_platform_image, single_image, write_dir
from regcopy.transports.base import SideOptions
from tests.command_line import run_cli
from tests.registry_tools import RegistryTools, ask
from tests.schema1 import gzipped, schema1_image
from tests.servers import Registry


@pytest.mark.usefixtures("images")
def test_bytes_that_images_share_are_counted_once() -> None:
    tree = read_image_tree("oci:four:t")
    sample = multi_platform_image(shared_layers=1)
    (shared,) = [blob for blob in tree.blobs if tree.uses[blob.digest] == 4]
    assert tree.blob_bytes == sum(len(content) for content in sample.blobs.values())
    assert (tree.shared_bytes, tree.saved_bytes) == (shared.size, 3 * shared.size)
    assert tree.manifest_bytes == sum(manifest.size for manifest in sample.manifests)


@pytest.mark.usefixtures("images")
def test_the_text_has_a_line_for_each_manifest_and_blob() -> None:
    ended = run_cli("tree", "oci:four:t")
    sample = multi_platform_image(shared_layers=1)
    assert ended.code == 0
    for digest in (*sample.blobs, *(manifest.digest for manifest in sample.manifests)):
        assert str(digest) in ended.out
    assert "linux/arm64/v8" in ended.out
    assert "4 images, 13 blobs" in ended.out


@pytest.mark.usefixtures("images")
def test_an_image_that_stands_alone_shares_nothing() -> None:
    document = json.loads(run_cli("tree", "--json", "dir:docker").out)
    assert document["Totals"]["Images"] == 1
    assert document["Totals"]["SharedBytes"] == 0
    assert len(document["Root"]["Layers"]) == 3


def test_referrers_stand_beside_what_they_are_about(images: Path, served: str) -> None:
    name = f"docker://{served}/team/app:1"
    assert run_cli("copy", "-q", "--dest-tls-verify=false", "oci:one:t", name).code == 0
    refer_to(single_image().top.descriptor(), f"http://{served}/v2/team/app")
    document = json.loads(run_cli("tree", "--json", "--tls-verify=false", name).out)
    (referrer,) = document["Root"]["Referrers"]
    assert referrer["artifactType"] == "application/x.note"
    assert "referrer sha256:" in run_cli("tree", "--tls-verify=false", name).out


def refer_to(subject: Descriptor, repository: str) -> None:
    """Push an artifact about an image."""
    config = b"{}"
    described = Descriptor(OCI_CONFIG, Digest.of(config), len(config))
    where = ask("POST", f"{repository}/blobs/uploads/?digest={described.digest}", body=config)
    assert where.status in (201, 202)
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": "application/x.note",
        "config": described.to_json(),
        "layers": [],
        "subject": subject.to_json(),
    }
    put = ask(
        "PUT",
        f"{repository}/manifests/note",
        body=json.dumps(manifest).encode(),
        headers={"Content-Type": OCI_MANIFEST},
    )
    assert put.status == 201


def test_a_registry_without_referrers_is_asked_for_the_tag_of_the_digest(
    registry: Registry,
) -> None:
    image, note = single_image(seed="tree"), single_image(seed="note", layers=1)
    tools = RegistryTools(registry.url)
    for sample in (image, note):
        tools.push(sample, "tree/app", sample.digest.hex)
    entry = {**note.top.descriptor().to_json(), "artifactType": "application/x.note"}
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry]}
    listed = RawManifest(json.dumps(index).encode(), OCI_INDEX)
    tools.push_manifest(listed, "tree/app", f"sha256-{image.digest.hex}")
    access = Access(options=SideOptions(tls_verify=False))
    name = f"docker://{registry.host}/tree/app:{image.digest.hex}"
    tree = read_image_tree(name, reading=Reading(access))
    (referrer,) = tree.referrers[image.digest]
    assert (referrer.digest, referrer.artifact_type) == (note.digest, "application/x.note")


def test_layers_of_schema_1_are_shown_with_the_sizes_that_they_have(tmp_path: Path) -> None:
    image = schema1_image(gzipped(b"one", b"two"), empty=[1])
    write_dir(image, tmp_path / "old")
    tree = read_image_tree(f"dir:{tmp_path}/old")
    assert {blob.digest: blob.size for blob in tree.blobs} == {
        digest: len(content) for digest, content in image.blobs.items()
    }
