"""Real disks that are full: as the destination, as the place of temporary files, as the home."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest

from regcopy.testing.samples import single_image, write_layout
from tests.command_line import Ended, run_cli
from tests.fake_registry import FakeRegistry

LARGE: Final = single_image(seed="large", layers=3, layer_bytes=600_000)
SMALL: Final = single_image(seed="small", layers=1, layer_bytes=100)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB, where this process may mount one."""
    path = tmp_path / "disk"
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(path)]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=10)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("mounting a file system needs root")
    try:
        yield path
    finally:
        subprocess.run(["umount", str(path)], check=True, timeout=10)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A layout with an image that fits on the disk, and one that does not."""
    write_layout(SMALL, tmp_path / "in", "small")
    write_layout(LARGE, tmp_path / "large", "large")
    return tmp_path


def files(folder: Path) -> dict[str, bytes]:
    """All files below a folder."""
    found = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def fill(disk: Path) -> None:
    """Write until there is no room left."""
    with (disk / "filler").open("wb", buffering=0) as filler, suppress(OSError):
        while True:
            filler.write(bytes(4096))


def is_told(ended: Ended) -> bool:
    """Whether one line says that a disk is full, and what to do."""
    [line] = ended.log
    return "No space left on device" in line.message and "free space" in line.hint


@pytest.mark.parametrize("place", ["oci:{}:1", "dir:{}/image", "oci-archive:{}/a:1"])
def test_a_destination_that_is_full_keeps_the_image_that_it_had(
    images: Path, disk: Path, place: str
) -> None:
    target = place.format(disk)
    assert run_cli("copy", f"oci:{images}/in:small", target).code == 0
    before = files(disk)
    ended = run_cli("copy", f"oci:{images}/large:large", target)
    assert ended.code == 1
    assert is_told(ended)
    assert files(disk) == before


def test_an_archive_for_docker_that_does_not_fit_leaves_nothing(images: Path, disk: Path) -> None:
    ended = run_cli("copy", f"oci:{images}/large:large", f"docker-archive:{disk}/a.tar:a:1")
    assert ended.code == 1
    assert is_told(ended)
    assert files(disk) == {}


def test_a_full_temporary_folder_is_told_by_its_name(
    images: Path, disk: Path, fake: FakeRegistry
) -> None:
    archive = images / "large.tar"
    assert run_cli("copy", f"oci:{images}/large:large", f"docker-archive:{archive}:a:1").code == 0
    subprocess.run(["gzip", str(archive)], check=True, timeout=20)
    names = (f"docker-archive:{archive}.gz", f"docker://{fake.host}/out:1")
    ended = run_cli("--tmpdir", str(disk), "copy", "--dest-tls-verify=false", *names)
    assert ended.code == 1
    assert is_told(ended)
    assert str(disk) in ended.fatal
    assert files(disk) == {}
    assert ("out", "1") not in fake.manifests


def test_a_login_on_a_full_disk_loses_no_other_login(disk: Path, fake: FakeRegistry) -> None:
    auth = disk / "auth.json"
    auth.write_text(json.dumps({"auths": {"registry.example.com": {"auth": "YTpi"}}}))
    before = auth.read_bytes()
    fill(disk)
    flags = ("--tls-verify=false", "--authfile", str(auth), "-u", "me", "-p", "secret")
    ended = run_cli("login", *flags, fake.host)
    assert ended.code == 1
    assert is_told(ended)
    assert auth.read_bytes() == before
