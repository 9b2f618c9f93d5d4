"""A real registry behind a balancer that ends every connection long before a layer is through."""

from __future__ import annotations

import hashlib
from typing import Final

from regcopy.model.digest import Digest
from regcopy.transports.base import Context
from tests.cutting_front import CuttingFront
from tests.docker_tools import describe, open_destination, open_source, opened_by, put
from tests.registry_tools import RegistryTools
from tests.servers import Registry

MIB: Final = 1024 * 1024
LAYER: Final = hashlib.shake_128(b"layer").digest(12 * MIB)


def test_a_layer_arrives_in_parts(
    registry: Registry, tools: RegistryTools, repository: str, destination_context: Context
) -> None:
    with (
        CuttingFront(registry.host, after=4 * MIB) as front,
        open_destination(front.host, repository, destination_context) as destination,
    ):
        put(destination, LAYER)
        assert front.cuts >= 2
    assert tools.get_blob(repository, Digest.of(LAYER)) == LAYER


def test_a_layer_is_read_on_from_each_cut(
    registry: Registry, tools: RegistryTools, repository: str, source_context: Context
) -> None:
    tools.push_blob(LAYER, repository)
    blob = describe(LAYER)
    with (
        registry.watch() as seen,
        CuttingFront(registry.host, after=5 * MIB) as front,
    ):
        source = open_source(front.host, repository, source_context)
        with opened_by(lambda offset: source.open_blob(blob, offset=offset), blob) as stream:
            found = b"".join(iter(lambda: stream.read(MIB), b""))
        assert front.cuts == 2
    assert found == LAYER
    statuses = sorted(request.status for request in seen if request.method == "GET")
    assert statuses == [200, 206, 206]
