"""The demo: what it says, what it notices, and what it leaves."""

from __future__ import annotations

import tempfile
import threading
from pathlib import Path

import pytest

from regcopy.api import copy, get_manifest
from regcopy.copying.result import CopyResult
from regcopy.errors import Cancelled
from regcopy.model.manifest import RawManifest
from regcopy.testing import demo
from regcopy.testing.samples import multi_platform_image

BYTES = 1000
DIGEST = str(multi_platform_image(layer_bytes=BYTES, shared_layers=1).digest)


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary folders are made."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_it_shows_the_same_digest_at_five_stops(temporary: Path) -> None:
    lines: list[str] = []

    assert demo.run_demo(lines.append, layer_bytes=BYTES)

    stops = [line[:10] for line in lines if DIGEST in line]
    assert stops == ["registry A", "registry B", "oci layout", "directory ", "registry A"]
    assert lines[-1] == "The digest is the same at every stop, and so is each of 13 blobs."
    assert list(temporary.iterdir()) == []


def test_another_digest_at_one_stop_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []

    def other(reference: str, **kwargs: object) -> RawManifest:
        found = get_manifest(reference, **kwargs)  # type: ignore[arg-type]
        return RawManifest(found.content + b" ", "") if reference.startswith("dir:") else found

    monkeypatch.setattr(demo, "get_manifest", other)

    assert not demo.run_demo(lines.append, layer_bytes=BYTES)
    assert [line[:10] for line in lines if line.endswith("DIFFERS")] == ["directory "]
    assert lines[-1] == "The digest is not the same at every stop."


def test_a_damaged_blob_at_one_stop_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, temporary: Path
) -> None:
    lines: list[str] = []

    def damage(source: str, destination: str, **kwargs: object) -> CopyResult:
        result = copy(source, destination, **kwargs)  # type: ignore[arg-type]
        if "/back/" in destination:
            next(temporary.glob("*/b/blobs/sha256/*")).write_bytes(b"damaged")
        return result

    monkeypatch.setattr(demo, "copy", damage)

    assert not demo.run_demo(lines.append, layer_bytes=BYTES)
    assert lines[-1] == "Blobs differ from those of the image: registry B."


def test_it_can_be_cancelled_and_leaves_nothing(temporary: Path) -> None:
    cancelled = threading.Event()
    cancelled.set()

    with pytest.raises(Cancelled):
        demo.run_demo(lambda line: None, layer_bytes=BYTES, cancelled=cancelled)

    assert list(temporary.iterdir()) == []
