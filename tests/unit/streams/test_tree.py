"""What an image in files needs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

import pytest

from regcopy.errors import LimitExceeded, ManifestInvalid, NotFound
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.manifest import RawManifest
from regcopy.model.mediatypes import OCI_FOREIGN, OCI_INDEX, OCI_LAYER, OCI_MANIFEST
from regcopy.streams.tree import ReadManifest, is_complete, sha512_names, walk
from regcopy.testing.samples import SampleImage, multi_platform_image, single_image


def reader(*manifests: RawManifest) -> ReadManifest:
    """Read from what is given, and nothing else."""
    known: Mapping[Digest, RawManifest] = {m.digest: m for m in manifests}

    def read(descriptor: Descriptor) -> RawManifest:
        if descriptor.digest not in known:
            raise NotFound("not there")
        return known[descriptor.digest]

    return read


def digests(image: SampleImage, read: ReadManifest, *, skip_missing: bool = False) -> set[Digest]:
    """Give all that the walk gives."""
    found = [d.digest for d, _ in walk(image.top.descriptor(), read, skip_missing=skip_missing)]
    assert len(found) == len(set(found))
    return set(found)


def index_of(*entries: Mapping[str, object]) -> RawManifest:
    """Make an index of entries that are given as JSON."""
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": list(entries)}
    return RawManifest(json.dumps(document).encode(), OCI_INDEX)


def test_the_walk_gives_manifests_configs_and_layers_each_once() -> None:
    image = multi_platform_image(shared_layers=2)

    found = digests(image, reader(*image.manifests))

    assert found == {*image.blobs, *(m.digest for m in image.manifests)}


def test_a_missing_manifest_ends_the_walk() -> None:
    image = multi_platform_image()

    with pytest.raises(NotFound):
        digests(image, reader(image.top))


@pytest.mark.parametrize("missing", range(4))
def test_images_beside_a_missing_one_are_still_walked(missing: int) -> None:
    image = multi_platform_image(shared_layers=1)
    there = [child for n, child in enumerate(image.children) if n != missing]

    found = digests(image, reader(image.top, *there), skip_missing=True)

    lost = {*image.blobs, *(m.digest for m in image.manifests)} - found
    assert len(lost) == 3  # two layers of its own and the config


def test_a_broken_manifest_is_an_error_also_where_missing_ones_are_not() -> None:
    broken = RawManifest(b"{", OCI_MANIFEST)
    index = index_of(broken.descriptor().to_json())

    with pytest.raises(ManifestInvalid):
        list(walk(index.descriptor(), reader(index, broken), skip_missing=True))


def test_content_of_an_unknown_type_is_not_looked_into() -> None:
    content = Descriptor("application/xml", Digest.of(b"<a/>"), 4)
    index = index_of(content.to_json())

    assert (content, False) in list(walk(index.descriptor(), reader(index)))


def test_an_index_of_indexes_of_indexes_is_too_deep() -> None:
    manifests = [single_image().top]
    for _ in range(4):
        manifests.append(index_of(manifests[-1].descriptor().to_json()))

    with pytest.raises(LimitExceeded, match="more than 4 levels"):
        list(walk(manifests[-1].descriptor(), reader(*manifests)))


def test_an_image_is_complete_with_every_blob_and_manifest() -> None:
    image = multi_platform_image()
    read = reader(*image.manifests)
    top = image.top.descriptor()

    assert is_complete(top, read, lambda blob: blob.digest in image.blobs)
    assert not is_complete(top, reader(image.top), lambda _: True)


def test_an_image_without_one_of_its_blobs_is_not_complete() -> None:
    image = multi_platform_image(layers=1)

    def complete_without(lost: Digest) -> bool:
        read = reader(*image.manifests)
        return is_complete(image.top.descriptor(), read, lambda blob: blob.digest != lost)

    assert [complete_without(lost) for lost in image.blobs] == [False] * 8


@pytest.mark.parametrize(
    ("media_type", "urls", "complete"),
    [
        (OCI_FOREIGN, ["https://example.org/layer"], True),
        (OCI_FOREIGN, [], False),
        (OCI_LAYER, ["https://example.org/layer"], False),
    ],
)
def test_only_a_foreign_layer_with_an_address_may_be_elsewhere(
    media_type: str, urls: list[str], complete: bool
) -> None:
    layer = replace(Descriptor(media_type, Digest.of(b"layer"), 5), urls=tuple(urls))
    config = Descriptor("application/vnd.oci.empty.v1+json", Digest.of(b"{}"), 2)
    document = {
        "schemaVersion": 2,
        "config": config.to_json(),
        "layers": [layer.to_json()],
    }
    top = RawManifest(json.dumps(document).encode(), OCI_MANIFEST)

    assert is_complete(top.descriptor(), reader(top), lambda blob: blob == config) is complete


def test_children_that_an_index_names_by_sha512_are_found() -> None:
    first, second = single_image(seed="1").top, single_image(seed="2").top
    named = Digest.of(second.content, "sha512")
    index = index_of(
        first.descriptor().to_json(),
        {"mediaType": OCI_MANIFEST, "digest": str(named), "size": second.size},
    )

    assert list(sha512_names(index, [first, second])) == [(named, second)]
