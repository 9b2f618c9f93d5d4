"""A real registry behind nginx, which refuses large bodies while they are still being sent."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest

from regcopy.model.digest import Digest
from regcopy.transports.base import Context
from tests.conftest import unavailable
from tests.docker_tools import describe, open_destination, put
from tests.front import Front
from tests.registry_tools import RegistryTools
from tests.servers import Registry, ServerMissing

MIB = 1024 * 1024


@pytest.fixture
def front(registry: Registry) -> Iterator[Front]:
    """Take an nginx that takes bodies of 1 MiB, its own default."""
    try:
        with Front(registry.host) as running:
            yield running
    except ServerMissing as missing:
        unavailable(missing)


@pytest.mark.parametrize("megabytes", [2, 24])
def test_a_blob_larger_than_the_front_allows_goes_in_parts(
    front: Front,
    tools: RegistryTools,
    repository: str,
    destination_context: Context,
    megabytes: int,
) -> None:
    content = hashlib.shake_128(b"large").digest(megabytes * MIB)
    with open_destination(front.host, repository, destination_context) as destination:
        put(destination, content)
    assert tools.get_blob(repository, Digest.of(content)) == content


def test_what_was_learnt_holds_for_the_next_blob(
    front: Front, registry: Registry, repository: str, destination_context: Context
) -> None:
    with open_destination(front.host, repository, destination_context) as destination:
        put(destination, hashlib.shake_128(b"first").digest(4 * MIB))
        with registry.watch() as seen:
            put(destination, hashlib.shake_128(b"second").digest(4 * MIB))
    assert [r.method for r in seen] == ["POST", *["PATCH"] * 4, "PUT"]


def test_small_blobs_pass_whole(
    front: Front, registry: Registry, repository: str, destination_context: Context
) -> None:
    with (
        registry.watch() as seen,
        open_destination(front.host, repository, destination_context) as destination,
    ):
        put(destination, b"small")
        assert destination.find_blob(describe(b"small"))
    assert [r.method for r in seen] == ["POST", "PUT", "POST"]
