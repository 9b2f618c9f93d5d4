"""Ctrl-C and SIGTERM in the middle of a list."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fake_registry import Exchange, FakeRegistry
from tests.lists import family

_ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def stuck(fake: FakeRegistry) -> Iterator[threading.Event]:
    """The registry answers for image 0, and for no other; set once another was asked for."""
    asked, over = threading.Event(), threading.Event()
    for number, image in enumerate(family(3)):
        fake.hold(image, "app", str(number))

    def hang(_: Exchange) -> bool:
        asked.set()
        over.wait(60)
        return False

    fake.on("GET", "manifests/[12]", hang, forever=True)
    yield asked
    over.set()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_run_leaves_its_report_and_what_is_to_be_run_again(
    stuck: threading.Event, fake: FakeRegistry, tmp_path: Path, number: signal.Signals
) -> None:
    texts = [f"docker://{fake.host}/app:{n} dir:{tmp_path}/out-{n}" for n in range(3)]
    (tmp_path / "list").write_text("\n".join(texts))
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "regcopy", "batch", "--src-tls-verify=false", "--jobs", "1"),
            *("--report", f"{tmp_path}/report", "--failures", f"{tmp_path}/failed"),
            str(tmp_path / "list"),
        ],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(_ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert stuck.wait(60)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert f"stopped by {number.name}".encode() in err
    assert b"(it did not end in order)" not in err
    assert b"3 images: 1 done, 2 not finished" in out
    first, *_ = [json.loads(line) for line in (tmp_path / "report").read_text().splitlines()]
    assert (first["line"], first["status"]) == (1, "done")
    kept = [t for t in (tmp_path / "failed").read_text().splitlines() if t[0] != "#"]
    assert kept == texts[1:]
