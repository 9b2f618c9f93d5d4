"""The contract suite on archives of docker save (`docker-archive:`)."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from regcopy.testing.contract import *  # noqa: F403
from regcopy.testing.place import Place
from regcopy.testing.samples import single_image
from regcopy.transports import parse_reference
from tests.docker_archives import made_up


@pytest.fixture(params=["with a name", "without a name", "old transport name"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Archives in a folder of the test."""
    transport = "docker-tar" if request.param == "old transport name" else "docker-archive"
    tail = ":app:1" if request.param == "with a name" else ""
    return Place(
        lambda name: parse_reference(f"{transport}:{tmp_path}/{name}.tar{tail}"),
        single=partial(single_image, family="v2s2", plain=True),
        holds_indexes=False,
        replaces=False,
        as_read=made_up,
    )
