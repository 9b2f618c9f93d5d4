"""Packed layers that are compared with the config before a daemon gets them whole."""

from __future__ import annotations

import json

import pytest

from regcopy.copying.fitting import check_fit, images_to_fit, layers_to_unpack
from regcopy.copying.recompression import Recompression
from regcopy.copying.schema1 import FindPlain
from regcopy.copying.tree import Node
from regcopy.errors import DigestMismatch, ManifestInvalid
from regcopy.model.digest import Digest
from regcopy.model.image_config import read_diff_ids
from regcopy.model.manifest import RawManifest, parse_manifest
from regcopy.streams.watched import PlainLayer
from regcopy.testing.samples import SampleImage, single_image
from regcopy.transports.base import Capabilities

IMAGE = single_image(layers=2)
DAEMON = Capabilities(layers="plain or gzip")


def node(manifest: RawManifest) -> Node:
    return Node(manifest, parse_manifest(manifest))


def config_of(image: SampleImage) -> dict[Digest, bytes]:
    config = node(image.top).image.config
    assert config
    return {config.digest: image.blobs[config.digest]}


def learned(image: SampleImage) -> dict[Digest, PlainLayer]:
    """What the layers of an image unpack to."""
    [config] = config_of(image).values()
    layers = node(image.top).image.layers
    pairs = zip(layers, read_diff_ids(config), strict=True)
    return {layer.digest: PlainLayer(diff_id, "gzip") for layer, diff_id in pairs}


def finder(found: dict[Digest, PlainLayer]) -> FindPlain:
    def find(digest: Digest) -> PlainLayer | None:
        return found.get(digest)

    return find


def test_only_a_daemon_has_layers_compared() -> None:
    assert images_to_fit(node(IMAGE.top), Capabilities(layers="plain")) == ()
    assert [one.raw for one in images_to_fit(node(IMAGE.top), DAEMON)] == [IMAGE.top]


def test_layers_that_fit_pass() -> None:
    check_fit([node(IMAGE.top)], {}, config_of(IMAGE), finder(learned(IMAGE)))


def test_plain_layers_are_compared_by_their_own_digests() -> None:
    plain = single_image(layers=2, plain=True)
    assert layers_to_unpack(node(plain.top), {}) == ()
    check_fit([node(plain.top)], {}, config_of(plain), finder({}))


def test_a_layer_that_unpacks_to_something_else_does_not() -> None:
    found = learned(IMAGE)
    first, second = found
    found[first], found[second] = found[second], found[first]
    with pytest.raises(DigestMismatch) as caught:
        check_fit([node(IMAGE.top)], {}, config_of(IMAGE), finder(found))
    assert str(first) in str(caught.value)


def test_a_layer_of_which_nothing_was_learned_does_not() -> None:
    with pytest.raises(DigestMismatch):
        check_fit([node(IMAGE.top)], {}, config_of(IMAGE), finder({}))


def test_a_layer_that_was_unpacked_on_the_way_is_not_compared_again() -> None:
    unpacked = Recompression("gzip", "none", None, False)
    changes = {IMAGE.digest: (unpacked, unpacked)}
    assert layers_to_unpack(node(IMAGE.top), changes) == ()
    check_fit([node(IMAGE.top)], changes, config_of(IMAGE), finder({}))


def test_a_config_with_another_number_of_layers_is_refused() -> None:
    [digest] = config_of(IMAGE)
    config = json.loads(IMAGE.blobs[digest])
    config["rootfs"]["diff_ids"].pop()
    with pytest.raises(ManifestInvalid, match="2 layers"):
        check_fit([node(IMAGE.top)], {}, {digest: json.dumps(config).encode()}, finder({}))
