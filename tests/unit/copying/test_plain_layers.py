"""What layers of Docker's schema 1 unpack to: learned once, in bounded memory, or not guessed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from regcopy.copying.schema1 import from_schema1
from regcopy.copying.tree import Node
from regcopy.model.digest import Digest
from regcopy.model.manifest import parse_manifest
from regcopy.streams.windows import WindowBudget
from regcopy.streams.zstd import CompressionParameter, ZstdCompressor
from regcopy.testing.samples import make_layer
from regcopy.transports.base import LayerForm
from tests.schema1 import gzipped, schema1_image
from tests.unit.copying.conftest import World, with_layers


class OneAtATime(WindowBudget):
    """Room for one large window, and no patience for who wants two."""

    def __init__(self) -> None:
        super().__init__(1 << 25)
        self.asked: list[int] = []

    def hold(self, size: int, check_stopped: Callable[[], None]) -> Callable[[], None]:
        self.asked.append(size)
        return super().hold(size, lambda: pytest.fail("it waits for itself"))


@pytest.mark.parametrize("layers", ["any", "plain"])
def test_room_for_a_large_window_is_held_once_for_each_layer(
    world: World, layers: LayerForm
) -> None:
    tar = make_layer("large", 3 << 20)
    compressor = ZstdCompressor(options={CompressionParameter.window_log: 25})
    image = schema1_image([compressor.compress(tar) + compressor.flush()])
    job = world.job(world.source.add(image, "app"), replace(with_layers(layers), format="oci"))
    budget = job.source_context.resources.get(WindowBudget, (), OneAtATime)

    result = world.run(job)

    manifest = json.loads(world.destination.manifests["copy"][result.digest].content)
    config = world.destination.blobs["copy"][Digest.parse(manifest["config"]["digest"])]
    assert json.loads(config)["rootfs"]["diff_ids"] == [str(Digest.of(tar))]
    assert isinstance(budget, OneAtATime)
    assert set(budget.asked) == {1 << 25}


def test_no_config_is_made_of_what_nobody_knows() -> None:
    top = schema1_image(gzipped(b"layer")).top

    with pytest.raises(RuntimeError, match="looked into"):
        from_schema1(Node(top, parse_manifest(top)), to="v2s2", layers={}, find=lambda _: None)
