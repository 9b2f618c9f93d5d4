"""Sources that are silent for long, such as a front that scans a layer before it sends it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Final

import pytest

from regcopy.testing.samples import single_image
from tests.command_line import Ended, run_cli
from tests.fake_registry import Exchange, FakeRegistry

IMAGE: Final = single_image(layers=1)
LAYER: Final = max(IMAGE.blobs, key=lambda digest: len(IMAGE.blobs[digest]))


class Front:
    """Says nothing about the layer, until it is told that it may."""

    def __init__(self, source: FakeRegistry) -> None:
        self.may_speak = threading.Event()
        self.source = source
        source.hold(IMAGE, "in", "1")

    def scan(self, times: int) -> None:
        """Be silent on so many requests for the layer; the client gives each of them up."""
        self.source.on("GET", f"/blobs/{LAYER}", *[self._be_silent] * times)

    def scan_forever(self) -> None:
        """Be silent on all requests for the layer."""
        self.source.on("GET", f"/blobs/{LAYER}", self._be_silent, forever=True)

    def _be_silent(self, exchange: Exchange) -> bool:
        self.may_speak.wait(20)
        exchange.hang_up()
        return True


@pytest.fixture
def front(fake: FakeRegistry) -> Iterator[Front]:
    front = Front(fake)
    yield front
    front.may_speak.set()


@pytest.fixture
def target() -> Iterator[FakeRegistry]:
    with FakeRegistry() as running:
        yield running


def copy(source: FakeRegistry, target: FakeRegistry, *flags: str) -> Ended:
    plain = ("--src-tls-verify=false", "--dest-tls-verify=false", "--retry-delay=1ms")
    names = (f"docker://{source.host}/in:1", f"docker://{target.host}/out:1")
    return run_cli("copy", *plain, *flags, *names)


def test_a_layer_that_comes_after_a_long_silence_arrives(
    fake: FakeRegistry, front: Front, target: FakeRegistry
) -> None:
    waiting: list[str] = []

    def speak_late(_: Exchange) -> bool:
        waiting.extend(each.query["digest"] for each in target.asked("PUT", "/blobs/"))
        return False

    front.scan(2)
    fake.on("GET", f"/blobs/{LAYER}", speak_late)
    ended = copy(fake, target, "--stall-timeout=300ms")
    assert ended.code == 0, ended.err
    assert target.blobs["out", LAYER] == IMAGE.blobs[LAYER]
    assert str(LAYER) not in waiting


def test_a_layer_that_never_comes_is_told_with_what_to_do(
    fake: FakeRegistry, front: Front, target: FakeRegistry
) -> None:
    front.scan_forever()
    ended = copy(fake, target, "--stall-timeout=500ms", "--retry-times=1")
    assert ended.code == 1
    assert ended.fatal.startswith("source ")
    assert f"reading blob {LAYER} at byte 0" in ended.fatal
    assert "no answer within 0.5 s" in ended.fatal
    assert "--stall-timeout" in ended.hint
    assert target.uploads == {}
    assert ("out", "1") not in target.manifests
