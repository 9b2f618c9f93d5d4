"""`--dest-precompute-digests`: of a layer that the registry has, no byte is uploaded."""

from __future__ import annotations

from pathlib import Path

import pytest

from regcopy.testing.samples import single_image, write_dir
from tests.command_line import run_cli
from tests.fake_registry import FakeRegistry


@pytest.fixture(autouse=True)
def plain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An image in `dir:plain` whose layers are gzipped on the way to a registry."""
    write_dir(single_image(plain=True), tmp_path / "plain")
    monkeypatch.chdir(tmp_path)


def uploaded_bytes(fake: FakeRegistry, *flags: str) -> int:
    """Copy to a tag of its own; give the bytes of blobs that the registry was sent."""
    fake.seen.clear()
    flags = ("--dest-tls-verify=false", *flags)
    tag = str(len(fake.manifests))
    assert run_cli("copy", *flags, "dir:plain", f"docker://{fake.host}/app:{tag}").code == 0
    return sum(exchange.body_bytes for exchange in fake.seen if "/blobs/" in exchange.path)


def test_layers_that_are_there_are_not_uploaded_again(fake: FakeRegistry) -> None:
    assert uploaded_bytes(fake, "--dest-precompute-digests") > 0
    assert uploaded_bytes(fake, "--dest-precompute-digests") == 0


def test_without_the_flag_they_are_sent_because_nobody_knows_them_before(
    fake: FakeRegistry,
) -> None:
    first = uploaded_bytes(fake)
    assert 0 < uploaded_bytes(fake) < first


def test_layers_that_stay_as_they_are_are_asked_for_anyway(
    fake: FakeRegistry, tmp_path: Path
) -> None:
    write_dir(single_image(), tmp_path / "plain")
    assert uploaded_bytes(fake) > 0
    assert uploaded_bytes(fake) == 0
