"""The contract suite on a store that podman writes and we read (`containers-storage:`)."""

from __future__ import annotations

import uuid
from functools import partial

import pytest

from regcopy.testing.contract import *  # noqa: F403
from regcopy.testing.place import Place
from regcopy.testing.samples import single_image
from regcopy.transports import parse_reference
from tests.engines import Podman


@pytest.fixture
def place(podman: Podman) -> Place:
    """Names that no other test uses."""
    unique = uuid.uuid4().hex
    return Place(
        lambda name: parse_reference(
            f"containers-storage:{podman.store_spec}localhost/{unique}/{name}:1"
        ),
        single=partial(single_image, plain=True),
        holds_indexes=False,
    )
