"""The contract suite on a real registry, as that of a cluster (`atomic:`)."""

from __future__ import annotations

import uuid

import pytest

from regcopy.testing.contract import *  # noqa: F403
from regcopy.testing.place import Place
from regcopy.transports import parse_reference
from regcopy.transports.base import SideOptions
from tests.servers import Registry


@pytest.fixture
def place(registry: Registry) -> Place:
    """Streams in a namespace that no other test uses."""
    unique = uuid.uuid4().hex
    return Place(
        lambda name: parse_reference(f"atomic:{registry.host}/{unique}/{name}:tag"),
        SideOptions(tls_verify=False),
    )
