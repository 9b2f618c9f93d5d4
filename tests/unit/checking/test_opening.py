"""An image that is open for reading."""

from __future__ import annotations

from pathlib import Path

import pytest

import regcopy
from regcopy.checking import open_image
from regcopy.errors import DigestMismatch, NotFound
from regcopy.model.descriptor import Descriptor
from regcopy.testing.samples import single_image


def first_layer() -> Descriptor:
    return regcopy.inspect("oci:one:t").manifest.layers[0]


@pytest.mark.usefixtures("images")
def test_a_layer_is_read_without_copying_the_image() -> None:
    layer = first_layer()
    with open_image("oci:one:t") as image, image.stream(layer) as stream:
        content = b"".join(iter(lambda: stream.read(100), b""))

    assert content == single_image().blobs[layer.digest]


def test_a_layer_that_was_changed_is_not_given_out_whole(images: Path) -> None:
    layer = first_layer()
    path = images / "one" / "blobs" / "sha256" / layer.digest.hex
    path.write_bytes(path.read_bytes()[:-1] + b"?")

    with (
        pytest.raises(DigestMismatch),
        open_image("oci:one:t") as image,
        image.stream(layer) as stream,
    ):
        stream.drain()


def test_what_is_not_there_is_named(images: Path) -> None:
    with pytest.raises(NotFound) as caught, open_image(f"dir:{images}/none") as image:
        image.source.get_manifest()

    assert caught.value.reference == f"dir:{images}/none"
