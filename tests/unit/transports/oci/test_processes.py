"""Processes that write into one layout at once, and one that attacks it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from regcopy.errors import (
    StorageFailed,
)
from regcopy.testing.samples import SampleImage, multi_platform_image, single_image
from regcopy.transports.base import ImageDestination, SideOptions
from regcopy.transports.oci import OciReference
from regcopy.transports.oci.layout import LayoutIndex
from tests.contexts import make_context
from tests.hand_copy import put_image, read_image, write_image

ONE = single_image(seed="one")
TWO = single_image(seed="two")
FOUR = multi_platform_image(layers=1)


def oci(path: Path, name: str = "") -> OciReference:
    """Name an image of a layout."""
    return OciReference(str(path), name)


def open_layout(
    path: Path, name: str = "", *, options: SideOptions | None = None
) -> ImageDestination:
    """Open a layout for writing."""
    return oci(path, name).open_destination(make_context("destination", options=options))


def fail_run(
    path: Path,
    image: SampleImage,
    error: BaseException,
    *,
    meanwhile: Callable[[], None] = lambda: None,
    options: SideOptions | None = None,
) -> None:
    """Write all of an image as "bad", and fail before the commit."""
    with open_layout(path, "bad", options=options) as destination:
        put_image(destination, image)
        meanwhile()
        raise error


def names(path: Path) -> tuple[str, ...]:
    """Names in index.json."""
    return LayoutIndex.parse((path / "index.json").read_bytes()).names()


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


def test_a_folder_that_somebody_swaps_with_a_link_is_never_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    write_image(ONE, oci(tmp_path / "layout", "v1"))
    swapped = str(tmp_path / "layout" / "blobs" / "sha256")
    command = [sys.executable, "-c", SWAP, swapped, str(outside)]
    outcomes: list[str] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE) as attacker:
        assert attacker.stdout is not None
        attacker.stdout.readline()
        for number in range(50):
            try:
                write_image(single_image(seed=str(number)), oci(tmp_path / "layout", "v2"))
                outcomes.append("written")
            except StorageFailed:
                outcomes.append("refused")
        found = list(outside.iterdir())
        outside.rmdir()

    assert found == []
    assert len(outcomes) == 50


WRITER = """
import sys
from pathlib import Path
from regcopy.errors import ContentError
from regcopy.testing.samples import single_image
from tests.hand_copy import put_image, write_image
from tests.unit.transports.oci.test_destination import oci, open_layout

path, who, how = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
print("ready", flush=True)
sys.stdin.readline()
for number in range(15):
    image = single_image(seed=f"{who}-{number}", layers=1, layer_bytes=10)
    if how == "good":
        write_image(image, oci(path, f"{who}-{number}"))
        continue
    try:
        with open_layout(path, "bad") as destination:
            put_image(destination, image)
            raise ContentError("bad input")
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
