"""`layers` through skopeo and regcopy: the same files, and the same messages."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from regcopy.testing.samples import single_image, write_dir, write_layout
from tests.command_line import Ended, run_cli
from tests.programs import require_program

LAYER = next(iter(single_image().blobs))


@pytest.fixture(autouse=True)
def images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`oci:one:t` and `dir:docker`, in the current folder."""
    write_layout(single_image(), tmp_path / "one", "t")
    write_dir(single_image(family="v2s2"), tmp_path / "docker")
    monkeypatch.chdir(tmp_path)


def skopeo(*arguments: str) -> Ended:
    done = subprocess.run(
        [require_program("skopeo"), "--insecure-policy", *arguments],
        capture_output=True,
        timeout=60,
        check=False,
        env={"PATH": os.environ["PATH"], "HOME": os.getcwd()},
    )
    return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())


def written() -> dict[str, bytes]:
    """Take away what the last call has written, and give it."""
    found: dict[str, bytes] = {}
    for folder in Path().glob("layers-*"):
        for path in folder.iterdir():
            found[path.name] = path.read_bytes()
            path.unlink()
        folder.rmdir()
    return found


@pytest.mark.parametrize(
    "line",
    [
        "layers oci:one:t",
        "layers dir:docker",
        f"layers oci:one:t {LAYER}",
        f"layers oci:one:t {LAYER.hex} {LAYER}",
    ],
)
def test_the_same_files_are_written(line: str) -> None:
    theirs, their_files = skopeo(*line.split()), written()
    ours = run_cli("--insecure-policy", *line.split(), program="skopeo")
    assert (ours.code, ours.out, ours.err) == (theirs.code, theirs.out, theirs.err)
    assert written() == their_files != {}


@pytest.mark.parametrize("line", ["layers", "layers x", "layers nope:x", "layers --nope"])
def test_what_cannot_be_done_is_told_alike(line: str) -> None:
    theirs = skopeo(*line.split())
    ours = run_cli("--insecure-policy", *line.split(), program="skopeo")
    assert (ours.code, ours.out, ours.fatal) == (theirs.code, theirs.out, theirs.fatal)
    assert written() == {}
