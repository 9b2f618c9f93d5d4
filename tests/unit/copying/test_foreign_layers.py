"""Layers that may not be distributed, and are to be fetched from addresses of their own."""

from __future__ import annotations

import json

import pytest

from regcopy.errors import NotFound
from regcopy.model.digest import Digest
from regcopy.model.mediatypes import DOCKER_FOREIGN_GZIP
from regcopy.testing.samples import SampleImage
from regcopy.transports.base import Capabilities
from tests.layers import image_with, with_manifest
from tests.unit.copying.conftest import World

ADDRESS = "https://example.com/layer"


def foreign(*, is_there: bool) -> tuple[SampleImage, Digest]:
    """An image whose first layer has its own address, and that layer's digest."""
    image = image_with("gzip", family="v2s2")
    document = json.loads(image.top.content)
    document["layers"][0] |= {"mediaType": DOCKER_FOREIGN_GZIP, "urls": [ADDRESS]}
    layer = Digest.parse(document["layers"][0]["digest"])
    made = with_manifest(image, document)
    blobs = {digest: blob for digest, blob in made.blobs.items() if is_there or digest != layer}
    return SampleImage(made.top, (), blobs), layer


@pytest.mark.parametrize("is_there", [True, False])
def test_they_are_left_where_they_are_by_a_place_that_may_lack_them(
    world: World, is_there: bool
) -> None:
    image, layer = foreign(is_there=is_there)
    world.destination.capabilities = Capabilities(lacks_foreign=True)
    result = world.copy(world.source.add(image, "app"))
    assert result.digest == image.digest
    assert layer not in world.destination.blobs["copy"]


def test_they_are_copied_to_a_place_that_must_have_all(world: World) -> None:
    image, layer = foreign(is_there=True)
    world.copy(world.source.add(image, "app"))
    assert world.destination.blobs["copy"][layer] == image.blobs[layer]


def test_they_are_unpacked_for_a_place_that_keeps_no_manifest(world: World) -> None:
    image, layer = foreign(is_there=True)
    result = world.takes("plain").copy(world.source.add(image, "app"))
    assert layer not in world.destination.blobs["copy"]
    assert [kind.endswith("gzip") for kind, _ in world.layers(result)] == [False, False]


def test_one_that_is_nowhere_is_an_error_that_names_its_address(world: World) -> None:
    image, layer = foreign(is_there=False)
    with pytest.raises(NotFound, match=str(layer)) as caught:
        world.copy(world.source.add(image, "app"))
    assert ADDRESS in caught.value.hint
    assert not world.destination.manifests["copy"]
