"""Sizes of layers that no manifest tells, where the registry does not tell them either."""

from __future__ import annotations

import pytest

from regcopy.copying.sizes import size_of
from regcopy.errors import NotFound
from regcopy.model.descriptor import UNKNOWN_SIZE, Descriptor
from regcopy.model.digest import Digest
from regcopy.model.mediatypes import DOCKER_LAYER_GZIP
from regcopy.testing.samples import single_image
from regcopy.transports.base import Context
from tests.docker_tools import open_source
from tests.fake_registry import FakeRegistry, Fault
from tests.faults import reply

IMAGE = single_image()
CONTENT = next(iter(IMAGE.blobs.values()))
LAYER = Descriptor(DOCKER_LAYER_GZIP, Digest.of(CONTENT), UNKNOWN_SIZE)
BLOBS = "/blobs/"


def size(fake: FakeRegistry, context: Context) -> int:
    fake.hold(IMAGE, "a/b", "1")
    return size_of(open_source(fake.host, "a/b", context), LAYER)


def test_the_size_of_a_blob_is_asked_for_by_head(
    fake: FakeRegistry, source_context: Context
) -> None:
    assert size(fake, source_context) == len(CONTENT)
    assert (len(fake.asked("HEAD", BLOBS)), len(fake.asked("GET", BLOBS))) == (1, 0)


@pytest.mark.parametrize(
    "fault",
    [reply(405), reply(403), reply(200), reply(200, headers={"Content-Length": "x"})],
)
def test_a_blob_is_read_where_its_size_is_not_told(
    fake: FakeRegistry, source_context: Context, fault: Fault
) -> None:
    fake.on("HEAD", BLOBS, fault)
    assert size(fake, source_context) == len(CONTENT)
    assert len(fake.asked("GET", BLOBS)) == 1


def test_a_blob_that_is_not_there_has_no_size(fake: FakeRegistry, source_context: Context) -> None:
    source = open_source(fake.host, "a/b", source_context)
    with pytest.raises(NotFound):
        size_of(source, LAYER)
