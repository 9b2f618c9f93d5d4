"""Layers that are unpacked on the way are compared with what the config says of them."""

from __future__ import annotations

import pytest

from regcopy.copying import source_blobs
from regcopy.copying.options import CopyOptions, Instances
from regcopy.errors import DigestMismatch, LimitExceeded, ManifestInvalid
from regcopy.model.digest import Digest
from regcopy.model.mediatypes import CompressionFormat
from regcopy.transports.base import LayerForm
from tests.layers import (
    image_with,
    index_of,
    layer_digests,
    tars,
    with_config,
)
from tests.unit.copying.conftest import World, with_format


@pytest.mark.parametrize(("form", "wanted"), [("plain", None), ("compressed", "zstd")])
def test_a_layer_that_unpacks_to_something_else_fails_and_is_named(
    world: World, form: LayerForm, wanted: CompressionFormat | None
) -> None:
    ids = [str(Digest.of(tars()[0])), str(Digest.of(b"other"))]
    image = with_config(image_with("gzip"), diff_ids=ids)
    victim = layer_digests(image)[1]
    with pytest.raises(DigestMismatch, match=f"decompressing layer {victim}: expected") as caught:
        world.takes(form).copy(world.source.add(image, "app"), with_format(wanted))
    assert caught.value.side == "source"
    assert str(caught.value.expected) == ids[1]
    assert world.destination.tags == {}


@pytest.mark.parametrize(
    ("rootfs", "why"),
    [
        ({}, "has 2 layers, and its config has diff IDs for 0"),
        ({"diff_ids": [f"sha256:{'0' * 64}"]}, "diff IDs for 1"),
        ({"diff_ids": ["sha256:0", "sha256:1"]}, r'"rootfs.diff_ids\[0\]" is no digest'),
        ({"diff_ids": "no list"}, "is not an array"),
        ({"Diff_IDs": []}, "by case only"),
    ],
)
def test_a_config_that_does_not_fit_fails_before_anything_moves(
    world: World, rootfs: dict[str, object], why: str
) -> None:
    image = with_config(image_with("gzip"), **rootfs)
    with pytest.raises(ManifestInvalid, match=why) as caught:
        world.takes("plain").copy(world.source.add(image, "app"))
    assert caught.value.side == "source"
    assert world.destination.called("put_blob") == []


def test_configs_that_are_too_large_together_are_refused(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source_blobs, "MAX_CONFIGS_BYTES", 100)
    with pytest.raises(LimitExceeded, match=r"the configs have [0-9]+ bytes together") as caught:
        world.takes("plain").copy(world.source.add(image_with("gzip"), "app"))
    assert caught.value.side == "source"


def test_two_images_that_contradict_each_other_fail(world: World) -> None:
    image = image_with("gzip")
    ids = [str(Digest.of(tar)) for tar in reversed(tars())]
    index = index_of(image, with_config(image, diff_ids=ids))
    options = CopyOptions(Instances("all"))
    with pytest.raises(ManifestInvalid, match=r"has diff ID sha256:.* and also sha256:"):
        world.takes("plain").copy(world.source.add(index, "app"), options)


def test_a_config_that_was_read_for_that_is_not_read_again(world: World) -> None:
    image = image_with("gzip")
    world.takes("plain").copy(world.source.add(image, "app"))
    opened = world.source.called("open_blob")
    assert len(opened) == len(set(opened)) == 3


def test_plain_layers_need_no_config_to_be_compressed(world: World) -> None:
    image = with_config(image_with("none"))
    world.takes("compressed").copy(world.source.add(image, "app"))
    assert len(world.destination.called("put_manifest")) == 1
