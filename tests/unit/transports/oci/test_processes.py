"""Processes that write into one layout at once, and one that attacks it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from regcopy.errors import StorageFailed
from regcopy.testing.samples import single_image
from tests.hand_copy import read_image, write_image
from tests.places import names, oci

SWAP = """
import os, sys
folder, outside = sys.argv[1:]
print("ready", flush=True)
while os.path.exists(outside):
    try:
        os.rename(folder, folder + ".away")
        os.symlink(outside, folder)
        os.unlink(folder)
        os.rename(folder + ".away", folder)
    except OSError:
        pass
"""


def write_if_possible(number: int, layout: Path) -> None:
    """Write an image, which may be refused while somebody plays with the folder."""
    with suppress(StorageFailed):
        write_image(single_image(seed=str(number)), oci(layout, "v2"))


def test_a_folder_that_somebody_swaps_with_a_link_is_never_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    write_image(single_image(), oci(tmp_path / "layout", "v1"))
    swapped = str(tmp_path / "layout" / "blobs" / "sha256")
    command = [sys.executable, "-c", SWAP, swapped, str(outside)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as attacker:
        assert attacker.stdout is not None
        attacker.stdout.readline()
        try:
            for number in range(50):
                write_if_possible(number, tmp_path / "layout")
            found = list(outside.iterdir())
        finally:
            shutil.rmtree(outside)

    assert found == []


WRITER = """
import sys
from pathlib import Path
from regcopy.errors import ContentError
from regcopy.testing.samples import single_image
from tests.hand_copy import write_image
from tests.places import fail_run, oci

path, who, how = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
print("ready", flush=True)
sys.stdin.readline()
for number in range(15):
    image = single_image(seed=f"{who}-{number}", layers=1, layer_bytes=10)
    if how == "good":
        write_image(image, oci(path, f"{who}-{number}"))
        continue
    try:
        fail_run(oci(path, "bad"), image, ContentError("bad input"))
    except ContentError:
        pass
"""


def run_writers(path: Path, *writers: tuple[str, str]) -> None:
    """Run processes that write into one layout, from the same moment on."""
    root = Path(__file__).parents[4]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), who, how],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=root,
            env=environment,
        )
        for who, how in writers
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
    for process in processes:
        process.communicate(b"go\n", timeout=60)
    assert [process.returncode for process in processes] == [0] * len(processes)


def test_processes_that_write_tags_at_once_lose_none(tmp_path: Path) -> None:
    run_writers(tmp_path / "layout", ("a", "good"), ("b", "good"), ("c", "good"))

    written = {f"{who}-{number}" for who in "abc" for number in range(15)}
    assert set(names(tmp_path / "layout")) == written
    for name in written:
        read_image(oci(tmp_path / "layout", name))


def test_a_run_that_fails_takes_nothing_from_one_that_succeeds_beside_it(tmp_path: Path) -> None:
    run_writers(tmp_path / "layout", ("a", "good"), ("x", "bad"), ("y", "bad"))

    for number in range(15):
        read_image(oci(tmp_path / "layout", f"a-{number}"))
    assert "bad" not in names(tmp_path / "layout")
