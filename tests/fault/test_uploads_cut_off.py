"""Uploads whose every request is cut off after so much, as fronts with a limit of time do."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Final

import pytest

from regcopy.errors import ConnectionFailed
from regcopy.model.digest import Digest
from regcopy.transports.base import Context, SideOptions
from tests.conftest import Keep
from tests.contexts import QUICK, make_context
from tests.docker_tools import open_destination, put
from tests.fake_registry import Exchange, FakeRegistry
from tests.faults import refuse, reset

KIB: Final = 1024
MIB: Final = 1024 * KIB
CONTENT: Final = hashlib.shake_128(b"blob").digest(3 * MIB + 5)
SESSION: Final = "/blobs/uploads/[0-9a-f]"


def upload(fake: FakeRegistry, context: Context, content: bytes = CONTENT) -> None:
    """Bring a blob to a/b, and see that it is there."""
    with open_destination(fake.host, "a/b", context) as destination:
        put(destination, content)
    assert fake.blobs["a/b", Digest.of(content)] == content


def cut_after(limit: int, *, keeps: bool) -> Callable[[Exchange], bool]:
    """End every request after so many bytes of its body; `keeps` what came of a part."""

    def fault(exchange: Exchange) -> bool:
        if int(exchange.headers.get("content-length", "0")) <= limit:
            return False
        session = exchange.registry.uploads[exchange.path.rpartition("/")[2]]
        begun, came = len(session), b""
        for block in exchange.body():
            came += block
            if len(came) >= limit:
                break
        if keeps and exchange.method == "PATCH":
            session[begun:] = came[:limit]
        exchange.reset()
        return True

    return fault


def cut_all(fake: FakeRegistry, limit: int, *, keeps: bool = False) -> None:
    """Cut off all bodies that are longer."""
    for method in ("PUT", "PATCH"):
        fake.on(method, SESSION, cut_after(limit, keeps=keeps), forever=True)


def lengths(fake: FakeRegistry, method: str) -> list[int]:
    """How long the bodies of all requests of a method were to be."""
    return [int(e.headers["content-length"]) for e in fake.asked(method)]


def test_a_blob_that_is_cut_off_again_and_again_goes_in_parts(
    fake: FakeRegistry, destination_context: Context
) -> None:
    cut_all(fake, MIB)
    upload(fake, destination_context)
    assert lengths(fake, "PUT") == [len(CONTENT), len(CONTENT), 0]
    assert max(lengths(fake, "PATCH")[-3:]) <= MIB


def test_what_a_registry_keeps_of_a_part_is_not_sent_again(
    fake: FakeRegistry, destination_context: Context
) -> None:
    cut_all(fake, MIB, keeps=True)
    upload(fake, destination_context)
    begins = [int(e.headers["content-range"].partition("-")[0]) for e in fake.asked("PATCH")]
    assert begins == sorted(set(begins))


def test_the_next_blob_goes_in_parts_at_once(
    fake: FakeRegistry, destination_context: Context
) -> None:
    cut_all(fake, MIB)
    upload(fake, destination_context)
    fake.seen.clear()
    upload(fake, destination_context, CONTENT[1:])
    assert lengths(fake, "PUT") == [0]
    assert {e.status for e in fake.asked("PATCH")} == {202}


def test_a_large_blob_is_cut_off_only_once(
    fake: FakeRegistry, destination_context: Context
) -> None:
    content = bytes(65 * MIB)
    fake.on("PUT", SESSION, reset(after_body_bytes=MIB))
    upload(fake, destination_context, content)
    assert lengths(fake, "PUT") == [len(content), 0]


@pytest.mark.parametrize("status", [400, 404, 405, 416])
def test_a_registry_that_takes_no_parts_gets_it_whole_again(
    fake: FakeRegistry, destination_context: Context, status: int
) -> None:
    fake.on("PUT", SESSION, *[reset(after_body_bytes=MIB)] * 2)
    fake.on("PATCH", SESSION, refuse(status, "UNSUPPORTED"), forever=True)
    upload(fake, destination_context)
    assert lengths(fake, "PUT") == [len(CONTENT)] * 3
    assert len(fake.asked("PATCH")) == 1
    fake.seen.clear()
    upload(fake, destination_context, CONTENT[1:])
    assert fake.asked("PATCH") == []


def test_parts_that_get_on_are_tried_more_often_than_one_that_does_not(
    fake: FakeRegistry, keep: Keep
) -> None:
    options = SideOptions(tls_verify=False, chunk_threshold_bytes=MIB)
    context = keep(make_context("destination", options=options))
    fake.on("PATCH", SESSION, cut_after(300 * KIB, keeps=True), forever=True)
    upload(fake, context)
    assert len([e for e in fake.asked("PATCH") if e.status is None]) > QUICK.tries


def test_an_upload_that_gets_nowhere_ends(fake: FakeRegistry, destination_context: Context) -> None:
    cut_all(fake, 10 * KIB)
    with pytest.raises(ConnectionFailed):
        upload(fake, destination_context)
    assert len(fake.asked("PUT") + fake.asked("PATCH")) == QUICK.tries
    assert fake.uploads == {}
