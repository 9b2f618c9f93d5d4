"""What is written about layers that are made into an image."""

from __future__ import annotations

import json

import pytest

from regcopy.errors import ContentError
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.manifest import ImageManifest, parse_manifest
from regcopy.model.mediatypes import OCI_LAYER, OCI_LAYER_GZIP
from regcopy.model.platform import Platform
from regcopy.model.rootfs import RootfsImage, RootfsLayer

SECOND = 1_000_000_000
PLATFORM = Platform("linux", "arm64", "v8")


def layer(text: bytes, time_ns: int = 0, media_type: str = OCI_LAYER) -> RootfsLayer:
    """Describe a layer."""
    return RootfsLayer(
        Descriptor(media_type, Digest.of(text), len(text)), Digest.of(b"plain " + text), time_ns
    )


def config_of(*layers: RootfsLayer) -> dict[str, object]:
    """Give the config of an image."""
    loaded = json.loads(RootfsImage.of(layers, PLATFORM, comment="made up").config)
    assert isinstance(loaded, dict)
    return loaded


def test_the_config_is_byte_for_byte_that_of_containers_image() -> None:
    one = layer(b"one", 1577934245 * SECOND + 123_456_789)

    image = RootfsImage.of([one], PLATFORM, comment="imported from tarball")

    assert image.config.decode() == (
        '{"created":"2020-01-02T03:04:05.123456789Z","architecture":"arm64","os":"linux",'
        f'"config":{{}},"rootfs":{{"type":"layers","diff_ids":["{one.diff_id}"]}},'
        '"history":[{"created":"2020-01-02T03:04:05.123456789Z",'
        f'"created_by":"/bin/sh -c #(nop) ADD file:{one.diff_id.hex} in /",'
        '"comment":"imported from tarball"}]}'
    )


def test_the_manifest_names_the_layers_in_order_and_the_config() -> None:
    layers = [layer(b"one"), layer(b"two", media_type=OCI_LAYER_GZIP)]

    image = RootfsImage.of(layers, PLATFORM, comment="made up")

    parsed = parse_manifest(image.manifest)
    assert isinstance(parsed, ImageManifest)
    assert parsed.config is not None
    assert parsed.config.digest == Digest.of(image.config)
    assert parsed.layers == tuple(one.blob for one in layers)
    assert image.manifest.content.startswith(b'{"schemaVersion":2,"config":')


def test_the_image_is_as_old_as_its_newest_layer() -> None:
    config = config_of(layer(b"old", SECOND), layer(b"new", 3 * SECOND), layer(b"mid", 2 * SECOND))

    assert config["created"] == "1970-01-01T00:00:03Z"


@pytest.mark.parametrize(
    ("time_ns", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (500_000_000, "1970-01-01T00:00:00.5Z"),
        (-1, "1969-12-31T23:59:59.999999999Z"),
        (10, "1970-01-01T00:00:00.00000001Z"),
        (253402300799 * SECOND, "9999-12-31T23:59:59Z"),
        (-62135596800 * SECOND, "0001-01-01T00:00:00Z"),
    ],
)
def test_times_have_the_digits_that_go_writes(time_ns: int, text: str) -> None:
    assert config_of(layer(b"one", time_ns))["created"] == text


@pytest.mark.parametrize("seconds", [253402300800, -62135596801, 2**62, -(2**62)])
def test_a_time_that_cannot_be_written_is_refused(seconds: int) -> None:
    with pytest.raises(ContentError, match="outside the years 1 to 9999"):
        config_of(layer(b"one", seconds * SECOND))
