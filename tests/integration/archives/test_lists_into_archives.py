"""Lists that bring several images into one archive, and the programs that take it from there."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest

from regcopy.testing.samples import single_image, write_layout
from tests.engines import Podman
from tests.programs import require_program, skopeo

ROOT = Path(__file__).resolve().parents[3]
IMAGES = [single_image(seed=f"list-{number}", layers=number) for number in (1, 2, 3)]


@pytest.fixture
def sources(tmp_path: Path) -> list[str]:
    """Layouts with one image each."""
    for number, image in enumerate(IMAGES):
        write_layout(image, tmp_path / f"in-{number}", "1")
    return [f"oci:{tmp_path}/in-{number}:1" for number in range(len(IMAGES))]


def batch(
    lines: list[str], folder: Path, content: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    """Copy a list in a process of its own, which gets `content` on standard input."""
    (folder / "url.txt").write_text("\n".join(lines))
    return subprocess.run(
        [sys.executable, "-m", "regcopy", "batch", "--jobs=2", "url.txt"],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "TMPDIR": str(folder)},
        input=content,
        capture_output=True,
        timeout=100,
        check=True,
    )


def test_podman_loads_all_images_of_a_list(
    podman: Podman, tmp_path: Path, sources: list[str]
) -> None:
    names = [f"localhost/listed/app:{number}" for number in range(len(IMAGES))]
    lines = [
        f"{source} docker-archive:all.tar:{name}"
        for source, name in zip(sources, names, strict=True)
    ]
    batch(lines, tmp_path)
    podman.run("load", "--quiet", f"--input={tmp_path}/all.tar")
    found = json.loads(podman.run("image", "inspect", *names))
    assert [len(one["RootFS"]["Layers"]) for one in found] == [1, 2, 3]


def test_podman_loads_them_from_a_pipe(podman: Podman, tmp_path: Path, sources: list[str]) -> None:
    lines = [
        f"{source} docker-archive:/dev/stdout:localhost/streamed/app:{number}"
        for number, source in enumerate(sources)
    ]
    ended = batch(lines, tmp_path)
    assert ended.stdout.endswith(bytes(1024))  # no text behind the archive
    assert b"3 images: 3 done" in ended.stderr
    podman.run("load", "--quiet", content=ended.stdout)
    for number in range(len(IMAGES)):
        podman.run("image", "exists", f"localhost/streamed/app:{number}")


@pytest.mark.parametrize("kind", ["docker-archive", "oci-archive"])
def test_skopeo_reads_each_image_of_a_list(tmp_path: Path, sources: list[str], kind: str) -> None:
    require_program("skopeo")
    lines = [f"{source} {kind}:all.tar:app:{number}" for number, source in enumerate(sources)]
    batch(lines, tmp_path)
    for number in range(len(IMAGES)):
        target = tmp_path / f"out-{number}"
        skopeo("copy", f"{kind}:{tmp_path}/all.tar:app:{number}", f"dir:{target}")
        manifest = json.loads((target / "manifest.json").read_bytes())
        assert len(manifest["layers"]) == number + 1
        original = json.loads(IMAGES[number].top.content)
        assert manifest["config"]["digest"] == original["config"]["digest"]


def test_a_list_is_read_out_of_one_archive_in_a_pipe(tmp_path: Path, sources: list[str]) -> None:
    require_program("skopeo")
    lines = [f"{source} docker-archive:all.tar:app:{n}" for n, source in enumerate(sources)]
    batch(lines, tmp_path)
    packed = gzip.compress((tmp_path / "all.tar").read_bytes())
    back = [f"docker-archive:/dev/stdin:app:{n} oci:out:{n}" for n in range(len(IMAGES))]
    batch(back, tmp_path, packed)
    for number, image in enumerate(IMAGES):
        found = json.loads(skopeo("inspect", "--config", "--raw", f"oci:{tmp_path}/out:{number}"))
        assert len(found["rootfs"]["diff_ids"]) == len(image.blobs) - 1
