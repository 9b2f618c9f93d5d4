"""Layers of Docker's schema 1 from a registry that gives other bytes than it should."""

from __future__ import annotations

import json
from typing import Final

import pytest

from regcopy.api import Access
from regcopy.config.environment import Environment
from regcopy.copying.options import CopyOptions
from regcopy.errors import ContentError
from regcopy.model.digest import Digest
from regcopy.session import Session
from regcopy.testing.samples import make_layer
from regcopy.transports.base import RetryPolicy, SideOptions
from tests.fake_registry import FakeRegistry
from tests.faults import reply
from tests.schema1 import gzipped, schema1_image

PLAIN: Final = make_layer("right", 1_000_000)
(STORED,) = gzipped(PLAIN)
(WRONG,) = gzipped(make_layer("wrong", 100))
IMAGE: Final = schema1_image([STORED])
ONCE: Final = Access(options=SideOptions(tls_verify=False), retry=RetryPolicy(tries=1))


def copy(session: Session, source: FakeRegistry, destination: FakeRegistry) -> None:
    session.copy(
        f"docker://{source.host}/app:1",
        f"docker://{destination.host}/copy:1",
        options=CopyOptions(format="v2s2"),
        source_access=ONCE,
        destination_access=ONCE,
    )


def test_what_a_wrong_layer_unpacks_to_is_in_no_other_images_config(
    fake: FakeRegistry,
) -> None:
    with (
        FakeRegistry() as liar,
        FakeRegistry() as honest,
        Session(environment=Environment({})) as session,
    ):
        liar.hold(IMAGE, "app", "1")
        # It is as long as the right one, and is unpacked before all of it has passed.
        wrong = WRONG.ljust(len(STORED), b"\0")
        liar.on("GET", "/blobs/", reply(200, wrong), forever=True)
        honest.hold(IMAGE, "app", "1")
        with pytest.raises(ContentError):
            copy(session, liar, fake)
        # What is there already need not pass a second time.
        fake.hold_blob(STORED, "copy")
        copy(session, honest, fake)

    manifest = json.loads(fake.manifests["copy", "1"].content)
    config = json.loads(fake.blobs["copy", Digest.parse(manifest["config"]["digest"])])
    assert config["rootfs"]["diff_ids"] == [str(Digest.of(PLAIN))]
