"""Runs that die in the middle of a large blob, and the next one, which goes on with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from regcopy.api import copy
from regcopy.errors import ConnectionFailed, RegcopyError
from regcopy.model.digest import Digest
from regcopy.testing.samples import SampleImage, single_image
from regcopy.transports.base import RetryPolicy
from tests.fake_registry import Exchange, FakeRegistry
from tests.lists import QUICK

ROOT = Path(__file__).resolve().parents[2]
MIB = 1024 * 1024
LAYER_BYTES = 9 * MIB
HALF = LAYER_BYTES // 2
PLACES = {"oci": "oci:{}:1", "dir": "dir:{}"}


@pytest.fixture(scope="module")
def image() -> SampleImage:
    """An image with one large layer."""
    return single_image(layers=1, layer_bytes=LAYER_BYTES, seed="dies")


@pytest.fixture
def layer(fake: FakeRegistry, image: SampleImage) -> Digest:
    """The layer, in a registry."""
    fake.hold(image, "app", "1")
    return max(image.blobs, key=lambda digest: len(image.blobs[digest]))


def cut_in_half(exchange: Exchange) -> bool:
    exchange.cut = HALF
    return False


def begun(folder: Path) -> list[int]:
    """Sizes of what runs have left to go on with."""
    return [path.stat().st_size for path in folder.rglob(".regcopy-*.part")]


def wait_until(condition: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert process.poll() is None
        assert time.monotonic() < deadline
        threading.Event().wait(0.02)


@pytest.mark.parametrize("place", PLACES)
def test_a_killed_run_is_gone_on_with(
    fake: FakeRegistry, image: SampleImage, layer: Digest, tmp_path: Path, place: str
) -> None:
    target = PLACES[place].format(tmp_path / "out")
    gate = threading.Event()
    fake.on("GET", f"/blobs/{layer}", cut_in_half, lambda _: gate.wait(30))
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "regcopy", "copy", "--quiet", "--src-tls-verify=false"),
            *(f"docker://{fake.host}/app:1", target),
        ],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)},
        stderr=subprocess.DEVNULL,
    )
    try:
        # It has got the first half, and waits for the second.
        wait_until(lambda: len(fake.asked("GET", str(layer))) == 2, process)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(20)
        gate.set()
    [size] = begun(tmp_path / "out")
    before = len(fake.asked("GET", str(layer)))
    result = copy(f"docker://{fake.host}/app:1", target, source_access=QUICK)
    assert result.digest == image.digest
    again = fake.asked("GET", str(layer))[before:]
    assert [exchange.headers["range"] for exchange in again] == [f"bytes={size}-"]
    assert begun(tmp_path) == []
    assert copy(target, f"dir:{tmp_path}/check").digest == image.digest


@pytest.mark.parametrize("place", PLACES)
def test_a_run_that_lost_its_registry_is_gone_on_with(
    fake: FakeRegistry, image: SampleImage, layer: Digest, tmp_path: Path, place: str
) -> None:
    target = PLACES[place].format(tmp_path / "out")
    once = replace(QUICK, retry=RetryPolicy(tries=2, first_delay_seconds=0.001))
    is_gone = threading.Event()
    is_gone.set()

    def vanish(exchange: Exchange) -> bool:
        if is_gone.is_set():
            exchange.reset()
        return is_gone.is_set()

    fake.on("GET", f"/blobs/{layer}", cut_in_half, vanish, forever=True)
    with pytest.raises(ConnectionFailed):
        copy(f"docker://{fake.host}/app:1", target, source_access=once)
    assert begun(tmp_path) == [HALF]
    is_gone.clear()
    before = len(fake.asked("GET", str(layer)))
    copy(f"docker://{fake.host}/app:1", target, source_access=once)
    again = fake.asked("GET", str(layer))[before:]
    assert [exchange.headers["range"] for exchange in again] == [f"bytes={HALF}-"]
    assert copy(target, f"dir:{tmp_path}/check").digest == image.digest


@pytest.mark.parametrize("place", PLACES)
def test_an_image_that_is_gone_for_good_leaves_nothing(
    fake: FakeRegistry, layer: Digest, tmp_path: Path, place: str
) -> None:
    def gone(exchange: Exchange) -> bool:
        exchange.error(404, "BLOB_UNKNOWN")
        return True

    fake.on("GET", f"/blobs/{layer}", cut_in_half, gone, forever=True)
    with pytest.raises(RegcopyError):
        copy(
            f"docker://{fake.host}/app:1",
            PLACES[place].format(tmp_path / "out"),
            source_access=QUICK,
        )
    assert not (tmp_path / "out").exists()
