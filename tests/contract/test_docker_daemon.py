"""The contract suite on daemons (`docker-daemon:`): Podman's service, and one of our own."""

from __future__ import annotations

import uuid
from functools import partial

import pytest

from regcopy.testing.contract import *  # noqa: F403
from regcopy.testing.place import Place
from regcopy.testing.samples import single_image
from regcopy.transports import parse_reference
from regcopy.transports.base import SideOptions
from tests.docker_archives import made_up


@pytest.fixture(params=["daemon", "podman_socket"])
def place(request: pytest.FixtureRequest) -> Place:
    """Names that no other test uses."""
    found = request.getfixturevalue(request.param)
    unique = uuid.uuid4().hex
    return Place(
        lambda name: parse_reference(f"docker-daemon:localhost/{unique}/{name}:1"),
        SideOptions(daemon_host=getattr(found, "address", found)),
        single=partial(single_image, family="v2s2", plain=True),
        holds_indexes=False,
        as_read=made_up,
    )
